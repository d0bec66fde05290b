// SPDX-License-Identifier: Apache-2.0
// Top games and channels: sortable, filtered by language, searched.

import { sparkline } from "./charts.js";
import { hoursWatched, rowsOf } from "./data.js";
import { h, section, told } from "./dom.js";
import { change, count, language, percent, UNKNOWN, utcClock } from "./format.js";
import { gameLink } from "./route.js";
import { dataTable } from "./table.js";

/** Rows shown at first. */
const FIRST = 10;
const OF_A_GAME = " Games count where the language is one of their three largest.";

/** @param {import("./render.js").Context} context */
export function listsSection(context) {
  const { scope, state } = context;
  const games = rowsOf(scope.games);
  const channels = rowsOf(scope.channels);
  const gameTable = gamesTable(context, games);
  const channelTable = channelsTable(context, channels);
  const status = h("p", { class: "note", role: "status" });
  const filter = () => {
    const query = state.query.trim().toLocaleLowerCase();
    const has = (...texts) =>
      !query || texts.some((text) => (text ?? "").toLocaleLowerCase().includes(query));
    const speaks = (languages) => state.language === null || languages.includes(state.language);
    const gamesLeft = games.filter(
      (row) => has(row.game_name) && speaks((row.languages ?? []).map(([code]) => code)),
    );
    const channelsLeft = channels.filter(
      (row) => has(row.user_name, row.user_login, row.game_name, row.title) && speaks([row.language]),
    );
    const none = "Nothing matches: clear the search, or choose all languages.";
    gameTable.show(gamesLeft, games.length ? none : undefined);
    channelTable.show(channelsLeft, channels.length ? none : undefined);
    const filtered = query || state.language !== null;
    status.textContent = filtered
      ? `${gamesLeft.length} of ${games.length} games, ${channelsLeft.length} of ${channels.length} channels.${state.language === null ? "" : OF_A_GAME}`
      : "";
  };
  const body = h(
    "div",
    { class: "columns lists" },
    h("div", {}, h("h3", {}, "Games"), gameTable),
    h("div", {}, h("h3", {}, "Channels"), channelTable),
  );
  const top = section(
    "top",
    "Top games and channels of 24 hours",
    context.live ? filters(context, filter) : null,
    status,
    body,
  );
  filter();
  return top;
}

function filters({ scope, state }, filter) {
  const search = h("input", {
    type: "search",
    id: "query",
    value: state.query,
    autocomplete: "off",
    placeholder: "Game, channel or title",
    oninput: (event) => {
      state.query = event.target.value;
      filter();
    },
  });
  const codes = rowsOf(scope.languages).map((row) => row.language);
  const choose = (event) => {
    state.language = event.target.value === "*" ? null : event.target.value;
    filter();
  };
  const select = h(
    "select",
    { id: "language", onchange: choose },
    h("option", { value: "*" }, "All languages"),
    codes.map((code) => h("option", { value: code, selected: code === state.language }, language(code))),
  );
  return h(
    "div",
    { class: "controls" },
    h("label", { for: "query" }, "Search"),
    search,
    h("label", { for: "language" }, "Language"),
    select,
  );
}

/**
 * Up or down, in a sign and a colour beside the text.
 * @param {number | null} value
 * @param {import("./dom.js").Child} text
 * @returns {HTMLElement}
 */
export function trend(value, text) {
  if (value === null || value === undefined) return h("span", { class: "muted" }, UNKNOWN);
  if (Math.abs(value) < 0.0005) return h("span", { class: "muted" }, text);
  return h(
    "span",
    { class: value > 0 ? "up" : "down" },
    h("span", { "aria-hidden": "true" }, value > 0 ? "▲" : "▼"),
    " ",
    text,
  );
}

/**
 * By how many places something has moved.
 * @param {number} value  more than 0 is up
 * @returns {HTMLElement}
 */
export function places(value) {
  return trend(value, [h("span", { class: "hidden" }, value > 0 ? "up " : "down "), Math.abs(value)]);
}

const RANK = {
  name: "rank",
  label: "#",
  cell: (value, row) => [
    count(value),
    " ",
    h("small", {}, row.rank_change ? places(row.rank_change) : ""),
  ],
};
const GROWTH = { name: "growth", cell: (value) => trend(value, change(value)) };
const WATCHED = { name: "hours_watched", value: hoursWatched, cell: count };
const PEAK = {
  name: "peak_viewers",
  cell: (value, row) => [
    count(value),
    h("small", { class: "under" }, row.peak_at === null ? "" : `${utcClock(row.peak_at)} UTC`),
  ],
};

function gamesTable({ scope, definitions, sorted, whole }, rows) {
  const floor = (value, row) => (row.capped_share ? `≥ ${count(value)}` : count(value));
  return dataTable({
    id: "games",
    caption: "Top games",
    rows,
    definitions,
    sorted,
    whole,
    limit: FIRST,
    empty: "No whole hour has been measured yet.",
    columns: [
      RANK,
      {
        name: "game_name",
        label: "Game",
        text: true,
        rowHeading: true,
        cell: (name, row) => gameLink(row.game_id, name, scope.scope),
      },
      { name: "viewers", cell: floor },
      { name: "channels", cell: count },
      GROWTH,
      { name: "share", cell: percent },
      WATCHED,
      PEAK,
      {
        name: "days",
        label: "30 days",
        value: (row) => lastOf(row.days),
        cell: (_, row) => [
          sparkline(row.days ?? [], { width: 64 }),
          h("span", { class: "hidden" }, `${count(lastOf(row.days))} hours watched on the last of them`),
        ],
      },
    ],
  });
}

const lastOf = (days) => (days?.length ? days[days.length - 1] : null);

function channelsTable({ definitions, sorted, whole }, rows) {
  return dataTable({
    id: "channels",
    caption: "Top channels",
    rows,
    definitions,
    sorted,
    whole,
    limit: FIRST,
    empty: "No whole hour has been measured yet.",
    columns: [
      RANK,
      { name: "user_name", label: "Channel", text: true, rowHeading: true, cell: channelCell },
      {
        name: "viewers",
        cell: (value) => (value === null ? h("span", { class: "muted" }, "off") : count(value)),
      },
      GROWTH,
      WATCHED,
      PEAK,
      { name: "language", text: true, cell: language },
    ],
  });
}

function channelCell(name, row) {
  const other =
    row.user_login && row.user_login !== (name ?? "").toLowerCase()
      ? h("small", {}, " ", told(row.user_login))
      : null;
  const about = [row.game_name, row.title].filter(Boolean);
  const line = about.length
    ? h(
        "small",
        { class: "title", title: about.join(" · ") },
        about.flatMap((text, index) => [index ? " · " : "", told(text)]),
      )
    : null;
  return [told(name || row.user_login), other, line];
}
