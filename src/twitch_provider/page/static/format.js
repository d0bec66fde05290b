// SPDX-License-Identifier: Apache-2.0
// Numbers, spans and instants, in the reader's locale.

/** What stands for a number that is not known. */
export const UNKNOWN = "–";

const COUNT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const PERCENT = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumFractionDigits: 1,
  minimumFractionDigits: 1,
});
const CHANGE = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumFractionDigits: 1,
  minimumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const FRACTION = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3, minimumFractionDigits: 3 });

const known = (format) => (/** @type {number | null | undefined} */ value) =>
  value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : format.format(value);

export const count = known(COUNT);
export const tenths = known(TENTHS);
export const compact = known(COMPACT);
export const percent = known(PERCENT);
export const change = known(CHANGE);
export const fraction = known(FRACTION);

/**
 * A quotient, or null where there is nothing to divide by.
 * @param {number | null} a
 * @param {number | null} b
 * @returns {number | null}
 */
export function divide(a, b) {
  return a === null || a === undefined || !b ? null : a / b;
}

/**
 * A span: "45 s", "5 min", "2 h 5 min", "3 d 4 h".
 * @param {number | null} seconds
 * @returns {string}
 */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const units = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  let rest = seconds < 60 ? Math.round(seconds) : Math.round(seconds / 60) * 60;
  const parts = [];
  for (const [unit, length] of units) {
    const whole = Math.floor(rest / length);
    rest -= whole * length;
    if (whole) parts.push(`${COUNT.format(whole)} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/**
 * Seconds since 1970 of an instant as it is written in overview.json.
 * @param {string | number | null} instant  ISO 8601, or these seconds already
 * @returns {number | null}
 */
export function seconds(instant) {
  if (typeof instant === "number") return instant;
  const parsed = Date.parse(instant ?? "");
  return Number.isNaN(parsed) ? null : parsed / 1000;
}

const dates = (options) => new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const MINUTE = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const CLOCK = { hour: "2-digit", minute: "2-digit" };
const DATE = { day: "numeric", month: "short" };
const DAY = { weekday: "short", day: "numeric", month: "short" };
const UTC_MINUTE = dates({ ...MINUTE, timeZone: "UTC" });
const UTC_CLOCK = dates({ ...CLOCK, timeZone: "UTC" });
const UTC_DAY = dates({ ...DAY, timeZone: "UTC" });
const UTC_DATE = dates({ ...DATE, timeZone: "UTC" });
const LOCAL_MINUTE = dates(MINUTE);
const LOCAL_CLOCK = dates(CLOCK);
const ZONE = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

const dated = (format) => (/** @type {number | null} */ at) =>
  at === null || at === undefined ? UNKNOWN : format.format(at * 1000);

export const utcMinute = dated(UTC_MINUTE);
export const utcClock = dated(UTC_CLOCK);
export const utcDate = dated(UTC_DATE);
export const utcDay = dated(UTC_DAY);
export const localMinute = dated(LOCAL_MINUTE);
export const localClock = dated(LOCAL_CLOCK);

/**
 * The name of the reader's time zone at an instant: "CET", "GMT+1".
 * @param {number} at
 * @returns {string}
 */
export function zone(at) {
  return ZONE.formatToParts(at * 1000).find((part) => part.type === "timeZoneName")?.value ?? "local";
}

/**
 * Minutes by which the reader's clock is ahead of UTC at an instant.
 * @param {number} at
 * @returns {number}
 */
export function offsetMinutes(at) {
  return -new Date(at * 1000).getTimezoneOffset();
}

/**
 * An instant in both clocks: "28 Nov, 23:35 UTC · 00:35 CET".
 * @param {number | null} at
 * @returns {string}
 */
export function bothClocks(at) {
  if (at === null || at === undefined) return UNKNOWN;
  return offsetMinutes(at) ? `${utcMinute(at)} UTC · ${localClock(at)} ${zone(at)}` : `${utcMinute(at)} UTC`;
}

const LANGUAGES = (() => {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" });
  } catch {
    return null;
  }
})();

/**
 * A language's name; Twitch has codes that are not languages (`other`, `asl`), which stay as they are.
 * @param {string | null} code
 * @returns {string}
 */
export function language(code) {
  if (code === null || code === undefined) return UNKNOWN;
  if (!code) return "not set";
  try {
    return (/^[a-z]{2}(-[a-z]{2})?$/.test(code) && LANGUAGES?.of(code)) || code;
  } catch {
    return code;
  }
}

/**
 * The heading of a column: its own name, to be read ("viewer_seconds": "Viewer seconds").
 * @param {string} name
 * @returns {string}
 */
export function heading(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
