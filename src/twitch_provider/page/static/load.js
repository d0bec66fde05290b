// SPDX-License-Identifier: Apache-2.0
// Fetch overview.json, and say in a sentence why it could not be had.

/** How long the API server may take, in milliseconds. */
const TIMEOUT = 30000;

/** Headings by the code of an error of the data route. */
const HEADINGS = {
  no_bucket: "No bucket",
  no_metrics: "No metrics yet",
  misconfigured: "The bucket is not set up",
  too_large: "The overview is too large",
  unreadable: "The overview cannot be read",
  denied: "The bucket refuses access",
  unavailable: "The bucket does not answer",
};

const UNREADABLE =
  "overview.json is cut short or is not JSON: wait for the next run of twitch_metrics, which writes it anew.";

/**
 * @typedef {object} Outcome
 * @property {any} [overview]
 * @property {string} [text]  what it was written as
 * @property {{title: string, sentence: string}} [error]
 * @property {boolean} [expired]  nobody is logged in any more
 */

/**
 * @param {string} address
 * @returns {Promise<Outcome>}
 */
export async function load(address) {
  try {
    const outcome = await ask(address);
    return outcome.overview?.xcom ? await loadXcom(outcome.overview.xcom) : outcome;
  } catch (error) {
    const why =
      error.name === "TimeoutError" ? `did not answer within ${TIMEOUT / 1000} seconds` : "did not answer";
    return failed(
      "No connection",
      `Airflow's API server ${why}: check that it runs and that it can be reached.`,
    );
  }
}

/** Load what the newest run of the DAG has left in Airflow's database: the API server may not read the bucket. */
async function loadXcom({ newest, entry }) {
  const runs = await ask(newest);
  if (!runs.overview) return runs;
  const run = runs.overview.task_instances?.[0]?.dag_run_id;
  if (run === undefined)
    return failed(
      HEADINGS.no_metrics,
      "No run of twitch_metrics has made an overview yet: unpause it, and wait for a snapshot.",
    );
  const found = await ask(entry.replace("{run_id}", encodeURIComponent(run)));
  if (!found.overview) return found;
  const text = await unpacked(found.overview.value);
  const body = parsed(text);
  return body === undefined ? failed(HEADINGS.unreadable, UNREADABLE) : { overview: body, text };
}

/** The text in a gzip in base64, of which some versions of Airflow make JSON once more. */
async function unpacked(value) {
  try {
    const text = value.startsWith('"') ? JSON.parse(value) : value;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  } catch {
    return "";
  }
}

async function ask(address) {
  const answer = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT) });
  const text = await answer.text();
  if (answer.status === 401) return { expired: true };
  if (answer.status === 403) {
    return failed(
      "No permission",
      "Your role may not read plugins: ask an administrator for the permission «can read on Plugins».",
    );
  }
  const body = parsed(text);
  if (answer.ok && body !== undefined) return { overview: body, text };
  if (answer.ok) {
    return failed(HEADINGS.unreadable, UNREADABLE);
  }
  const { code, sentence } = body?.error ?? {};
  if (typeof sentence === "string") return failed(HEADINGS[code] ?? "The metrics cannot be shown", sentence);
  return failed(
    "The metrics cannot be shown",
    `Airflow's API server answered with status ${answer.status}: its log says why.`,
  );
}

const failed = (title, sentence) => ({ error: { title, sentence } });

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
