// SPDX-License-Identifier: Apache-2.0
// One snapshot as a dashboard: four numbers, viewers by game, streams by language, the streamers with most viewers.

import { bars } from "./charts.js";
import { rowsOf } from "./data.js";
import { h, section, svg, told } from "./dom.js";
import { bothClocks, count, divide, language, seconds } from "./format.js";
import { gameLink } from "./route.js";
import { dataTable, figure } from "./table.js";

/** Slices of the pie besides the rest, and languages drawn; the tables have more. */
const SLICES = 9;
const BARS = 12;

const SHARE = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});

/** @param {import("./render.js").Context} context */
export function snapshotSection(context) {
  const { now, snapshot } = context.scope;
  if (!now || !snapshot) return null;
  const tile = (label, value, more) =>
    h(
      "div",
      { class: "tile" },
      h("dt", {}, label),
      h("dd", {}, h("strong", {}, count(value)), h("small", {}, more)),
    );
  const mature = snapshot.mature ? "" : "Twitch has marked none since 2026";
  const tiles = [
    tile("Viewers", now.viewers),
    tile("Languages", snapshot.languages),
    tile("Marked mature", snapshot.mature, mature),
    tile("Streams", now.streams),
  ];
  return section(
    "snapshot",
    "One snapshot",
    h(
      "p",
      { class: "note" },
      bothClocks(seconds(now.snapshot_at)),
      now.capped ? ". Twitch had more streams than were read: totals are minimums." : null,
    ),
    h("dl", { class: "tiles" }, tiles),
    h(
      "div",
      { class: "columns" },
      h("div", {}, h("h3", {}, "Viewers by game"), games(context)),
      h("div", {}, h("h3", {}, "Streams by language"), languages(context)),
    ),
    h("h3", {}, "Streamers with most viewers"),
    streamers(context),
  );
}

function games(context) {
  const { now, snapshot, scope } = context.scope;
  const rows = withRest(rowsOf(snapshot.games), now.viewers, "viewers");
  const drawn = withRest(rows.filter((row) => !row.rest).slice(0, SLICES), now.viewers, "viewers");
  const table = () => ({
    id: "snapshot-games",
    caption: "Viewers by game in one snapshot",
    rows,
    definitions: context.definitions,
    columns: [
      {
        name: "game_name",
        label: "Game",
        text: true,
        rowHeading: true,
        cell: (name, row) => (row.rest ? "Other games" : gameLink(row.game_id, name, scope)),
      },
      { name: "viewers", cell: count },
      {
        name: "share",
        value: (row) => divide(row.viewers, now.viewers),
        cell: (value) => SHARE.format(value ?? 0),
      },
      { name: "streams", value: (row) => (row.rest ? null : row.streams), cell: count },
    ],
  });
  return figure({ chart: pie(drawn, now.viewers), table, context });
}

/** Rows, with one more for what the others leave of a total. */
function withRest(rows, total, measure) {
  const rest = total - rows.reduce((sum, row) => sum + row[measure], 0);
  return rest > 0 ? [...rows, { rest: true, [measure]: rest }] : rows;
}

/** Whether the text beside a slice is clear of its neighbours': it is 40 wide and 14 high. */
function hasRoom({ startAngle, endAngle }) {
  const middle = (startAngle + endAngle) / 2;
  return (
    (endAngle - startAngle) * 118 >=
    Math.min(40 / Math.abs(Math.cos(middle)), 14 / Math.abs(Math.sin(middle)))
  );
}

/** A pie from the top clockwise, in the order of its rows, with its names beside it. */
function pie(rows, total) {
  const { d3 } = globalThis;
  const color = (index) => (rows[index].rest ? "var(--gap-line)" : d3.schemeTableau10[index % 9]);
  const arc = d3.arc().innerRadius(0).outerRadius(100);
  const outside = d3.arc().innerRadius(118).outerRadius(118);
  const slices = d3
    .pie()
    .sort(null)
    .value((row) => row.viewers)(rows);
  const share = (row) => SHARE.format(divide(row.viewers, total) ?? 0);
  const name = (row) => (row.rest ? "Other games" : row.game_name || "No category");
  const paths = slices.map((slice, index) =>
    svg(
      "path",
      { d: arc(slice) ?? "", fill: color(index), stroke: "var(--surface)", "stroke-width": 1 },
      svg("title", {}, `${name(slice.data)}: ${share(slice.data)}`),
    ),
  );
  const texts = slices.filter(hasRoom).map((slice) => {
    const [x, y] = outside.centroid(slice);
    return svg(
      "text",
      {
        x,
        y,
        dy: "0.35em",
        "text-anchor": Math.abs(x) < 30 ? "middle" : x > 0 ? "start" : "end",
        fill: "currentColor",
      },
      share(slice.data),
    );
  });
  const label = `Viewers by game: ${rows.map((row) => `${name(row)} ${share(row)}`).join(", ")}`;
  const picture = svg(
    "svg",
    { viewBox: "-180 -130 360 260", role: "img", "aria-label": label },
    paths,
    texts,
  );
  const swatch = (index) =>
    svg(
      "svg",
      { viewBox: "0 0 10 10", "aria-hidden": "true", focusable: "false" },
      svg("rect", { width: 10, height: 10, rx: 2, fill: color(index) }),
    );
  const names = rows.map((row, index) =>
    h("li", {}, swatch(index), " ", told(name(row)), " ", h("span", { class: "muted" }, share(row))),
  );
  return h("div", { class: "pie" }, picture, h("ul", {}, names));
}

function languages(context) {
  const { now, snapshot } = context.scope;
  const rows = withRest(rowsOf(snapshot.by_language), now.streams, "streams").map((row) => ({
    ...row,
    name: row.rest ? "Other languages" : language(row.language),
  }));
  const drawn = rows.filter((row) => !row.rest).slice(0, BARS);
  const picture = bars({
    label: `Streams by language: the first ${drawn.length} of ${snapshot.languages}`,
    color: "var(--second)",
    bars: drawn.map((row) => ({ name: row.name, value: row.streams, text: count(row.streams) })),
  });
  const table = () => ({
    id: "snapshot-languages",
    caption: "Streams by language in one snapshot",
    rows,
    definitions: context.definitions,
    columns: [
      {
        name: "language",
        text: true,
        rowHeading: true,
        value: (row) => row.name,
        cell: (name, row) => [name, " ", h("small", {}, row.language ?? "")],
      },
      { name: "streams", cell: count },
      {
        name: "share",
        value: (row) => divide(row.streams, now.streams),
        cell: (value) => SHARE.format(value ?? 0),
      },
    ],
  });
  return figure({ chart: picture, table, context });
}

function streamers(context) {
  const rows = rowsOf(context.scope.snapshot.channels).map((row, index) => ({ ...row, place: index + 1 }));
  return dataTable({
    id: "streamers",
    caption: "Streamers with most viewers in one snapshot",
    rows,
    definitions: context.definitions,
    sorted: context.sorted,
    whole: context.whole,
    limit: 10,
    columns: [
      { name: "place", label: "#", cell: count },
      { name: "user_name", label: "Streamer", text: true, rowHeading: true, cell: told },
      { name: "game_name", label: "Game", text: true, cell: (name) => told(name || "No category") },
      { name: "language", text: true, cell: language },
      { name: "viewers", cell: count },
    ],
  });
}
