// SPDX-License-Identifier: Apache-2.0
// A game's own view: 30 days, top channels, languages.

import { bars, dayBars } from "./charts.js";
import { averageViewers, hoursWatched, rowsOf } from "./data.js";
import { h, section, told } from "./dom.js";
import { bothClocks, change, compact, count, language, percent, seconds, utcDay } from "./format.js";
import { places, trend } from "./lists.js";
import { hashOf } from "./route.js";
import { dataTable, figure } from "./table.js";

/**
 * @param {import("./render.js").Context} context
 * @param {string} id
 * @returns {HTMLElement[]}
 */
export function gameView(context, id) {
  const { scope } = context;
  const back = h(
    "p",
    {},
    h("a", { href: hashOf({ game: null, scope: scope.scope }), id: "back" }, "← All games"),
  );
  const game = rowsOf(scope.games).find((row) => row.game_id === id);
  if (!game) {
    const sentence = `Game ${id} is not among the top games of the last 24 hours in this scope: choose another one, or another scope.`;
    return [back, section("game", "Game", h("p", { class: "empty" }, sentence))];
  }
  return [
    back,
    section("game", game.game_name || game.game_id, gameFacts(context, game)),
    gameDays(context, game),
    h("div", { class: "columns" }, gameChannels(context, game), gameLanguages(context, game)),
  ];
}

function gameFacts({ definitions }, game) {
  const floor = game.capped_share ? "≥ " : "";
  const fact = (name, label, value, more) =>
    h(
      "div",
      { title: definitions[name] },
      h("dt", {}, label),
      h("dd", {}, h("strong", {}, value), h("small", {}, more)),
    );
  return h(
    "dl",
    { class: "facts" },
    fact("viewers", "Viewers now", floor + count(game.viewers)),
    fact("channels", "Channels now", floor + count(game.channels)),
    fact("average_viewers", "Average viewers", count(averageViewers(game)), "24 h"),
    fact("hours_watched", "Hours watched", count(hoursWatched(game)), "24 h"),
    fact("share", "Share", percent(game.share), "24 h"),
    fact("peak_viewers", "Peak viewers", count(game.peak_viewers), bothClocks(game.peak_at)),
    fact(
      "rank",
      "Rank",
      count(game.rank),
      rankBefore(game.rank_change),
    ),
    fact("growth", "Growth", trend(game.growth, change(game.growth)), "against the 24 h before"),
  );
}

function rankBefore(moved) {
  if (moved === null) return "without a rank in the 24 h before";
  return moved ? [places(moved), " against the 24 h before"] : "as in the 24 h before";
}

function gameDays(context, game) {
  const title = "30 days";
  if (!game.days?.some((value) => value !== null))
    return section("game-days", title, h("p", { class: "empty" }, "No day with this game is closed yet."));
  const midnight = seconds(context.overview.today);
  const rows = game.days.map((value, index) => ({
    at: midnight - (game.days.length - index) * 86400,
    value,
  }));
  const picture = dayBars({
    label: `Hours watched by day: ${game.game_name}`,
    days: rows,
    format: (value) => `${count(value)} hours watched`,
  });
  const table = () => ({
    id: "game-days-table",
    caption: "Hours watched by day (UTC), newest first",
    rows: [...rows].reverse(),
    definitions: context.definitions,
    columns: [
      { name: "day", text: true, rowHeading: true, value: (row) => row.at, cell: utcDay },
      { name: "hours_watched", value: (row) => row.value, cell: count },
    ],
  });
  return section(
    "game-days",
    title,
    h("p", { class: "note" }, "Hours watched by day (UTC). Hatched: nothing is known of this game."),
    figure({ chart: picture, table, context }),
  );
}

function gameChannels(context, game) {
  const best = (game.top_channels ?? []).map(([user_login, user_name, code, viewers]) => ({
    user_login,
    user_name,
    language: code,
    viewers,
  }));
  const live = rowsOf(context.scope.channels).filter(
    (row) => row.viewers !== null && row.game_name === game.game_name,
  );
  const known = new Map(live.map((row) => [row.user_login, row]));
  const others = best.filter((row) => !known.has(row.user_login));
  const rows = [...live, ...others].sort((a, b) => b.viewers - a.viewers);
  const table = dataTable({
    id: "game-channels",
    caption: `Top channels now: ${game.game_name}`,
    rows,
    definitions: context.definitions,
    sorted: context.sorted,
    whole: context.whole,
    limit: 15,
    empty: "No channel is live.",
    columns: [
      {
        name: "user_name",
        label: "Channel",
        text: true,
        rowHeading: true,
        cell: (name, row) => told(name || row.user_login),
      },
      { name: "viewers", cell: count },
      { name: "language", text: true, cell: (code) => language(code) },
      {
        name: "title",
        text: true,
        cell: (title) => (title ? h("small", { class: "title", title }, told(title)) : ""),
      },
    ],
  });
  return section("game-top", "Top channels now", table);
}

function gameLanguages(context, game) {
  const rows = (game.languages ?? []).map(([code, viewers]) => ({ code, name: language(code), viewers }));
  if (!rows.length)
    return section("game-languages", "Languages now", h("p", { class: "empty" }, "No channel is live."));
  const picture = bars({
    label: `Viewers now by language: ${game.game_name}`,
    bars: rows.map((row) => ({ name: row.name, value: row.viewers, text: compact(row.viewers) })),
  });
  const table = () => ({
    id: "game-language-table",
    caption: "Languages now",
    rows,
    definitions: context.definitions,
    columns: [
      { name: "language", text: true, rowHeading: true, value: (row) => row.name },
      { name: "viewers", cell: count },
    ],
  });
  return section(
    "game-languages",
    "Languages now",
    figure({ chart: picture, table, context, note: "The largest three." }),
  );
}
