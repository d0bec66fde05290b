// SPDX-License-Identifier: Apache-2.0
// Follow Airflow's light or dark: its page has the class "dark" or "light" while the switch stands there. Alone, the
// page follows the system, which style.css does by itself. A classic script, so that nothing is painted before it.
"use strict";
(() => {
  /** @returns {HTMLElement | null} the root of Airflow's page, if we are inside it */
  const airflow = () => {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null; // another origin
    }
  };
  const outside = airflow();
  if (!outside) return;
  const follow = () => {
    const theme = ["dark", "light"].find((name) => outside.classList.contains(name));
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  follow();
  new MutationObserver(follow).observe(outside, { attributes: true, attributeFilter: ["class"] });
})();
