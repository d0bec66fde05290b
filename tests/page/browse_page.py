# SPDX-License-Identifier: Apache-2.0
"""What a person sees of the page, does with it, and is told when something is wrong (``make ui-test``)."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.metrics.month import EVIL, month_overview
from tests.page.pictured import pictured

from twitch_provider.metrics.overview.encode import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from tests.page.conftest import Look
    from tests.page.server import Site

    Picture = Callable[[str, Page | Locator], None]

MONTH = month_overview()
FIRST, SECOND = MONTH["scopes"]
MINUTE = 60_000


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a table of the overview as dictionaries."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def cells(page: Page, table: str, column: int) -> list[str]:
    """Return a column of a table as it is shown."""
    texts: list[str] = page.eval_on_selector_all(
        f"#{table} tbody tr > :nth-child({column})", "all => all.map(each => each.innerText)"
    )
    return texts


def column(page: Page, table: str, heading: str) -> list[str]:
    """Return a column of a table by its heading; a table under a chart is made when it is opened."""
    page.locator(f"#{table} thead th").first.wait_for()
    headings = page.locator(f"#{table} thead th").all_inner_texts()
    return cells(page, table, headings.index(heading) + 1)


def focus(page: Page) -> str:
    """Return the id of what has the focus."""
    found: str = page.evaluate("document.activeElement.id")
    return found


def test_numbers_are_those_of_the_overview_in_the_readers_locale(look: Look) -> None:
    page = look(locale="de-DE")
    strong = page.locator("#now strong").all_inner_texts()
    assert strong[0] == f"{FIRST['now']['viewers']:,}".replace(",", ".")
    games = rows(FIRST["games"])
    assert column(page, "games", "Viewers") == [
        f"{game['viewers']:,}".replace(",", ".") for game in games[:10]
    ]
    watched = [f"{round(game['viewer_seconds'] / 3600):,}".replace(",", ".") for game in games[:10]]
    assert column(page, "games", "Hours watched") == watched
    assert page.locator("#completeness tbody tr").first.inner_text().split("\t")[1] == "97,0\u00a0%"


def test_health_says_first_what_is_missing(look: Look) -> None:
    page = look()
    assert page.locator("main section").first.get_attribute("id") == "health"
    verdict = page.locator("#verdict").inner_text()
    assert (
        verdict
        == "Gaps 1 gap in the last 24 hours, 50 min in all. Sums leave them out; nothing is filled in."
    )
    assert "3 min ago" in page.locator("#health .facts").inner_text()
    assert column(page, "completeness", "Missing ticks (UTC)") == [
        "03:20 03:25 03:30 03:35 03:40 03:45",
        "\u2013",
    ]
    page.get_by_text("Snapshots that do not count (2)").click()
    assert column(page, "problems", "Status") == ["gated", "incomplete"]


WHOLE: dict[str, Any] = {"gaps": [], "problems": [], "today": None, "yesterday": None}


@pytest.mark.parametrize(
    ("health", "verdict"),
    [
        ({}, "Whole The last 24 hours have no gap."),
        (
            {"last_snapshot_at": "2026-11-29T15:38:00Z"},
            (
                "Late The newest snapshot is 1 h old, and one is due every 5 min: "
                "look at the DAG that takes them."
            ),
        ),
        # A lake that began an hour ago has no gap, but what was due before is missing.
        ({"today": FIRST["health"]["today"]}, "Missing 6 of 200 snapshots due today are missing."),
        (
            {"problems": FIRST["health"]["problems"]},
            "Whole No time is missing, but some snapshots of the last 24 hours do not count.",
        ),
    ],
)
def test_the_verdict(look: Look, site: Site, health: dict[str, Any], verdict: str) -> None:
    overview = month_overview()
    overview["scopes"][0]["health"] |= WHOLE | health
    site.show(overview)
    assert look().locator("#verdict").inner_text() == verdict


def test_a_gap_is_drawn_as_a_gap_and_both_clocks_are_there(look: Look) -> None:
    page = look()
    line = page.locator("#day [data-part=line] path")
    assert line.count() == 2 * 2
    assert page.locator("#day [fill='url(#gap)'] rect, #day rect[fill='url(#gap)']").count() == 2
    axes = page.locator("#day svg").first.text_content() or ""
    assert "UTC" in axes
    assert "CET" in axes
    page.locator("#snapshots-details summary").click()
    shown = column(page, "snapshots", "Viewers")
    assert shown == [f"{row['viewers']:,}" for row in reversed(rows(FIRST["snapshots"]))]
    assert column(page, "snapshots", "Snapshot (UTC)")[0] == "29 Nov, 16:35"
    assert column(page, "snapshots", "Snapshot (CET)")[0] == "29 Nov, 17:35"


@pytest.mark.parametrize(
    ("chart", "says"),
    [("#day", "viewers"), ("#month", "viewers on average of the hour"), ("#heat", "viewers per channel")],
)
def test_a_chart_says_what_is_under_the_pointer(look: Look, chart: str, says: str) -> None:
    page = look()
    picture = page.locator(f"{chart} .chart svg").first
    picture.scroll_into_view_if_needed()
    picture.hover(position={"x": 300, "y": 80})
    told = page.locator(f"{chart} [aria-label=tip][aria-hidden] text").first.text_content() or ""
    assert says in told
    assert "UTC" in told


def test_every_chart_has_a_table(look: Look) -> None:
    page = look()
    for figure in page.locator("figure").all():
        figure.locator("summary").click()
        figure.locator("tbody tr").first.wait_for()
        assert figure.locator("svg[role=img][aria-label]").count() == 1
    # Viewers and channels share their table.
    assert page.locator(".chart").count() == page.locator("figure").count() + 1


def test_lists_are_sorted_searched_and_filtered(look: Look) -> None:
    page = look()
    games, channels = rows(FIRST["games"]), rows(FIRST["channels"])
    page.locator("#games-by-growth").click()
    known = sorted((game["growth"] for game in games if game["growth"] is not None), reverse=True)
    assert column(page, "games", "Growth")[0] == f"▲ +{known[0] * 100:.1f}%"
    page.locator("#games-more").click()
    assert column(page, "games", "Growth")[len(known) :] == ["\u2013"] * (len(games) - len(known))

    page.locator("#query").fill(channels[3]["user_login"].upper())
    assert page.locator("#channels tbody tr").count() == 1
    assert channels[3]["user_name"] in page.locator("#channels tbody").inner_text()
    page.locator("#query").fill("nobody has this name")
    assert (
        page.locator("#games tbody").inner_text()
        == "Nothing matches: clear the search, or choose all languages."
    )

    page.locator("#query").fill("")
    page.locator("#language").select_option("es")
    spanish = [channel for channel in channels if channel["language"] == "es"]
    assert (
        page.locator("#top [role=status]")
        .inner_text()
        .split(". ")[0]
        .endswith(f"{len(spanish)} of {len(channels)} channels")
    )
    page.locator("#channels-more").click()
    assert set(column(page, "channels", "Language")) == {"Spanish"}


def test_the_heat_map_tells_the_best_hour_on_either_clock(look: Look, site: Site) -> None:
    overview = month_overview()
    heat = overview["scopes"][0]["heat_map"]
    # Sunday 23:00 UTC is Monday in Paris.
    for row in heat["rows"]:
        row[4] = 99.5 if row[:2] == [6, 23] else 20 + row[1] / 10
    site.show(overview)
    page = look()
    note = page.locator("#heat .note")
    assert (
        note.inner_text()
        == "Best: Sunday at 23:00 UTC (00:00 CET), with 99.5 viewers per channel on average."
    )
    assert page.locator("#heat [data-part=cell] rect").count() == 7 * 24 + 1
    page.locator("#heat-clock-local").click()
    assert (
        note.inner_text()
        == "Best: Monday at 00:00 CET (23:00 UTC), with 99.5 viewers per channel on average."
    )
    page.locator("#heat-measure-viewers").click()
    assert " viewers on average." in note.inner_text()
    assert page.locator("#heat-measure-viewers").get_attribute("aria-pressed") == "true"


def test_scopes_are_switched_and_linked(look: Look) -> None:
    page = look()
    page.locator("#scope").select_option(SECOND["scope"])
    page.locator("#now strong").first.filter(has_text="at least").wait_for()
    assert page.locator("#now strong").first.inner_text() == f"at least {SECOND['now']['viewers']:,}"
    assert quote(SECOND["scope"], safe="") in page.evaluate("location.hash").replace("+", "%20")
    page.go_back()
    page.locator("#now strong").first.filter(has_not_text="at least").wait_for()


def test_a_game_has_a_view_that_can_be_linked(look: Look, site: Site) -> None:
    overview = month_overview()
    games = overview["scopes"][1]["games"]
    games["rows"][0][games["columns"].index("rank_change")] = -3
    site.show(overview)
    game = rows(games)[0]
    link = f"/twitch/#/game/{game['game_id']}?scope={quote(SECOND['scope'])}"
    page = look(link, waits_for="#game")
    assert page.locator("#game h2").inner_text() == "Just Chatting"
    assert page.locator("#game strong").first.inner_text() == f"≥ {game['viewers']:,}"
    facts = " ".join(page.locator("#game .facts").inner_text().split())
    assert "Rank 1 ▼ down 3 against the 24 h before" in facts
    best = [channel[3] for channel in game["top_channels"]]
    best += [each["viewers"] for each in rows(SECOND["channels"]) if each["game_name"] == "Just Chatting"]
    assert column(page, "game-channels", "Viewers")[0] == f"{max(best):,}"
    page.locator("#game-days-table-details summary").click()
    assert column(page, "game-days-table", "Hours watched") == [f"{day:,}" for day in reversed(game["days"])]
    assert column(page, "game-days-table", "Day")[0] == "Sat 28 Nov"
    page.locator("#back").click()
    page.locator("#health").wait_for()


def test_a_game_that_is_not_in_the_list_is_explained(look: Look) -> None:
    page = look("/twitch/#/game/%3Cb%3E1", waits_for="#game")
    assert page.locator("#game").inner_text().startswith("Game\n\nGame <b>1 is not among the top games")


@pytest.mark.parametrize("path", ["/plugin/twitch", "/plugin/twitch/base/twitch/"])
def test_inside_airflow_the_address_of_a_view_is_airflows(look: Look, site: Site, path: str) -> None:
    page = look(f"{path}#/game/509658", waits_for="iframe")
    frame = page.frame_locator("iframe")
    frame.locator("#game h2").filter(has_text="Just Chatting").wait_for()
    frame.locator("#back").click()
    frame.locator("#health").wait_for()
    frame.locator("#games a").nth(1).click()
    frame.locator("#game").wait_for()
    assert page.url.startswith(f"{site.address}{path}#/game/32982?scope=")


def test_dark_and_light_follow_airflow_while_it_is_switched(look: Look) -> None:
    page = look("/plugin/twitch", waits_for="iframe", color_scheme="dark")
    frame = page.frame_locator("iframe")
    frame.locator("#health").wait_for()

    def ground() -> str:
        colour: str = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        return colour

    light = ground()
    page.evaluate("document.documentElement.className = 'dark'")
    dark = ground()
    assert light != dark
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    page.evaluate("document.documentElement.className = ''")
    assert ground() == dark
    assert look(color_scheme="dark").evaluate("getComputedStyle(document.body).backgroundColor") == dark


@pytest.mark.parametrize("width", [1440, 390, 318])
@pytest.mark.parametrize("path", ["/twitch/", "/twitch/#/game/509658"])
def test_nothing_is_wider_than_the_window(look: Look, width: int, path: str) -> None:
    page = look(path, width=width, waits_for=".chart svg")
    for summary in page.locator("summary").all():
        summary.click()
    wide = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
          .filter(each => !each.closest(".scroll, svg"))
          .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)
          .map(each => each.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_the_keyboard_reaches_everything(look: Look, width: int) -> None:
    page = look(width=width)
    page.locator("#day .chart svg").first.wait_for()
    order = []
    for _ in range(60):
        page.keyboard.press("Tab")
        order.append(focus(page))
    assert {"scope", "gaps-details-summary", "query", "language", "games-by-rank", "games-more"} <= set(order)
    # Only what is scrolled has to be reached for that.
    assert ("games-scroll" in order) == (width == 390)
    page.locator("#games-by-viewers").focus()
    page.keyboard.press("Enter")
    assert page.locator("#games th[aria-sort=descending]").inner_text() == "Viewers"
    page.keyboard.press("Space")
    assert page.locator("#games th[aria-sort=ascending]").inner_text() == "Viewers"
    assert focus(page) == "games-by-viewers"
    page.locator("#games a").first.focus()
    page.keyboard.press("Enter")
    page.locator("#game").wait_for()
    assert focus(page) == "game-title"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/twitch/", "/twitch/#/game/509658", "refused"])
def test_axe_finds_nothing_serious(look: Look, site: Site, scheme: str, path: str) -> None:
    reason = "axe-core is missing: install axe-playwright-python, which `make ui-test` does."
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
    if path == "refused":
        site.refuse(404, "no_metrics", "There are no metrics yet.")
        page = look(waits_for="[role=alert]", color_scheme=scheme)
    else:
        page = look(path, waits_for=".chart svg", color_scheme=scheme)
        for summary in page.locator("summary").all():
            summary.click()
    found = axe.run(page).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


def test_hostile_text_is_shown_as_text(look: Look, site: Site) -> None:
    evil = month_overview(evil=True)
    site.show(evil)
    page = look()
    page.locator("#games-more").click()
    page.locator("#channels-more").click()
    for summary in page.locator("summary").all():
        summary.click()
    text = page.locator("main").inner_text()
    assert all(hostile in text for hostile in EVIL if hostile.isascii())
    assert page.locator("main :is(script, img, iframe, object, b)").count() == 0
    page.goto(f"{site.address}/twitch/#/game/{evil['scopes'][0]['games']['rows'][2][0]}")
    page.locator("#game").wait_for()


def error(code: str, sentence: str) -> dict[str, Any]:
    """Return the body of a refusal of the data route."""
    return {"error": {"code": code, "sentence": sentence}}


CUT_SHORT = encode(month_overview())[:-1000]


@pytest.mark.parametrize(
    ("status", "body", "title", "sentence"),
    [
        (404, error("no_metrics", "Wait <b>a bit</b>."), "No metrics yet", "Wait <b>a bit</b>."),
        (503, error("no_bucket", "Set it."), "No bucket", "Set it."),
        (503, error("denied", "Grant it."), "The bucket cannot be read", "Grant it."),
        (504, error("unavailable", "Slow."), "The bucket does not answer", "Slow."),
        (502, error("too_large", "50 MB."), "The overview is too large", "50 MB."),
        (500, "<h1>Oops</h1>", "The metrics cannot be shown", "answered with status 500"),
        (403, {"detail": "Forbidden"}, "No permission", "can read on Plugins"),
        (200, CUT_SHORT, "The overview cannot be read", "is cut short or is not JSON"),
        (200, [1], "There is nothing to show", "does not hold an overview"),
        (200, {**MONTH, "version": 2}, "There is nothing to show", "has version 2, and this page reads"),
        (200, {**MONTH, "scopes": []}, "There is nothing to show", "unpause a DAG that takes snapshots"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str | int) else "",
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(
    look: Look, site: Site, status: int, body: Any, title: str, sentence: str
) -> None:
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    site.refusal = status, raw
    page = look(waits_for="[role=alert]")
    assert page.locator("[role=alert] h2").inner_text() == title
    assert sentence in page.locator("[role=alert] p").first.inner_text()
    site.show(MONTH)
    page.locator("#again").click()
    page.locator("#health").wait_for()


def test_a_refresh_keeps_the_readers_place(look: Look, site: Site) -> None:
    page = look()
    page.locator("#snapshots-details summary").click()
    page.locator("#games-more").click()
    page.locator("#games-by-game_name").click()
    page.locator("#games-scroll").evaluate("each => each.scrollTo(0, 300)")
    page.locator("#query").fill("a")
    page.locator("#query").evaluate("each => each.setSelectionRange(0, 1)")
    place = "document.querySelector('#query').getBoundingClientRect().top"
    above = page.evaluate("scrollY")
    before = page.evaluate(place)
    newer = month_overview(seed=2)
    newer["run_after"] = "2026-11-29T16:41:00Z"
    newer["scopes"][0]["now"]["viewers"] = 1_234_567
    site.show(newer)
    page.clock.fast_forward(MINUTE)
    page.get_by_text("1,234,567").wait_for()
    assert page.locator("#query").input_value() == "a"
    assert focus(page) == "query"
    assert page.evaluate("document.activeElement.selectionEnd") == 1
    assert page.evaluate("scrollY") == above > 0
    assert page.evaluate(place) == before
    assert page.locator("#games-scroll").evaluate("each => each.scrollTop") == 300
    assert page.locator("#games th[aria-sort=ascending]").inner_text() == "Game"
    assert page.locator("#snapshots").is_visible()


def test_a_lake_that_has_just_begun_is_shown(look: Look, site: Site) -> None:
    first = month_overview()
    scope = first["scopes"][0]
    for name in ("snapshots", "hours", "days", "games", "channels", "languages", "heat_map"):
        scope[name]["rows"] = []
    scope["movers"] |= {"basis": None, "hour": None}
    for kind in ("games", "channels", "languages"):
        scope["movers"][kind]["gaining"]["rows"] = scope["movers"][kind]["losing"]["rows"] = []
    nothing = dict.fromkeys(
        ("last_snapshot_at", "points_left", "token_requests", "requests", "today", "yesterday")
    )
    scope["health"] |= {**nothing, "gaps": [], "problems": []}
    scope |= {"now": None, "concentration": None, "interval_seconds": None}
    learning = {"state": "learning", "days": 3, "budget_per_series_month": 1.0, "series": 2}
    scope["detector"] = {**learning, "achieved_per_series_month": None}
    first["notes"] = ["The hour 2026-11-29T03 cannot be read."]
    site.show(first)
    page = look()
    text = page.locator("main").inner_text()
    assert page.locator("#verdict").inner_text() == "No data No snapshot counts yet."
    for sentence in (
        "The hour 2026-11-29T03 cannot be read.",
        "No snapshot of the last 24 hours counts.",
        "No whole hour has been measured yet.",
        "There is nothing yet to compare the newest hour with.",
        "Detector: it is learning, with 3 days of the 14 that it needs",
    ):
        assert sentence in text
    page.locator("#scope").select_option(SECOND["scope"])
    page.locator("#now strong").first.wait_for()


def test_a_lake_with_one_snapshot_has_no_curve_yet_and_no_whole_day(look: Look, site: Site) -> None:
    first = month_overview()
    scope = first["scopes"][0]
    scope["health"] |= WHOLE
    scope["snapshots"]["rows"] = scope["snapshots"]["rows"][-1:]
    site.show(first)
    page = look()
    assert page.locator("#verdict").inner_text() == "Whole There has been no gap since the first snapshot."
    assert page.locator("#day").inner_text().endswith("A curve takes two snapshots: wait for the next one.")
    assert page.locator("#now .spark path:not([d=''])").count() == 0


def test_a_snapshot_between_gaps_can_be_seen(look: Look, site: Site) -> None:
    overview = month_overview()
    snapshots = overview["scopes"][0]["snapshots"]
    # The newest counts for no time yet, and there is a gap before it.
    snapshots["rows"] = snapshots["rows"][:-8] + snapshots["rows"][-1:]
    site.show(overview)
    page = look()
    assert page.locator("#day [data-part='dot'] > [r='3']").count() == 2


def test_a_failed_refresh_keeps_the_old_numbers_and_says_so(look: Look, site: Site) -> None:
    page = look()
    site.show({**MONTH, "version": 2})
    page.clock.fast_forward(MINUTE)
    page.get_by_text("The last refresh failed. overview.json has version 2").wait_for()
    site.refuse(503, "unavailable", "S3 does not answer: wait.")
    page.clock.fast_forward(MINUTE)
    page.get_by_text("The last refresh failed. S3 does not answer: wait.").wait_for()
    assert page.locator("#now strong").first.inner_text() == f"{FIRST['now']['viewers']:,}"
    site.show(month_overview())
    page.clock.fast_forward(MINUTE)
    page.locator("#refresh:empty").wait_for(state="attached")


def test_an_expired_session_reloads_airflows_window_once(look: Look, site: Site) -> None:
    page = look("/plugin/twitch", waits_for="iframe")
    page.frame_locator("iframe").locator("#health").wait_for()
    site.refusal = 401, b'{"detail":"Not authenticated"}'
    loads = []
    page.on("load", lambda page: loads.append(page.url))
    page.clock.fast_forward(MINUTE)
    page.frame_locator("iframe").get_by_text("log in to Airflow and open this page again").wait_for()
    assert len(loads) == 1


def test_the_overview_comes_through_airflow_where_the_server_has_no_s3(look: Look, site: Site) -> None:
    runs = "../api/v2/dags/twitch_metrics/dagRuns"
    entry = f"{runs}/{{run_id}}/taskInstances/overview/xcomEntries/overview"
    site.refusal = (
        200,
        json.dumps({"xcom": {"newest": f"{runs}/~/taskInstances?limit=1", "entry": entry}}).encode(),
    )
    packed = base64.b64encode(gzip.compress(encode(MONTH))).decode()
    found = {"task_instances": [{"dag_run_id": "scheduled__2026-11-29T16:36:00+00:00"}]}
    base = "/base/api/v2/dags/twitch_metrics/dagRuns"
    run = "scheduled__2026-11-29T16%3A36%3A00%2B00%3A00"
    site.others[f"{base}/~/taskInstances"] = 200, json.dumps(found).encode()
    path = f"{base}/{run}/taskInstances/overview/xcomEntries/overview"
    site.others[path] = 200, json.dumps({"value": json.dumps(packed)}).encode()
    assert look().locator("#now strong").first.inner_text() == f"{FIRST['now']['viewers']:,}"
    site.others[path] = 200, json.dumps({"value": packed[:-100]}).encode()
    assert "cut short" in told_instead(look)
    del site.others[path]
    assert "left no overview: set the option on the workers too" in told_instead(look)
    site.others[path] = 403, b"{}"
    assert "Your role may not read the runs and XComs" in told_instead(look)
    site.others[f"{base}/~/taskInstances"] = 200, b'{"task_instances": []}'
    assert "No run of the DAG" in told_instead(look)


def told_instead(look: Look) -> str:
    """Return the sentence that is shown in place of the page."""
    return str(look(waits_for="[role=alert]").locator("[role=alert] p").first.inner_text())


def test_the_first_view_of_a_month_is_small_and_fast(look: Look, site: Site) -> None:
    script = """new MutationObserver((_, observer) => {
      if (!document.querySelector("#languages .chart svg")) return;
      observer.disconnect();
      const drawn = () => { document.documentElement.dataset.drawn = performance.now(); };
      requestAnimationFrame(() => setTimeout(drawn));
    }).observe(document, { childList: true, subtree: true });"""
    took = []
    for _ in range(5):
        site.sent.clear()
        page = look(script=script)
        page.wait_for_selector("html[data-drawn]")
        took.append(float(page.get_attribute("html", "data-drawn") or ""))
    print(f"first view: {min(took):.0f} ms, {sum(site.sent.values()):,} bytes")
    assert sum(site.sent.values()) <= 300_000
    assert min(took) <= 1000
    # The overview is asked for once, beside the scripts and not after them.
    asked = """performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/overview.json"))
      .map(({ initiatorType }) => initiatorType)"""
    assert page.evaluate(asked) == ["link"]


@pytest.mark.parametrize(
    ("name", "path", "options"),
    [
        ("page", "/twitch/", {}),
        ("page-dark", "/twitch/", {"color_scheme": "dark"}),
        ("page-narrow", "/twitch/", {"width": 390}),
        ("page-game", "/twitch/#/game/509658", {}),
    ],
)
def test_pictures_of_the_views(
    look: Look, site: Site, picture: Picture, name: str, path: str, options: dict[str, Any]
) -> None:
    site.show(pictured())
    page = look(path, waits_for=".chart svg", **options)
    page.set_viewport_size({"width": options.get("width", 1440), "height": 1150})
    picture(name, page)
    if name == "page":
        for part in ("top", "movers", "heat"):
            picture(f"page-{part}", page.locator(f"#{part}"))
