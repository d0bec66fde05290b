// SPDX-License-Identifier: Apache-2.0
// The report: an overview that stands in the same file. It fetches nothing.

import { drawCharts } from "./charts.js";
import { seconds } from "./format.js";
import { newState, render } from "./render.js";
import { parseRoute } from "./route.js";
import { snapshotSection } from "./snapshot.js";

const main = document.querySelector("main");
const shown = JSON.parse(document.getElementById("overview").textContent);
const chosen = newState();
const title = document.title;

function follow() {
  const route = parseRoute(window.location.hash);
  const moved = route.game !== chosen.game;
  Object.assign(chosen, route);
  render(main, shown, {
    now: seconds(shown.run_after),
    live: false,
    state: chosen,
    title,
    more: [snapshotSection],
  });
  if (moved) window.scrollTo(0, 0);
}

/** Charts as wide as the paper: what is only scaled to it cannot be read. */
function prepare(printing) {
  document.documentElement.classList.toggle("printing", printing);
  drawCharts(main); // a printer does not wait
}

follow();
window.addEventListener("hashchange", follow);
window.addEventListener("beforeprint", () => prepare(true));
window.addEventListener("afterprint", () => prepare(false));
