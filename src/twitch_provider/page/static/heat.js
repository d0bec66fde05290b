// SPDX-License-Identifier: Apache-2.0
// When is the best time to stream: a week by hours.

import { chart, clockName, MARGIN } from "./charts.js";
import { rowsOf } from "./data.js";
import { choice, h, section } from "./dom.js";
import { compact, count, heading, offsetMinutes, tenths, zone } from "./format.js";
import { figure } from "./table.js";

const MEASURES = ["viewers_per_channel", "viewers", "channels"];
/** Steps from pale to full, as style.css has them. */
const STEPS = 8;
/** Fewer cells than this say nothing of the best hour. */
const DAY_OF_HOURS = 24;
const MONDAY = Date.UTC(2024, 0, 1);
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "long", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });

const measureFormat = (measure) => (measure === "viewers_per_channel" ? tenths : count);
const twoDigits = (number) => String(number).padStart(2, "0");
const clock = (minutes) => `${twoDigits(Math.floor(minutes / 60) % 24)}:${twoDigits(minutes % 60)}`;

/** @param {import("./render.js").Context} context */
export function heatSection(context) {
  const { scope, state, now } = context;
  const cells = rowsOf(scope.heat_map).filter((cell) => cell.hours);
  const title = "When is the best time to stream";
  if (cells.length < DAY_OF_HOURS) {
    const sentence = `It takes a day of hours to say; ${cells.length} ${cells.length === 1 ? "is" : "are"} known so far.`;
    return section("heat", title, h("p", { class: "empty" }, sentence));
  }
  const body = h("div");
  const local = zone(now);
  const draw = () => body.replaceChildren(...week(context, cells, local));
  const controls = [
    choice(
      "heat-measure",
      "What is shown",
      MEASURES.map((name) => [name, heading(name)]),
      state.heat,
      (value) => {
        state.heat = value;
        draw();
      },
    ),
  ];
  if (offsetMinutes(now)) {
    controls.push(
      choice(
        "heat-clock",
        "Clock",
        [
          ["utc", "UTC"],
          ["local", local],
        ],
        state.clock,
        (value) => {
          state.clock = value;
          draw();
        },
      ),
    );
  }
  draw();
  return section("heat", title, h("div", { class: "controls" }, controls), body);
}

/** Where a cell lies on the clock that is shown: its weekday, and the minutes of the day at which it begins. */
function placed(cell, shift) {
  const minutes = ((((cell.weekday * 24 + cell.hour) * 60 + shift) % 10080) + 10080) % 10080;
  return { ...cell, day: Math.floor(minutes / 1440), begins: minutes % 1440 };
}

/** The two clocks of the map: the chosen one below, the other one above. */
function clocks({ state, now }, local) {
  const ahead = offsetMinutes(now);
  const chosen = state.clock === "local" ? { name: local, shift: ahead } : { name: "UTC", shift: 0 };
  const other = state.clock === "local" ? { name: "UTC", shift: 0 } : { name: local, shift: ahead };
  return {
    ...chosen,
    other: ahead ? other.name : null,
    there: (begins) => clock((begins - chosen.shift + other.shift + 2880) % 1440),
  };
}

const weekday = (day, names = WEEKDAY) => names.format(MONDAY + day * 86400000);

function week(context, cells, local) {
  const measure = context.state.heat;
  const told = (value) => `${measureFormat(measure)(value)} ${heading(measure).toLowerCase()}`;
  const here = clocks(context, local);
  const shown = cells.filter((cell) => cell[measure] !== null).map((cell) => placed(cell, here.shift));
  if (!shown.length) return [h("p", { class: "empty" }, "No channel was live in the hours measured.")];
  const best = shown.reduce((a, b) => (b[measure] > a[measure] ? b : a));
  const low = Math.min(...shown.map((cell) => cell[measure]));
  const high = best[measure];
  const flat = told(low) === told(high);
  const also = here.other === null ? "" : ` (${here.there(best.begins)} ${here.other})`;
  const note = flat
    ? `About the same at all hours: ${told(high)}.`
    : `Best: ${weekday(best.day)} at ${clock(best.begins)} ${here.name}${also}, with ${told(high)} on average.`;
  const picture = map({
    shown,
    measure,
    low,
    high,
    best: flat ? [] : [best],
    here,
    told,
    label: `A week by hours. ${note}`,
  });
  return [
    h("p", { class: "note" }, note),
    legend(low, high, measure),
    figure({ chart: picture, table: () => hoursTable(context, shown, here), context }),
  ];
}

function map({ shown, measure, low, high, best, here, told, label }) {
  const step = (value) => Math.min(STEPS - 1, Math.floor(((value - low) / (high - low || 1)) * STEPS));
  const begins = [...new Set(shown.map((cell) => cell.begins))].sort((a, b) => a - b);
  const place = { x: "begins", y: "day" };
  const title = (cell) =>
    `${told(cell[measure])}\n${weekday(cell.day)} ${clock(cell.begins)} ${here.name}\n${count(cell.hours)} hours`;
  return chart(label, (width) => {
    const { Plot } = globalThis;
    const every = width < 500 ? 6 : width < 900 ? 3 : 2;
    const common = { ticks: begins.filter((_, index) => index % every === 0), tickSize: 0, label: null };
    const axes = [
      Plot.axisX({ ...common, anchor: "bottom", tickFormat: clock }),
      clockName(here.name, "bottom"),
    ];
    if (here.other !== null)
      axes.push(
        Plot.axisX({ ...common, anchor: "top", tickFormat: here.there }),
        clockName(here.other, "top"),
      );
    return {
      height: width < 500 ? 200 : 250,
      marginLeft: MARGIN,
      marginRight: 8,
      marginTop: 22,
      marginBottom: 22,
      x: { type: "band", domain: begins, padding: 0.06 },
      y: {
        type: "band",
        domain: [0, 1, 2, 3, 4, 5, 6],
        padding: 0.08,
        tickSize: 0,
        label: null,
        tickFormat: (day) => weekday(day, SHORT),
      },
      marks: [
        Plot.cell(shown, { ...place, fill: (cell) => `var(--heat-${step(cell[measure])})`, rx: 2 }),
        Plot.cell(best, { ...place, stroke: "currentColor", strokeWidth: 1.5, rx: 2 }),
        ...axes,
        Plot.tip(shown, Plot.pointer({ ...place, title, ariaHidden: "true" })),
      ],
    };
  });
}

function legend(low, high, measure) {
  const steps = [...Array(STEPS).keys()].map((each) => h("i", { class: `heat-${each}` }));
  return h(
    "p",
    { class: "legend" },
    h("span", {}, compact(low)),
    h("span", { "aria-hidden": "true" }, steps),
    `${compact(high)} ${heading(measure).toLowerCase()}`,
  );
}

function hoursTable({ definitions, sorted }, shown, here) {
  return {
    id: "heat-map",
    caption: "A week by hours",
    rows: [...shown].sort((a, b) => a.day - b.day || a.begins - b.begins),
    definitions,
    sorted,
    columns: [
      {
        name: "weekday",
        text: true,
        rowHeading: true,
        value: (cell) => cell.day,
        cell: (day) => weekday(day),
      },
      { name: "hour", label: `Hour (${here.name})`, text: true, value: (cell) => cell.begins, cell: clock },
      { name: "viewers", cell: count },
      { name: "channels", cell: count },
      { name: "viewers_per_channel", cell: tenths },
      { name: "hours", label: "Hours measured", cell: count },
    ],
  };
}
