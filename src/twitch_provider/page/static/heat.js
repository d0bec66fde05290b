// SPDX-License-Identifier: Apache-2.0
// When is the best time to stream: a week by hours.

import { chart, clockName, MARGIN } from "./charts.js";
import { rowsOf } from "./data.js";
import { choice, h, section } from "./dom.js";
import { compact, count, heading, offsetMinutes, seconds, tenths, zone } from "./format.js";
import { figure } from "./table.js";

const MEASURES = ["viewers_per_channel", "viewers", "channels"];
/** Steps from pale to full, as style.css has them. */
const STEPS = 8;
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
  if (!cells.length) return section("heat", title, h("p", { class: "empty" }, "No whole hour has been measured yet."));
  const body = h("div");
  const local = zone(now);
  const draw = () => body.replaceChildren(...week(context, cells, local));
  const controls = [choice("heat-measure", "What is shown", MEASURES.map((name) => [name, heading(name)]), state.heat, (value) => { state.heat = value; draw(); })];
  if (offsetMinutes(now)) {
    controls.push(choice("heat-clock", "Clock", [["utc", "UTC"], ["local", local]], state.clock, (value) => { state.clock = value; draw(); }));
  }
  draw();
  return section("heat", title, h("div", { class: "controls" }, controls), body);
}

/** Where a cell lies on the clock that is shown: its weekday, and the minutes of the day at which it begins. */
function placed(cell, shift) {
  const minutes = (((cell.weekday * 24 + cell.hour) * 60 + shift) % 10080 + 10080) % 10080;
  return { ...cell, day: Math.floor(minutes / 1440), begins: minutes % 1440 };
}

function week(context, cells, local) {
  const { state, now, definitions, overview } = context;
  const measure = state.heat;
  const shift = state.clock === "local" ? offsetMinutes(seconds(overview.run_after) ?? now) : 0;
  const other = state.clock === "local" ? 0 : offsetMinutes(now);
  const shown = cells.map((cell) => placed(cell, shift)).filter((cell) => cell[measure] !== null);
  const values = shown.map((cell) => cell[measure]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = (value) => Math.min(STEPS - 1, Math.floor(((value - low) / (high - low || 1)) * STEPS));
  const best = shown.reduce((a, b) => (b[measure] > a[measure] ? b : a));
  const name = state.clock === "local" ? local : "UTC";
  const otherName = state.clock === "local" ? "UTC" : local;
  const weekday = (day, names = WEEKDAY) => names.format(MONDAY + day * 86400000);
  const otherClock = (begins) => clock((begins - shift + other + 2880) % 1440);
  const also = offsetMinutes(now) ? ` (${otherClock(best.begins)} ${otherName})` : "";
  const flat = measureFormat(measure)(low) === measureFormat(measure)(high);
  const note = flat ? `${heading(measure)}: about the same at all hours, ${measureFormat(measure)(high)} on average.` : `Most ${heading(measure).toLowerCase()}: ${weekday(best.day)} at ${clock(best.begins)} ${name}${also}, ${measureFormat(measure)(best[measure])} on average.`;
  const begins = [...new Set(shown.map((cell) => cell.begins))].sort((a, b) => a - b);
  const picture = chart(`Heat map of a week by hours. ${note}`, (width) => {
    const { Plot } = globalThis;
    const every = width < 500 ? 6 : width < 900 ? 3 : 2;
    const ticks = begins.filter((_, index) => index % every === 0);
    const axes = [Plot.axisX({ anchor: "bottom", ticks, tickSize: 0, tickFormat: clock, label: null }), clockName(name, "bottom")];
    if (offsetMinutes(now)) axes.push(Plot.axisX({ anchor: "top", ticks, tickSize: 0, tickFormat: otherClock, label: null }), clockName(otherName, "top"));
    return {
      height: width < 500 ? 200 : 250,
      marginLeft: MARGIN, marginRight: 8, marginTop: 22, marginBottom: 22,
      x: { type: "band", domain: begins, padding: 0.06 },
      y: { type: "band", domain: [0, 1, 2, 3, 4, 5, 6], padding: 0.08, tickSize: 0, label: null, tickFormat: (day) => weekday(day, SHORT) },
      marks: [
        Plot.cell(shown, { x: "begins", y: "day", fill: (cell) => `var(--heat-${step(cell[measure])})`, rx: 2 }),
        Plot.cell(flat ? [] : [best], { x: "begins", y: "day", stroke: "currentColor", strokeWidth: 1.5, rx: 2 }),
        ...axes,
        Plot.tip(shown, Plot.pointer({
          x: "begins", y: "day",
          title: (cell) => `${measureFormat(measure)(cell[measure])} ${heading(measure).toLowerCase()}\n${weekday(cell.day)} ${clock(cell.begins)} ${name}\n${cell.hours} hours`,
        })),
      ],
    };
  });
  const table = () => ({
    id: "heat-map", caption: "A week by hours", rows: shown.sort((a, b) => a.day - b.day || a.begins - b.begins), definitions, sorted: context.sorted,
    columns: [
      { name: "weekday", text: true, rowHeading: true, value: (cell) => cell.day, cell: (day) => weekday(day) },
      { name: "hour", label: `Hour (${name})`, text: true, value: (cell) => cell.begins, cell: clock },
      { name: "viewers", cell: count },
      { name: "channels", cell: count },
      { name: "viewers_per_channel", cell: tenths },
      { name: "hours", label: "Hours measured", cell: count },
    ],
  });
  const legend = h("p", { class: "legend" }, h("span", {}, compact(low)), h("span", { "aria-hidden": "true" }, [...Array(STEPS).keys()].map((each) => h("i", { class: `heat-${each}` }))), `${compact(high)} ${heading(measure).toLowerCase()}`);
  return [h("p", { class: "note" }, note), legend, figure({ chart: picture, table, context })];
}
