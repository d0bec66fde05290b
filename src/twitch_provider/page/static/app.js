// SPDX-License-Identifier: Apache-2.0
// The page inside Airflow: it loads the overview, shows it, follows the address and refreshes itself.

import { objection } from "./data.js";
import { h } from "./dom.js";
import { seconds } from "./format.js";
import { load } from "./load.js";
import { ageOf, newState, render, renderError } from "./render.js";
import { firstHash, mirrorHash, parseRoute } from "./route.js";

/** Milliseconds between refreshes; a new overview appears every five minutes. */
const REFRESH = 60000;
const RELOADED = "twitch-reloaded-at";

const root = document.getElementById("page");
const state = newState();
/** @type {any} */
let overview = null;
let shown = "";
let asked = 0;

const now = () => Date.now() / 1000;

function show() {
  render(root, overview, { now: now(), state });
}

async function refresh() {
  asked = Date.now();
  const outcome = await load("overview.json");
  const reason = outcome.overview === undefined ? null : objection(outcome.overview);
  if (outcome.expired) expire();
  else if (outcome.error) complain(outcome.error);
  else if (reason) complain({ title: "There is nothing to show", sentence: reason });
  else if (outcome.text === shown) say("");
  else {
    ({ overview, text: shown } = outcome);
    show();
  }
  tick();
}

/** Old numbers stay, with a sentence; without any, the sentence is the page. */
function complain({ title, sentence }) {
  if (overview === null) {
    const again = () => {
      renderError(root, "Loading", "Loading the metrics…");
      refresh();
    };
    renderError(
      root,
      title,
      sentence,
      h("button", { type: "button", id: "again", onclick: again }, "Try again"),
    );
  } else say(`The last refresh failed. ${sentence}`);
}

function say(sentence) {
  const line = document.getElementById("refresh");
  if (line && line.textContent !== sentence) line.textContent = sentence;
}

/** Let Airflow ask for a new login; not again within a minute, lest a page that never gets in reloads endlessly. */
function expire() {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < REFRESH) {
    complain({
      title: "Your session has expired",
      sentence: "Your session has expired: log in to Airflow and open this page again.",
    });
    return;
  }
  sessionStorage.setItem(RELOADED, String(Date.now()));
  window.top.location.reload();
}

function tick() {
  const age = document.getElementById("age");
  if (age && overview) age.textContent = ageOf(seconds(overview.run_after), now());
}

function follow() {
  const route = parseRoute(window.location.hash);
  const moved = route.game !== state.game;
  Object.assign(state, route);
  mirrorHash();
  if (overview === null) return;
  show();
  if (!moved) return;
  window.scrollTo(0, 0);
  document.querySelector("h2")?.focus({ preventScroll: true });
}

const hash = firstHash();
if (hash && hash !== window.location.hash) window.history.replaceState(null, "", hash);
follow();
window.addEventListener("hashchange", follow);
window.setInterval(tick, 10000);
window.setInterval(() => document.hidden || refresh(), REFRESH);
document.addEventListener(
  "visibilitychange",
  () => document.hidden || Date.now() - asked < REFRESH || refresh(),
);
refresh();
