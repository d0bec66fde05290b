// SPDX-License-Identifier: Apache-2.0
// Viewers by language.

import { bars } from "./charts.js";
import { hoursWatched, rowsOf } from "./data.js";
import { h, section } from "./dom.js";
import { change, compact, count, language, percent } from "./format.js";
import { trend } from "./lists.js";
import { figure } from "./table.js";

/** Languages drawn; the table has all. */
const DRAWN = 12;

/** @param {import("./render.js").Context} context */
export function languagesSection(context) {
  const rows = rowsOf(context.scope.languages);
  if (!rows.length)
    return section(
      "languages",
      "Languages",
      h("p", { class: "empty" }, "No whole hour has been measured yet."),
    );
  const drawn = [...rows].sort((a, b) => (b.viewers ?? 0) - (a.viewers ?? 0)).slice(0, DRAWN);
  const picture = bars({
    label: `Viewers by language in the newest snapshot: the first ${drawn.length} of ${rows.length}`,
    bars: drawn.map((row) => ({
      name: language(row.language),
      value: row.viewers ?? 0,
      text: compact(row.viewers),
    })),
  });
  const table = () => ({
    id: "language-table",
    caption: "Languages",
    rows,
    definitions: context.definitions,
    sorted: context.sorted,
    columns: [
      { name: "rank", label: "#", cell: count },
      {
        name: "language",
        text: true,
        rowHeading: true,
        value: (row) => language(row.language),
        cell: (name, row) => [name, " ", h("small", {}, row.language)],
      },
      { name: "viewers", cell: count },
      { name: "channels", cell: count },
      { name: "share", cell: percent },
      { name: "growth", cell: (value) => trend(value, change(value)) },
      { name: "hours_watched", value: hoursWatched, cell: count },
    ],
  });
  return section(
    "languages",
    "Languages",
    h("p", { class: "note" }, context.live ? "Viewers now." : "Viewers in the newest snapshot."),
    figure({ chart: picture, table, context }),
  );
}
