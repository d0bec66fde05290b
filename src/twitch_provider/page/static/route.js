// SPDX-License-Identifier: Apache-2.0
// The address of a view: `#/game/509658?scope=…`. Inside Airflow it stands in Airflow's address too, so that what the
// reader copies leads to the same view.

import { h, told } from "./dom.js";

/**
 * @typedef {object} Route
 * @property {string | null} game  its id; null: the overview
 * @property {string | null} scope  null: the first one
 */

/**
 * @param {string} hash
 * @returns {Route}
 */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const scope = new URLSearchParams(query).get("scope");
  const [, game] = /^\/game\/([^/]+)$/.exec(path) ?? [];
  try {
    return { game: game === undefined ? null : decodeURIComponent(game), scope };
  } catch {
    return { game: null, scope }; // a stray percent sign
  }
}

/**
 * @param {Route} route
 * @returns {string}
 */
export function hashOf({ game, scope }) {
  const query = scope === null ? "" : `?scope=${encodeURIComponent(scope)}`;
  return game === null ? `#/${query}` : `#/game/${encodeURIComponent(game)}${query}`;
}

/**
 * A game's name that leads to its view.
 * @param {string} id
 * @param {string | null} name
 * @param {string} scope
 * @returns {HTMLElement}
 */
export function gameLink(id, name, scope) {
  if (!id) return told(name || "No category");
  return h("a", { href: hashOf({ game: id, scope }) }, told(name || id));
}

/** Airflow's window around ours, if we are its plugin page. Airflow 3.3 writes our path behind its own. */
function airflowWindow() {
  try {
    const { parent } = window;
    return parent !== window && /\/plugin\/twitch(\/|$)/.test(parent.location.pathname) ? parent : null;
  } catch {
    return null; // another origin
  }
}

/** The hash at the start: ours, or that of Airflow's address. */
export function firstHash() {
  return window.location.hash || airflowWindow()?.location.hash || "";
}

/** Write our hash into Airflow's address, without a step in its history. */
export function mirrorHash() {
  const outside = airflowWindow();
  if (!outside) return;
  const { history, location } = outside;
  const hash = window.location.hash === "#/" ? "" : window.location.hash;
  if (location.hash !== hash)
    history.replaceState(history.state, "", location.pathname + location.search + hash);
}
