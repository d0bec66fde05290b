// SPDX-License-Identifier: Apache-2.0
// What is live now, the day's curve, and the month's.

import { curve, sparkline } from "./charts.js";
import { averageViewers, beginOfDay, broken, coverage, hoursWatched, rowsOf, valuesOf } from "./data.js";
import { h, section } from "./dom.js";
import {
  bothClocks,
  compact,
  count,
  divide,
  localMinute,
  percent,
  seconds,
  span,
  tenths,
  utcDay,
  utcMinute,
  zone,
} from "./format.js";
import { figure } from "./table.js";

/** The largest break of a series that is still drawn point by point: an hour. */
const HOUR = 3600;

/** @param {import("./render.js").Context} context */
export function nowSection(context) {
  const { scope, definitions, live } = context;
  const { now } = scope;
  const title = live ? "Live now" : "The newest snapshot";
  if (!now)
    return section(
      "now",
      title,
      h("p", { class: "empty" }, "No snapshot counts yet: wait for the next one."),
    );
  const { points } = broken(
    rowsOf(scope.snapshots),
    (row) => row.at,
    (row) => row.seconds || scope.interval_seconds || 0,
  );
  const series = (value) => valuesOf(points, value);
  const floor = now.capped ? "at least " : "";
  const tile = (name, label, value, values, more) =>
    h(
      "div",
      { class: "tile", title: definitions[name] },
      h("dt", {}, label),
      h("dd", {}, h("strong", {}, value), sparkline(values), h("small", {}, more)),
    );
  const range = (values, format) => {
    const known = values.filter((value) => value !== null);
    const [low, high] = [format(Math.min(...known)), format(Math.max(...known))];
    if (!known.length || low === high) return "";
    return `24 h: ${low} to ${high}`;
  };
  const tiles = [
    ["viewers", "Viewers", floor + count(now.viewers), series((row) => row.viewers), compact],
    ["channels", "Channels", floor + count(now.channels), series((row) => row.channels), compact],
    ["streams", "Streams", floor + count(now.streams), series((row) => row.streams), compact],
    [
      "viewers_per_channel",
      "Viewers per channel",
      tenths(divide(now.viewers, now.channels)),
      series((row) => divide(row.viewers, row.channels)),
      tenths,
    ],
  ];
  return section(
    "now",
    title,
    h(
      "p",
      { class: "note" },
      bothClocks(seconds(now.snapshot_at)),
      now.capped ? ". Twitch had more streams than were read: totals are minimums." : null,
    ),
    h(
      "dl",
      { class: "tiles" },
      tiles.map(([name, label, value, values, format]) =>
        tile(name, label, value, values, range(values, format)),
      ),
    ),
  );
}

/** @param {import("./render.js").Context} context */
export function daySection(context) {
  const { scope, definitions } = context;
  const rows = rowsOf(scope.snapshots);
  if (rows.length < 2) {
    const why = rows.length
      ? "A curve takes two snapshots: wait for the next one."
      : "No snapshot of the last 24 hours counts.";
    return section("day", "The last 24 hours", h("p", { class: "empty" }, why));
  }
  const { points, gaps } = broken(
    rows,
    (row) => row.at,
    (row) => row.seconds,
  );
  const to = rows[rows.length - 1].at;
  const from = beginOfDay(scope, to);
  const drawn = (name) => points.map(({ row, ...point }) => ({ ...point, value: row[name] }));
  const told = gaps.length ? ` Hatched: ${gaps.length === 1 ? "a gap" : `${gaps.length} gaps`}.` : "";
  const picture = (name, label, color, local) =>
    curve({
      label,
      points: drawn(name),
      gaps,
      span: [Math.min(rows[0].at, from), to],
      format: count,
      unit: ` ${name}`,
      color,
      height: local ? 210 : 150,
      local,
    });
  const table = () => ({
    id: "snapshots",
    caption: "Snapshots of the last 24 hours, newest first",
    rows: [...rows].reverse(),
    definitions,
    columns: [
      {
        name: "snapshot_at",
        label: "Snapshot (UTC)",
        text: true,
        rowHeading: true,
        value: (row) => row.at,
        cell: utcMinute,
      },
      {
        name: "local",
        label: `Snapshot (${zone(to)})`,
        text: true,
        value: (row) => row.at,
        cell: localMinute,
      },
      { name: "viewers", cell: count },
      { name: "channels", cell: count },
      { name: "streams", cell: count },
      { name: "seconds", label: "Counts for", cell: (value) => span(value) },
    ],
  });
  return section(
    "day",
    "The last 24 hours",
    h("h3", {}, "Viewers"),
    picture("viewers", `Viewers of the last 24 hours.${told}`, "var(--first)", true),
    h("h3", {}, "Channels"),
    figure({
      chart: picture("channels", `Channels of the last 24 hours.${told}`, "var(--second)", false),
      table,
      context,
      note: told.trim(),
    }),
  );
}

/** @param {import("./render.js").Context} context */
export function monthSection(context) {
  const { scope, definitions } = context;
  const rows = rowsOf(scope.hours);
  if (rows.length < 6) return null; // the curve of the day says it all
  const { points, gaps } = broken(
    rows,
    (row) => row.hour,
    () => HOUR,
  );
  const to = rows[rows.length - 1].hour + HOUR;
  const drawn = points.map(({ row, ...point }) => ({ ...point, value: averageViewers(row) }));
  const table = () => ({
    id: "days",
    caption: "Closed days, newest first",
    rows: rowsOf(scope.days).reverse(),
    definitions,
    empty: "No day is closed yet.",
    columns: [
      { name: "day", text: true, rowHeading: true, cell: (day) => utcDay(seconds(day)) },
      { name: "hours_watched", value: hoursWatched, cell: count },
      { name: "average_viewers", value: averageViewers, cell: count },
      { name: "peak_viewers", cell: count },
      { name: "unique_channels", cell: count },
      {
        name: "coverage",
        value: (day) => coverage({ ...day, missing_seconds: 86400 - day.covered_seconds }),
        cell: percent,
      },
    ],
  });
  const label = `Average viewers by hour, ${utcDay(rows[0].hour)} to ${utcDay(to - 1)}`;
  const picture = curve({
    label,
    points: drawn,
    gaps,
    span: [rows[0].hour, to],
    format: count,
    unit: " viewers on average of the hour",
    height: 190,
  });
  return section("month", "The last 30 days", figure({ chart: picture, table, context }));
}
