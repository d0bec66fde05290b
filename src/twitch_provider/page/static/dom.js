// SPDX-License-Identifier: Apache-2.0
// Elements. Whatever comes from Twitch reaches the page as a text node: nothing here parses markup.

/**
 * @typedef {Node | string | number | null | undefined | false | Child[]} Child
 */

/**
 * Make an element.
 * @param {string} name
 * @param {Record<string, unknown>} attributes  functions are listeners (`onclick`); null, undefined and false are left out
 * @param {...Child} children  strings and numbers become text
 * @returns {HTMLElement}
 */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * Make an element of an SVG.
 * @param {string} name
 * @param {Record<string, unknown>} attributes
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/**
 * A part of the page with its heading.
 * @param {string} id
 * @param {string} title
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function section(id, title, ...children) {
  return h(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title`, tabindex: -1 }, title),
    ...children,
  );
}

/**
 * A text of somebody's making (a name, a title), kept apart from the direction of the text around it.
 * @param {string | null} text
 * @returns {HTMLElement}
 */
export function told(text) {
  return h("bdi", {}, text ?? "");
}

/**
 * A row of buttons of which one is pressed.
 * @param {string} id
 * @param {string} label
 * @param {[string, string][]} choices  value and text
 * @param {string} chosen
 * @param {(value: string) => void} choose
 * @returns {HTMLElement}
 */
export function choice(id, label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) =>
    h(
      "button",
      {
        type: "button",
        id: `${id}-${value}`,
        "aria-pressed": String(value === chosen),
        onclick: () => press(value),
      },
      text,
    ),
  );
  const press = (value) => {
    choices.forEach(([each], index) => buttons[index].setAttribute("aria-pressed", String(each === value)));
    choose(value);
  };
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/**
 * Rebuild a part of the page without losing the reader's place: focus, selection, scrolled tables.
 * @param {HTMLElement} root
 * @param {() => void} rebuild
 */
export function keepingPlace(root, rebuild) {
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const selection =
    focused instanceof HTMLInputElement ? [focused.selectionStart, focused.selectionEnd] : null;
  const scrolled = [...root.querySelectorAll(".scroll[id]")].map((each) => [
    each.id,
    each.scrollLeft,
    each.scrollTop,
  ]);
  const [left, top] = [window.scrollX, window.scrollY];
  rebuild();
  for (const [id, x, y] of scrolled) document.getElementById(id)?.scrollTo(x, y);
  const again = focused?.id ? document.getElementById(focused.id) : null;
  if (again && again !== document.activeElement) {
    again.focus({ preventScroll: true });
    if (selection && again instanceof HTMLInputElement) again.setSelectionRange(...selection);
  }
  window.scrollTo(left, top);
}
