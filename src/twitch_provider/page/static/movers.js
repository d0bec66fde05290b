// SPDX-License-Identifier: Apache-2.0
// What gains and loses most against what is usual for it, the detector, and how concentrated viewers are.

import { curve } from "./charts.js";
import { rowsOf } from "./data.js";
import { h, section, told } from "./dom.js";
import { bothClocks, change, count, divide, fraction, language, percent, seconds, utcDay } from "./format.js";
import { trend } from "./lists.js";
import { gameLink } from "./route.js";
import { dataTable, figure } from "./table.js";

/** @param {import("./render.js").Context} context */
export function moversSection(context) {
  const { movers } = context.scope;
  const kinds = ["games", "channels", "languages"].filter((kind) => movers?.[kind]);
  const some = kinds.some((kind) => ["gaining", "losing"].some((side) => movers[kind][side].rows.length));
  if (!some)
    return section(
      "movers",
      "Movers",
      h("p", { class: "empty" }, "There is nothing yet to compare the newest hour with."),
      detector(context),
    );
  return section(
    "movers",
    "Movers",
    h(
      "p",
      { class: "note" },
      movers.basis.replace(/\.$/, ""),
      movers.hour === null ? null : `; the hour from ${bothClocks(movers.hour)}`,
      ".",
    ),
    h(
      "div",
      { class: "columns three" },
      kinds.map((kind) =>
        h(
          "div",
          {},
          ["gaining", "losing"].map((side) => moversTable(context, kind, side)),
        ),
      ),
    ),
    detector(context),
  );
}

function moversTable(context, kind, side) {
  const { scope, definitions } = context;
  const names = {
    games: (row) => gameLink(row.key, row.name, scope.scope),
    channels: (row) => told(row.name),
    languages: (row) => language(row.key),
  };
  const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${side}`;
  const table = dataTable({
    id: `${kind}-${side}`,
    caption: title,
    rows: rowsOf(scope.movers[kind][side]),
    definitions,
    whole: context.whole,
    limit: 5,
    empty: `None ${side}.`,
    columns: [
      {
        name: "name",
        label: title,
        text: true,
        rowHeading: true,
        value: (row) => row.name,
        cell: (_, row) => names[kind](row),
      },
      { name: "viewers", cell: count },
      { name: "usual", cell: count },
      { name: "change", cell: (value) => (value === null ? "new" : trend(value, change(value))) },
    ],
  });
  return table;
}

function detector({ scope: { detector: state } }) {
  if (!state) return null;
  const budget = `${count(state.budget_per_series_month)} false alarm per series and month`;
  if (state.state !== "on") {
    return h(
      "p",
      { class: "note", id: "detector" },
      `Detector: it is learning, with ${count(state.days)} days of the 14 that it needs; its budget is ${budget}.`,
    );
  }
  const rate = state.achieved_per_series_month;
  const achieved = rate === null ? "not measured yet" : `${fraction(rate)} over the last 14 days`;
  return h(
    "p",
    { class: "note", id: "detector" },
    `Detector: on for ${count(state.series)} series with ${count(state.days)} days of history. Budget: ${budget}; achieved: ${achieved}.`,
  );
}

/** @param {import("./render.js").Context} context */
export function concentrationSection(context) {
  const { scope, definitions } = context;
  const newest = scope.concentration;
  const days = rowsOf(scope.days).map((day) => ({
    ...day,
    at: seconds(day.day),
    share: divide(day.top10_viewer_seconds, day.viewer_seconds),
  }));
  if (!newest && !days.length) return null;
  const fact = (name, label, value) =>
    h("div", { title: definitions[name] }, h("dt", {}, label), h("dd", {}, h("strong", {}, value)));
  const facts =
    newest &&
    h(
      "dl",
      { class: "facts" },
      fact("top10_share", "Share of the top 10 channels", percent(newest.top10_share)),
      fact("gini", "Gini", fraction(newest.gini)),
    );
  const note = newest && h("p", { class: "note" }, `The hour from ${bothClocks(seconds(newest.hour))}.`);
  return section(
    "concentration",
    "Concentration",
    note,
    facts,
    days.length > 1 ? concentrationFigure(context, days) : null,
  );
}

function concentrationFigure(context, days) {
  const points = days.map((day) => ({
    at: day.at + 43200,
    value: day.share === null ? null : day.share * 100,
  }));
  const picture = curve({
    label: "Share of the top 10 channels by day, in percent",
    points,
    span: [days[0].at, days[days.length - 1].at + 86400],
    format: (value) => percent(value / 100),
    unit: " of hours watched",
    color: "var(--second)",
    height: 130,
  });
  const table = () => ({
    id: "concentration-days",
    caption: "Concentration by day, newest first",
    rows: [...days].reverse(),
    definitions: context.definitions,
    columns: [
      { name: "day", text: true, rowHeading: true, value: (day) => day.at, cell: utcDay },
      { name: "top10_share", value: (day) => day.share, cell: percent },
      { name: "gini", cell: fraction },
    ],
  });
  return figure({
    chart: picture,
    table,
    context,
    note: "Share of the top 10 channels by day, in percent of hours watched.",
  });
}
