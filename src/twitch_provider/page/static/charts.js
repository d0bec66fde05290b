// SPDX-License-Identifier: Apache-2.0
// Charts by Observable Plot, in the colours of style.css. Each has its numbers in a table beside it, so to a screen
// reader a chart is one picture with one sentence.

import { h, svg } from "./dom.js";
import { bothClocks, compact, localClock, offsetMinutes, utcClock, utcDate, utcDay, zone } from "./format.js";

/**
 * A chart that is drawn as wide as its place, and anew when that changes.
 * @param {string} label  what is read of it
 * @param {(width: number) => object} options  of Plot.plot
 * @returns {HTMLElement}
 */
export function chart(label, options) {
  const box = h("div", { class: "chart" });
  let drawn = 0;
  const draw = (width) => {
    if (!width || width === drawn) return;
    drawn = width;
    const picture = globalThis.Plot.plot({
      width,
      style: { fontSize: "11px", background: "none" },
      ...options(width),
    });
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", label);
    // Parts of a picture have no names of their own; style.css and tests know them by this.
    for (const part of picture.querySelectorAll("[aria-label]")) {
      part.dataset.part = part.getAttribute("aria-label");
      part.removeAttribute("aria-label");
    }
    box.replaceChildren(picture);
  };
  new ResizeObserver(() => draw(widthOf(box))).observe(box);
  box.addEventListener("draw", (event) => draw(event.detail));
  return box;
}

/**
 * Draw what has just come into the page, without waiting for the browser to measure it: the page has its height then.
 * @param {HTMLElement} root
 */
export function drawCharts(root) {
  const boxes = [...root.querySelectorAll(".chart")];
  // All are measured before the first is drawn, which would have the browser lay out the page once for each.
  const widths = boxes.map(widthOf);
  boxes.forEach((box, index) => box.dispatchEvent(new CustomEvent("draw", { detail: widths[index] })));
}

const widthOf = (box) => Math.floor(box.clientWidth);

/** Hatching for what is missing, once for all charts of the page. */
export function hatching() {
  const stripe = svg("path", {
    d: "M-1,1l2,-2M0,6l6,-6M5,7l2,-2",
    stroke: "var(--gap-line)",
    "stroke-width": 1,
  });
  const ground = svg("rect", { width: 6, height: 6, fill: "var(--gap)" });
  const pattern = svg(
    "pattern",
    { id: "gap", width: 6, height: 6, patternUnits: "userSpaceOnUse" },
    ground,
    stripe,
  );
  return svg(
    "svg",
    { class: "hatching", width: 0, height: 0, "aria-hidden": "true", focusable: "false" },
    svg("defs", {}, pattern),
  );
}

/** To the left of every chart: numbers, names of clocks and of days. */
export const MARGIN = 54;

const date = (at) => new Date(at * 1000);

/** Axes of days, of which as many have a label as there is room for. */
function dayAxes(from, to, width) {
  const { Plot, d3 } = globalThis;
  const every = Math.max(1, Math.ceil(((to - from) / 86400) * (70 / width)));
  const ticks = d3.utcDay.range(date(from), date(to)).filter((_, index) => index % every === 0);
  return [
    Plot.axisX({ ticks, tickSize: 4, tickFormat: (d) => utcDate(d / 1000), label: null }),
    clockName("UTC", "bottom"),
  ];
}

/**
 * Where an axis of hours has its ticks: as many as there is room for.
 * @param {number} from
 * @param {number} to
 * @param {number} width
 */
export function clockTicks(from, to, width) {
  const { d3 } = globalThis;
  const room = (to - from) / (width / 70);
  const minutes = [5, 10, 15, 30].find((each) => each * 60 >= room);
  return minutes
    ? d3.utcMinute.every(minutes)
    : d3.utcHour.every([1, 2, 3, 6].find((each) => each * 3600 >= room) ?? 12);
}

/** Axes of hours: UTC below, and the reader's clock above where it differs. */
function clockAxes(from, to, width, above) {
  const { Plot } = globalThis;
  const common = { ticks: clockTicks(from, to, width), tickSize: 4, label: null };
  const axes = [Plot.axisX({ ...common, tickFormat: (d) => utcClock(d / 1000) }), clockName("UTC", "bottom")];
  if (!above) return axes;
  return [
    ...axes,
    Plot.axisX({ ...common, anchor: "top", tickFormat: (d) => localClock(d / 1000) }),
    clockName(zone(to), "top"),
  ];
}

/** The name of a clock, in a line with its ticks. */
export function clockName(name, side) {
  return globalThis.Plot.text([name], {
    frameAnchor: `${side}-left`,
    textAnchor: "start",
    dx: 2 - MARGIN,
    dy: side === "top" ? -16 : 16,
    fill: "var(--muted)",
  });
}

/**
 * A curve over time. It is broken where nothing counts, and the break is hatched.
 * @param {object} options
 * @param {string} options.label
 * @param {{at: number, value: number | null, part?: number, end?: boolean}[]} options.points  each part is a line of its own
 * @param {[number, number][]} [options.gaps]
 * @param {[number, number]} options.span
 * @param {(value: number) => string} options.format
 * @param {string} [options.unit]  behind a value
 * @param {string} [options.color]
 * @param {number} [options.height]
 * @param {boolean} [options.local]  whether the reader's clock stands above it
 * @returns {HTMLElement}
 */
export function curve({
  label,
  points,
  gaps = [],
  span: [from, to],
  format,
  unit = "",
  color = "var(--first)",
  height = 220,
  local = false,
}) {
  const { Plot } = globalThis;
  const known = points.filter((point) => point.value !== null);
  const measured = known.filter((point) => !point.end);
  const alone = measured.filter(({ part }) => known.filter((point) => point.part === part).length === 1);
  const at = { x: (d) => date(d.at), y: "value" };
  const byDay = to - from > 2 * 86400;
  const above = local && !byDay && offsetMinutes(to) !== 0;
  return chart(label, (width) => {
    const axes = byDay ? dayAxes(from, to, width) : clockAxes(from, to, width, above);
    return {
      height: Math.round(width < 500 ? height * 0.8 : height),
      marginLeft: MARGIN,
      marginRight: 22,
      marginTop: above ? 26 : 10,
      marginBottom: 24,
      x: { type: "utc", domain: [date(from), date(to)] },
      y: { zero: true, nice: true, grid: true, label: null, ticks: 4, tickFormat: compact, tickSize: 0 },
      marks: [
        Plot.rectX(gaps, { x1: (d) => date(d[0]), x2: (d) => date(d[1]), fill: "url(#gap)" }),
        Plot.areaY(known, { ...at, z: "part", fill: color, fillOpacity: 0.12 }),
        Plot.lineY(known, {
          ...at,
          z: "part",
          stroke: color,
          strokeWidth: 1.75,
          strokeLinecap: "round",
          strokeLinejoin: "round",
        }),
        Plot.dot(alone, { ...at, fill: color, r: 3 }),
        Plot.ruleY([0], { stroke: "var(--rule)" }),
        ...axes,
        Plot.ruleX(
          measured,
          Plot.pointerX({ x: at.x, stroke: "var(--muted)", strokeDasharray: "2,3", ariaHidden: "true" }),
        ),
        Plot.tip(
          measured,
          Plot.pointerX({
            ...at,
            title: (d) => `${format(d.value)}${unit}\n${bothClocks(d.at)}`,
            ariaHidden: "true",
          }),
        ),
      ],
    };
  });
}

/**
 * Bars from left to right, the first on top.
 * @param {object} options
 * @param {string} options.label
 * @param {{name: string, value: number, text: string}[]} options.bars
 * @param {string} [options.color]
 * @returns {HTMLElement}
 */
export function bars({ label, bars: each, color = "var(--first)" }) {
  const { Plot } = globalThis;
  return chart(label, (width) => ({
    height: each.length * 22 + 4,
    marginLeft: Math.min(120, width * 0.34),
    marginRight: 56,
    marginTop: 2,
    marginBottom: 2,
    x: { axis: null },
    y: {
      domain: each.map((_, index) => index),
      label: null,
      tickSize: 0,
      tickFormat: (index) => shortened(each[index].name, width < 400 ? 14 : 18),
    },
    marks: [
      Plot.barX(each, {
        y: (_, index) => index,
        x: "value",
        fill: color,
        rx: 2,
        insetTop: 2,
        insetBottom: 2,
      }),
      Plot.text(each, {
        y: (_, index) => index,
        x: "value",
        text: "text",
        textAnchor: "start",
        dx: 5,
        fill: "currentColor",
      }),
    ],
  }));
}

const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/**
 * Upright bars, one a day; a day without a value is hatched.
 * @param {object} options
 * @param {string} options.label
 * @param {{at: number, value: number | null}[]} options.days  at: its midnight in UTC
 * @param {(value: number) => string} options.format
 * @returns {HTMLElement}
 */
export function dayBars({ label, days, format }) {
  const { Plot } = globalThis;
  const ends = { x1: (d) => date(d.at), x2: (d) => date(d.at + 86400), inset: 1 };
  const known = days.filter((day) => day.value !== null);
  const [from, to] = [days[0].at, days[days.length - 1].at + 86400];
  return chart(label, (width) => ({
    height: 200,
    marginLeft: MARGIN,
    marginRight: 22,
    marginTop: 10,
    marginBottom: 24,
    x: { type: "utc", domain: [date(from), date(to)] },
    y: { zero: true, nice: true, grid: true, label: null, ticks: 4, tickFormat: compact, tickSize: 0 },
    marks: [
      Plot.rectX(
        days.filter((day) => day.value === null),
        { ...ends, fill: "url(#gap)" },
      ),
      Plot.rectY(known, { ...ends, y: "value", fill: "var(--first)" }),
      Plot.ruleY([0], { stroke: "var(--rule)" }),
      ...dayAxes(from, to, width),
      Plot.tip(
        known,
        Plot.pointerX({
          x: (d) => date(d.at + 43200),
          y: "value",
          title: (d) => `${format(d.value)}\n${utcDay(d.at)} (UTC)`,
          ariaHidden: "true",
        }),
      ),
    ],
  }));
}

/**
 * A line as small as a word, for those who see it; the numbers stand elsewhere.
 * @param {(number | null)[]} values
 * @param {{width?: number, height?: number}} [size]
 * @returns {SVGElement}
 */
export function sparkline(values, { width = 96, height = 22 } = {}) {
  const { d3 } = globalThis;
  const top = d3.max(values) || 1;
  const x = d3.scaleLinear([0, Math.max(1, values.length - 1)], [1, width - 1]);
  const y = d3.scaleLinear([0, top], [height - 1, 2]);
  const several = values.filter((value) => value !== null).length > 1;
  const known = (value) => several && value !== null && value !== undefined;
  const line = d3.line((_, index) => x(index), y).defined(known);
  const area = d3.area((_, index) => x(index), height - 1, y).defined(known);
  return svg(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      focusable: "false",
    },
    svg("path", { class: "fill", d: area(values) ?? "" }),
    svg("path", { class: "line", d: line(values) ?? "", "vector-effect": "non-scaling-stroke" }),
  );
}
