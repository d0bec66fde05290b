// SPDX-License-Identifier: Apache-2.0
// Fetch overview.json, and say in a sentence why it could not be had.

/** How long the API server may take, in milliseconds. */
const TIMEOUT = 30000;

/** Headings by the code of an error of the data route. */
const HEADINGS = {
  no_bucket: "No bucket",
  no_metrics: "No metrics yet",
  no_permission: "No permission",
  other: "The metrics cannot be shown",
  misconfigured: "The bucket is not set up",
  too_large: "The overview is too large",
  unreadable: "The overview cannot be read",
  denied: "The bucket cannot be read",
  unavailable: "The bucket does not answer",
};

const UNREADABLE =
  "overview.json is cut short or is not JSON: wait for the next run of twitch_metrics, which writes it anew.";

const NO_RUN =
  "No run of the DAG that [twitch] overview_xcom names has made an overview yet: unpause it, and wait for a snapshot.";
const NO_ENTRY =
  "The newest run of the DAG that [twitch] overview_xcom names left no overview: set the option on the workers too, " +
  "and wait for the next run.";
const NO_PLUGINS =
  "Your role may not read plugins: ask an administrator for the permission «can read on Plugins».";
const NO_RUNS =
  "Your role may not read the runs and XComs of the DAG that [twitch] overview_xcom names: ask an administrator for " +
  "these permissions.";

/**
 * @typedef {object} Outcome
 * @property {any} [overview]
 * @property {string} [text]  what it was written as
 * @property {{title: string, sentence: string}} [error]
 * @property {number} [status]  of the answer
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
  if (runs.status === 403 || runs.status === 404) return failed(HEADINGS.no_permission, NO_RUNS);
  if (!runs.overview) return runs;
  const run = runs.overview.task_instances?.[0]?.dag_run_id;
  if (run === undefined) return failed(HEADINGS.no_metrics, NO_RUN);
  const found = await ask(entry.replace("{run_id}", encodeURIComponent(run)));
  if (found.status === 403) return failed(HEADINGS.no_permission, NO_RUNS);
  if (found.status === 404) return failed(HEADINGS.no_metrics, NO_ENTRY);
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
  const { status } = answer;
  if (status === 401) return { status, expired: true };
  if (status === 403) return failed(HEADINGS.no_permission, NO_PLUGINS, status);
  const body = parsed(text);
  if (answer.ok)
    return body === undefined ? failed(HEADINGS.unreadable, UNREADABLE) : { overview: body, text };
  const { code, sentence } = body?.error ?? {};
  if (typeof sentence === "string") return failed(HEADINGS[code] ?? HEADINGS.other, sentence);
  return failed(
    HEADINGS.other,
    `Airflow's API server answered with status ${status}: its log says why.`,
    status,
  );
}

const failed = (title, sentence, status) => ({ error: { title, sentence }, status });

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
