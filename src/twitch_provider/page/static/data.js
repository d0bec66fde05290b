// SPDX-License-Identifier: Apache-2.0
// What overview.json says, as objects. Its keys are documented in docs/metrics.md.

import { count, divide, seconds, span, utcDay } from "./format.js";

/** The version of overview.json that this page can read. */
export const VERSION = 1;

/** A lake of which less than this is known, in seconds, has no 24 hours yet. */
const YOUNG = 20 * 3600;

/**
 * The rows of a table of overview.json as objects.
 * @param {{columns: string[], rows: unknown[][]} | null | undefined} table
 * @returns {Record<string, any>[]}
 */
export function rowsOf(table) {
  if (!table) return [];
  return table.rows.map((row) =>
    Object.fromEntries(table.columns.map((column, index) => [column, row[index]])),
  );
}

/**
 * Why an overview cannot be shown, as a sentence; null if it can.
 * @param {any} overview
 * @returns {string | null}
 */
export function objection(overview) {
  if (!overview || typeof overview !== "object" || !Array.isArray(overview.scopes)) {
    return "overview.json does not hold an overview: run twitch_metrics again, and look at what else writes to latest/.";
  }
  if (overview.version !== VERSION) {
    return (
      `overview.json has version ${String(overview.version)}, and this page reads version ${VERSION}: install the same release ` +
      "of airflow-provider-twitch on the workers and on the API server, then run twitch_metrics."
    );
  }
  if (!overview.scopes.length) {
    return "There are no metrics yet: unpause a DAG that takes snapshots and twitch_metrics, and wait for a snapshot.";
  }
  return null;
}

/**
 * A series over time that is broken where nothing counts: points, and the spans between them.
 * @param {Record<string, any>[]} rows
 * @param {(row: any) => number} start  seconds since 1970
 * @param {(row: any) => number} length  seconds for which the row counts
 * @returns {{points: {at: number, row: any, part: number, end?: boolean}[], gaps: [number, number][]}}  parts are counted
 *   from 0, and each but the last one has a point more where its last row ends
 */
export function broken(rows, start, length) {
  const points = [];
  const gaps = [];
  rows.forEach((row, index) => {
    const at = start(row);
    points.push({ at, row, part: gaps.length });
    const next = index + 1 < rows.length ? start(rows[index + 1]) : null;
    const end = at + length(row);
    // Instants are whole seconds and ticks drift by some: a break is more than a second.
    if (next === null || next - end <= 1) return;
    points.push({ at: end, row, part: gaps.length, end: true });
    gaps.push([end, next]);
  });
  return { points, gaps };
}

/**
 * The values of a broken series, with a null where it breaks.
 * @param {{row: any, end?: boolean}[]} points
 * @param {(row: any) => number | null} value
 * @returns {(number | null)[]}
 */
export function valuesOf(points, value) {
  return points.map(({ row, end }) => (end ? null : value(row)));
}

/**
 * Where the last 24 hours begin that something is known of: later than 24 hours ago in a young lake.
 * @param {any} scope
 * @param {number} end  seconds since 1970
 * @returns {number}
 */
export function beginOfDay(scope, end) {
  const known = [
    ...rowsOf(scope.snapshots)
      .slice(0, 1)
      .map((row) => row.at),
    ...scope.health.gaps.map(([from]) => seconds(from)),
  ];
  return known.length ? Math.max(end - 86400, Math.min(...known)) : end - 86400;
}

/**
 * Viewers on average of an hour or a day: viewer_seconds ÷ covered_seconds.
 * @param {any} row
 * @returns {number | null}
 */
export function averageViewers(row) {
  return divide(row.viewer_seconds, row.covered_seconds);
}

/**
 * Hours watched: viewer_seconds ÷ 3,600.
 * @param {any} row
 * @returns {number | null}
 */
export function hoursWatched(row) {
  return divide(row.viewer_seconds, 3600);
}

/**
 * Coverage of a day: covered_seconds ÷ its length up to now.
 * @param {any} day
 * @returns {number | null}
 */
export function coverage(day) {
  return day ? divide(day.covered_seconds, day.covered_seconds + day.missing_seconds) : null;
}

/**
 * A scope's name for people: the dataset and what Twitch was asked for.
 * @param {any} scope
 * @returns {string}
 */
export function scopeName(scope) {
  const asks = Object.entries(scope.asks ?? {}).map(
    ([name, value]) => `${name} ${[value].flat().join(", ")}`,
  );
  return [scope.dataset, ...asks].join(" · ");
}

/**
 * The sentence that says whether the data are whole, and how bad it is if not.
 * @param {any} scope
 * @param {number} now  seconds since 1970
 * @param {boolean} live  otherwise now is the end of a day that may be long ago
 * @returns {{level: "good" | "warn" | "bad", word: string, sentence: string}}
 */
export function judge(scope, now, live) {
  const { health, interval_seconds: interval } = scope;
  const last = seconds(health.last_snapshot_at);
  if (last === null) return { level: "bad", word: "No data", sentence: "No snapshot counts yet." };
  if (interval && now - last > 3 * interval) {
    const sentence = `The newest snapshot is ${span(now - last)} old, and one is due every ${span(interval)}: look at the DAG that takes them.`;
    return { level: "bad", word: "Late", sentence };
  }
  const missing = health.gaps.reduce((sum, [from, to]) => sum + seconds(to) - seconds(from), 0);
  const gaps = health.gaps.length;
  if (gaps) {
    const sentence = `${gaps} ${gaps === 1 ? "gap" : "gaps"} in the last 24 hours, ${span(missing)} in all. Sums leave them out; nothing is filled in.`;
    return { level: "warn", word: "Gaps", sentence };
  }
  const absent = [
    ["today", health.today],
    ["yesterday", health.yesterday],
  ].filter(([, day]) => day?.missing);
  if (absent.length) {
    const days = absent.map(
      ([name, day]) =>
        `${count(day.missing)} of ${count(day.due)} snapshots due ${live ? name : `on ${utcDay(seconds(day.day))}`}`,
    );
    return { level: "warn", word: "Missing", sentence: `${days.join(", and ")} are missing.` };
  }
  if (health.problems.length) {
    const sentence = "No time is missing, but some snapshots of the last 24 hours do not count.";
    return { level: "warn", word: "Whole", sentence };
  }
  const known = last - beginOfDay(scope, last);
  const since = known < YOUNG ? "There has been no gap since the first snapshot" : "The last 24 hours have no gap";
  return { level: "good", word: "Whole", sentence: `${since}.` };
}
