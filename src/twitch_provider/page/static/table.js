// SPDX-License-Identifier: Apache-2.0
// Tables: sortable by their headings, and those under charts.

import { h } from "./dom.js";
import { heading, UNKNOWN } from "./format.js";

/**
 * @typedef {object} Column
 * @property {string} name  of its definition; the heading, if it has no label
 * @property {string} [label]
 * @property {(row: any) => any} [value]  what is sorted by; `row[name]` if absent
 * @property {(value: any, row: any) => import("./dom.js").Child} [cell]  what is shown of it
 * @property {boolean} [text]  to the left, and sorted from A to Z first
 * @property {boolean} [rowHeading]
 */

/**
 * @typedef {object} Sorting
 * @property {string} name  of the column
 * @property {boolean} down
 */

/**
 * @typedef {object} TableOptions
 * @property {string} id
 * @property {string} caption  read to those who do not see the heading above it
 * @property {Column[]} columns
 * @property {any[]} rows
 * @property {Record<string, string>} [definitions]  what each name means
 * @property {Record<string, Sorting>} [sorted]  the reader's choice, by id; absent: not sortable
 * @property {Record<string, boolean>} [whole]  whether the reader asked for all rows, by id
 * @property {number} [limit]  of rows shown at first
 * @property {string} [empty]  a sentence in place of no rows
 */

/**
 * A table that redraws itself when it is sorted.
 * @param {TableOptions} options
 * @returns {HTMLElement & {show: (rows: any[], empty?: string) => void}}
 */
export function dataTable(options) {
  const { id, columns, sorted, whole, limit = Infinity } = options;
  let { rows, empty = "There is nothing to show." } = options;
  const head = h("tr");
  const body = h("tbody");
  const foot = h("p", { class: "more" });
  const table = h("table", { id }, h("caption", {}, options.caption), h("thead", {}, head), body);
  const box = h("div", { class: "table" }, scrolling(id, options.caption, table), foot);

  const draw = () => {
    const order = sorted?.[id];
    const shown = order ? ordered(rows, columns, order) : rows;
    const part = whole?.[id] ? shown : shown.slice(0, limit);
    head.replaceChildren(...columns.map((column) => headCell(column, order)));
    body.replaceChildren(
      ...part.map((row) =>
        h(
          "tr",
          {},
          columns.map((column) => cell(column, row)),
        ),
      ),
    );
    if (!rows.length)
      body.replaceChildren(h("tr", {}, h("td", { colspan: columns.length, class: "empty" }, empty)));
    box.classList.toggle("tall", part.length > 30);
    foot.replaceChildren(...(rows.length > limit ? [moreButton(part.length)] : []));
  };
  const headCell = (column, order) => {
    const label = column.label ?? heading(column.name);
    const title = options.definitions?.[column.name];
    const attributes = { scope: "col", class: column.text ? "text" : null, title };
    if (!sorted) return h("th", attributes, label);
    const current = order?.name === column.name;
    const sort = current ? (order.down ? "descending" : "ascending") : null;
    const press = () => {
      sorted[id] = { name: column.name, down: current ? !order.down : !column.text };
      draw();
      document.getElementById(`${id}-by-${column.name}`)?.focus();
    };
    return h(
      "th",
      { ...attributes, "aria-sort": sort },
      h("button", { type: "button", id: `${id}-by-${column.name}`, onclick: press }, label),
    );
  };
  const moreButton = (shown) => {
    const press = () => {
      whole[id] = !whole[id];
      draw();
      document.getElementById(`${id}-more`)?.focus();
    };
    const text = whole[id] ? `Show the first ${limit}` : `Show all ${rows.length}`;
    return h(
      "button",
      { type: "button", id: `${id}-more`, "aria-expanded": String(shown === rows.length), onclick: press },
      text,
    );
  };
  draw();
  return Object.assign(box, {
    show: (newRows, sentence) => {
      rows = newRows;
      empty = sentence ?? empty;
      draw();
    },
  });
}

function cell(column, row) {
  const value = column.value ? column.value(row) : row[column.name];
  const content = column.cell ? column.cell(value, row) : (value ?? UNKNOWN);
  if (column.rowHeading) return h("th", { scope: "row", class: "text" }, content);
  return h("td", { class: column.text ? "text" : null }, content);
}

/** A stable order; what is not known comes last in both directions. */
function ordered(rows, columns, { name, down }) {
  const column = columns.find((each) => each.name === name);
  const value = column?.value ?? ((row) => row[name]);
  const sign = down ? -1 : 1;
  const unknown = (each) => each === null || each === undefined;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (unknown(x) || unknown(y)) return Number(unknown(x)) - Number(unknown(y));
    return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
  });
}

/** What is too wide is scrolled inside its own box, by keyboard too; Tab passes over one that fits. */
function scrolling(id, label, table) {
  const box = h("div", { class: "scroll", id: `${id}-scroll`, role: "region", "aria-label": label }, table);
  const observer = new ResizeObserver(() => {
    const over = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (over) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  observer.observe(box);
  observer.observe(table);
  return box;
}

/**
 * Something that is unfolded on request, and made then.
 * @param {object} options
 * @param {string} options.id
 * @param {string} options.summary
 * @param {() => Node} options.content
 * @param {Set<string>} options.open  ids of those that the reader has unfolded
 * @param {boolean} options.live  otherwise it is made at once: a file may be printed
 * @returns {HTMLElement}
 */
export function disclosure({ id, summary, content, open, live }) {
  const details = h("details", { id, open: open.has(id) }, h("summary", { id: `${id}-summary` }, summary));
  const make = () => details.childElementCount > 1 || details.append(content());
  details.addEventListener("toggle", () => {
    open[details.open ? "add" : "delete"](id);
    if (details.open) make();
  });
  if (!live || open.has(id)) make();
  return details;
}

/**
 * A chart with its table under it.
 * @param {object} options
 * @param {HTMLElement} options.chart
 * @param {() => TableOptions} options.table
 * @param {{open: Set<string>, live: boolean}} options.context
 * @param {import("./dom.js").Child} [options.note]
 * @returns {HTMLElement}
 */
export function figure({ chart, table, context, note }) {
  const { id } = table();
  const details = disclosure({
    id: `${id}-details`,
    summary: "Table",
    content: () => dataTable(table()),
    ...context,
  });
  return h("figure", {}, chart, note ? h("figcaption", {}, note) : null, details);
}
