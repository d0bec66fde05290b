// SPDX-License-Identifier: Apache-2.0
// An overview as a page. It fetches nothing: the report calls it too.

import { drawCharts, hatching } from "./charts.js";
import { objection, scopeName } from "./data.js";
import { DEFINITIONS } from "./definitions.js";
import { h, keepingPlace, section } from "./dom.js";
import { bothClocks, heading, seconds, span } from "./format.js";
import { gameView } from "./game.js";
import { healthSection } from "./health.js";
import { heatSection } from "./heat.js";
import { languagesSection } from "./languages.js";
import { listsSection } from "./lists.js";
import { concentrationSection, moversSection } from "./movers.js";
import { daySection, monthSection, nowSection } from "./now.js";
import { hashOf } from "./route.js";

/**
 * What the reader has chosen; it outlives a refresh.
 * @typedef {object} State
 * @property {string | null} scope
 * @property {string | null} game  id of the game whose view is shown
 * @property {string} query
 * @property {string | null} language
 * @property {string} heat  the measure of the heat map
 * @property {"utc" | "local"} clock  of the heat map
 * @property {Record<string, import("./table.js").Sorting>} sorted
 * @property {Record<string, boolean>} whole
 * @property {Set<string>} open
 */

/**
 * What a section is made of.
 * @typedef {object} Context
 * @property {any} overview
 * @property {any} scope  the one that is shown
 * @property {State} state
 * @property {Record<string, string>} definitions  what each name means
 * @property {number} now  seconds since 1970
 * @property {boolean} live  false in a file: it says how things were, and nothing is searched there
 * @property {Record<string, import("./table.js").Sorting>} sorted
 * @property {Record<string, boolean>} whole
 * @property {Set<string>} open
 */

/** @returns {State} */
export function newState() {
  return {
    scope: null,
    game: null,
    query: "",
    language: null,
    heat: "viewers_per_channel",
    clock: "utc",
    sorted: {},
    whole: {},
    open: new Set(),
  };
}

/**
 * Show an overview, in place of what was there.
 * @param {HTMLElement} root
 * @param {any} overview
 * @param {{now?: number, live?: boolean, state?: State, title?: string, more?: ((context: Context) => Node | null)[]}} [options]
 *   more: further sections, behind the others
 */
export function render(
  root,
  overview,
  { now = Date.now() / 1000, live = true, state = newState(), title = "Twitch", more = [] } = {},
) {
  const reason = objection(overview);
  if (reason) {
    renderError(root, "There is nothing to show", reason);
    return;
  }
  const scope = overview.scopes.find((each) => each.scope === state.scope) ?? overview.scopes[0];
  const { sorted, whole, open } = state;
  const context = { overview, scope, state, definitions: DEFINITIONS, now, live, sorted, whole, open };
  const sections = () => [...overviewSections(context), ...more.map((make) => make(context))];
  const body = state.game === null ? sections() : gameView(context, state.game);
  const parts = [hatching(), header(context, title), notes(overview), ...body, glossary(context)];
  keepingPlace(root, () => {
    root.replaceChildren(...parts.filter(Boolean));
    drawCharts(root);
  });
}

/**
 * Say why there is nothing to show.
 * @param {HTMLElement} root
 * @param {string} title
 * @param {string} sentence
 * @param {Node | null} [action]  what the reader can do here
 */
export function renderError(root, title, sentence, action = null) {
  root.replaceChildren(
    h("h1", {}, "Twitch"),
    h(
      "section",
      { class: "problem", role: "alert" },
      h("h2", {}, title),
      h("p", {}, sentence),
      action && h("p", {}, action),
    ),
  );
}

function overviewSections(context) {
  return [
    healthSection(context),
    nowSection(context),
    daySection(context),
    listsSection(context),
    moversSection(context),
    heatSection(context),
    monthSection(context),
    h("div", { class: "columns" }, languagesSection(context), concentrationSection(context)),
  ];
}

function header(context, title) {
  const { overview, scope, state, live, now } = context;
  const made = seconds(overview.run_after);
  const interval = scope.interval_seconds
    ? `a snapshot every ${span(scope.interval_seconds)}`
    : "snapshots on request";
  const choose = (event) => {
    window.location.hash = hashOf({ game: state.game, scope: event.target.value });
  };
  const several = overview.scopes.length > 1;
  const select = h(
    "select",
    { id: "scope", onchange: choose },
    overview.scopes.map((each) =>
      h("option", { value: each.scope, selected: each === scope }, scopeName(each)),
    ),
  );
  return h(
    "header",
    {},
    h("h1", {}, title),
    several && h("div", { class: "controls" }, h("label", { for: "scope" }, "Scope"), select),
    h("p", { class: several ? "scope printed" : "scope" }, scopeName(scope)),
    h(
      "p",
      { class: "note" },
      `As of ${bothClocks(made)}, ${interval}`,
      h("span", { id: "age" }, live ? ageOf(made, now) : ""),
    ),
    h("p", { class: "note stale", id: "refresh", role: "status" }),
  );
}

/** What the run had to leave out. */
function notes({ notes: sentences }) {
  if (!sentences?.length) return null;
  return h(
    "section",
    { class: "problem", "aria-label": "Notes" },
    h(
      "ul",
      {},
      sentences.map((sentence) => h("li", {}, sentence)),
    ),
  );
}

/** How old the overview is, in words. */
export function ageOf(made, now) {
  return `, ${span(Math.max(0, now - made))} ago`;
}

function glossary({ definitions }) {
  const names = Object.keys(definitions);
  const entries = names.flatMap((name) => [h("dt", {}, heading(name)), h("dd", {}, definitions[name])]);
  return section(
    "glossary",
    "What the numbers mean",
    h(
      "details",
      { id: "glossary-details" },
      h("summary", {}, `${names.length} definitions`),
      h("dl", { class: "glossary" }, entries),
    ),
  );
}
