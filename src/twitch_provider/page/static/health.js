// SPDX-License-Identifier: Apache-2.0
// Health first: are the data whole?

import { chart, clockName, clockTicks, MARGIN } from "./charts.js";
import { beginOfDay, coverage, judge } from "./data.js";
import { h, section } from "./dom.js";
import {
  bothClocks,
  count,
  localMinute,
  percent,
  seconds,
  span,
  UNKNOWN,
  utcClock,
  utcDay,
  utcMinute,
  zone,
} from "./format.js";
import { dataTable, disclosure, figure } from "./table.js";

/** @param {import("./render.js").Context} context */
export function healthSection(context) {
  const { scope, now, live } = context;
  const { level, word, sentence } = judge(scope, now, live);
  const verdict = h(
    "p",
    { class: `verdict ${level}`, id: "verdict" },
    h("strong", {}, word),
    " ",
    h("span", {}, sentence),
  );
  return section(
    "health",
    "Health of the data",
    verdict,
    strip(context),
    healthFacts(context),
    completeness(context),
    problems(context),
  );
}

function healthFacts({ scope, now, live }) {
  const { health } = scope;
  const last = seconds(health.last_snapshot_at);
  const entries = [
    [
      "Last snapshot",
      last === null ? "none" : live ? `${span(Math.max(0, now - last))} ago` : utcClock(last),
      bothClocks(last),
    ],
    ["Rows", count(health.rows), `${count(health.rejects)} rejected, in 24 h`],
    ["Incomplete runs", count(health.incomplete_runs), "in 24 h"],
    ["Ad hoc runs", count(health.adhoc_runs), "in 24 h"],
    ["Requests", count(health.requests), `${count(health.token_requests)} for tokens, in the newest run`],
    ["Points left", count(health.points_left), "after the newest run"],
  ];
  return h(
    "dl",
    { class: "facts" },
    entries.map(([label, value, more]) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, h("strong", {}, value), h("small", {}, more))),
    ),
  );
}

/** What of today and of yesterday is there. */
function completeness({ scope: { health }, definitions, live }) {
  // A report ends at midnight: nothing of its "today" is over.
  const there = (day) => day && (live || day.due || day.counted || day.covered_seconds);
  const named = (title, day) => ({ title: live ? `${title} ` : "", ...day });
  const rows = [
    ["Today", health.today],
    ["Yesterday", health.yesterday],
  ]
    .filter(([, day]) => there(day))
    .map(([title, day]) => named(title, day));
  if (!rows.length) return null;
  const counts = ["due", "counted", "missing", "incomplete", "gated", "doubled", "late_runs"];
  const ticks = (text) => (text ? text.replace(/:\d\d(?= |$)/g, "") : UNKNOWN);
  return dataTable({
    id: "completeness",
    caption: live ? "Completeness of today and of yesterday" : "Completeness by day",
    rows,
    definitions,
    columns: [
      {
        name: "day",
        label: "Day (UTC)",
        text: true,
        rowHeading: true,
        cell: (day, row) => [row.title, h(row.title ? "small" : "span", {}, utcDay(seconds(day)))],
      },
      { name: "coverage", value: coverage, cell: percent },
      ...counts.map((name) => ({ name, cell: count })),
      { name: "missing_seconds", label: "Missing time", cell: span },
      {
        name: "missing_ticks",
        label: "Missing ticks (UTC)",
        text: true,
        cell: (text) => h("small", { class: "ticks" }, ticks(text)),
      },
    ],
  });
}

/** The last 24 hours as a bar, with its gaps. */
function strip(context) {
  const { scope, now } = context;
  const gaps = scope.health.gaps.map(([from, to]) => [seconds(from), seconds(to)]);
  const label = gaps.length
    ? `The last 24 hours with ${gaps.length} gaps`
    : "The last 24 hours without a gap";
  const end = Math.max(
    seconds(context.overview.run_after) ?? now,
    seconds(scope.health.last_snapshot_at) ?? 0,
  );
  const begin = beginOfDay(scope, end);
  const picture = chart(label, (width) => {
    const { Plot } = globalThis;
    const date = (at) => new Date(at * 1000);
    const ticks = clockTicks(begin, end, width);
    return {
      height: 42,
      marginLeft: MARGIN,
      marginRight: 22,
      marginTop: 2,
      marginBottom: 22,
      x: { type: "utc", domain: [date(begin), date(end)] },
      marks: [
        Plot.rectX([[begin, end]], {
          x1: (d) => date(d[0]),
          x2: (d) => date(d[1]),
          fill: "var(--good-fill)",
          rx: 3,
        }),
        Plot.rectX(gaps, { x1: (d) => date(d[0]), x2: (d) => date(d[1]), fill: "var(--surface)" }),
        Plot.rectX(gaps, {
          x1: (d) => date(d[0]),
          x2: (d) => date(d[1]),
          fill: "url(#gap)",
          stroke: "var(--bad)",
          strokeWidth: 1,
        }),
        Plot.axisX({ ticks, tickSize: 3, tickFormat: (d) => utcClock(d / 1000), label: null }),
        clockName("UTC", "bottom"),
      ],
    };
  });
  const table = () => ({
    id: "gaps",
    caption: "Gaps of the last 24 hours",
    rows: gaps,
    empty: "No gap.",
    columns: [
      {
        name: "from",
        label: "From (UTC)",
        text: true,
        rowHeading: true,
        value: (gap) => gap[0],
        cell: utcMinute,
      },
      { name: "to", label: "To (UTC)", text: true, value: (gap) => gap[1], cell: utcMinute },
      { name: "local", label: `From (${zone(end)})`, text: true, value: (gap) => gap[0], cell: localMinute },
      { name: "length", value: (gap) => gap[1] - gap[0], cell: span },
    ],
  });
  return figure({ chart: picture, table, context });
}

function problems(context) {
  const { scope, definitions } = context;
  const rows = scope.health.problems.map((problem) => ({ ...problem, at: seconds(problem.run_after) }));
  if (!rows.length) return null;
  const content = () =>
    dataTable({
      id: "problems",
      caption: "Snapshots that do not count, newest first",
      rows,
      definitions,
      columns: [
        {
          name: "run_after",
          label: "Tick (UTC)",
          text: true,
          rowHeading: true,
          value: (row) => row.at,
          cell: utcMinute,
        },
        {
          name: "local",
          label: `Tick (${zone(rows[0].at)})`,
          text: true,
          value: (row) => row.at,
          cell: localMinute,
        },
        { name: "status", text: true },
        { name: "reason", text: true },
      ],
    });
  return disclosure({
    ...context,
    id: "problems-details",
    summary: `Snapshots that do not count (${rows.length})`,
    content,
  });
}
