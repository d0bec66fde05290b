# SPDX-License-Identifier: Apache-2.0
"""The report as a person opens it from a disk, without a network (``make ui-test``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.metrics.month import EVIL, month_overview
from tests.page.dashboard import dashboard
from tests.ui.conftest import TIMEOUT_MS

from twitch_provider.metrics.overview.encode import encode
from twitch_provider.page.report import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Locator, Page

    Picture = Callable[[str, Page | Locator], None]

Open = Callable[..., "Page"]
TITLE = "Twitch, 2026-11-28"
MONTH = month_overview()
FIRST, SECOND = MONTH["scopes"]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Write a report and open it; in the end it may not have said or asked for anything."""
    said: list[str] = []
    contexts = []

    def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    def open_report(overview: dict[str, Any] = MONTH, *, width: int = 1440, **options: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_bytes(report(encode(overview), TITLE))
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            offline=True,
            **({"locale": "en-GB", "timezone_id": "Europe/Paris"} | options),
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", refuse)
        page.on("request", lambda request: None if request.url == path.as_uri() else said.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#languages .chart svg")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert [text for text in said if not text.startswith("data:")] == []


def numbers(page: Page, selector: str) -> list[str]:
    """Return the texts of elements."""
    texts: list[str] = page.locator(selector).all_inner_texts()
    return texts


def test_opens_without_a_network_and_shows_what_the_page_shows(open_report: Open) -> None:
    page = open_report()
    assert page.locator("h1").inner_text() == TITLE
    sections = page.eval_on_selector_all("main section", "all => all.map(each => each.id)")
    assert sections == [
        *("health", "now", "day", "top", "movers", "heat", "month", "languages", "concentration"),
        *("snapshot", "glossary"),
    ]
    assert numbers(page, "#now strong")[0] == f"{FIRST['now']['viewers']:,}"
    for figure in page.locator("figure").all():
        assert figure.locator("svg[role=img][aria-label]").count() == 1
        assert figure.locator("tbody tr").count() > 0
    assert "ago" not in page.locator("#health").inner_text()


def test_one_snapshot_has_its_four_numbers_a_pie_languages_and_streamers(open_report: Open) -> None:
    page = open_report()
    now, snapshot = FIRST["now"], FIRST["snapshot"]
    expected = [now["viewers"], snapshot["languages"], snapshot["mature"], now["streams"]]
    assert numbers(page, "#snapshot .tile strong") == [f"{each:,}" for each in expected]
    slices = page.locator("#snapshot .pie > svg path")
    assert slices.count() == 10
    rows = snapshot["games"]["rows"]
    share = rows[0][2] / now["viewers"]
    assert slices.first.text_content() == f"{rows[0][1]}: {share:.2%}"
    rest = now["viewers"] - sum(row[2] for row in rows[:9])
    assert numbers(page, "#snapshot .pie li")[-1].strip() == f"Other games {rest / now['viewers']:.2%}"
    page.locator("#snapshot-languages-details summary").click()
    shown = numbers(page, "#snapshot-languages tbody td:nth-child(2)")
    assert shown[:30] == [f"{streams:,}" for _, streams in snapshot["by_language"]["rows"]]
    page.locator("#streamers-more").click()
    names = [row[0] for row in snapshot["channels"]["rows"]]
    assert numbers(page, "#streamers tbody th") == names


def test_the_dashboard_of_the_first_capture(open_report: Open, picture: Picture) -> None:
    page = open_report(dashboard(), width=1200)
    assert numbers(page, "#snapshot .tile strong") == ["701,497", "16", "73", "392"]
    assert [text.strip() for text in numbers(page, "#snapshot .pie li")[:4]] == [
        *("Counter-Strike 17.47%", "League of Legends 15.32%", "Dota 2 12.63%", "Grand Theft Auto V 9.51%")
    ]
    names, counts = (
        page.locator(f"#snapshot [data-part='{part}'] text").all_text_contents()[:4]
        for part in ("y-axis tick label", "text")
    )
    assert names == ["English", "Japanese", "Russian", "German"]
    assert counts == ["133", "53", "47", "31"]
    assert page.locator("#streamers tbody tr").count() == 10
    picture("dashboard", page.locator("#snapshot"))


def test_a_game_and_another_scope_are_in_it(open_report: Open) -> None:
    page = open_report()
    page.locator("#scope").select_option(SECOND["scope"])
    page.locator("#now strong").first.filter(has_text="at least").wait_for()
    page.locator("#games a").first.click()
    page.locator("#game h2").filter(has_text="Just Chatting").wait_for()
    page.locator("#back").click()
    page.locator("#snapshot").wait_for()


def test_hostile_text_is_shown_as_text(open_report: Open) -> None:
    page = open_report(month_overview(evil=True))
    for summary in page.locator("summary").all():
        summary.click()
    for more in page.locator(".more button").all():
        more.click()
    text = page.locator("main").inner_text()
    assert all(hostile in text for hostile in EVIL if hostile.isascii())
    assert page.locator("main :is(script, img, iframe, object, b)").count() == 0


def test_a_lake_of_an_hour_has_no_empty_day_before_it(open_report: Open) -> None:
    young = month_overview()
    scope = young["scopes"][0]
    scope["health"]["gaps"] = []
    for name in ("snapshots", "hours", "heat_map"):
        scope[name]["rows"] = scope[name]["rows"][-12 if name == "snapshots" else -1 :]
    page = open_report(young)
    ticks = page.locator("#day [data-part='x-axis tick label'] text").all_text_contents()
    assert {"15:45", "16:30"} <= set(ticks)
    assert page.locator("#month").count() == 0
    assert page.locator("#heat").inner_text().endswith("It takes a day of hours to say; 1 is known so far.")


def test_is_printed_as_wide_as_the_paper_and_is_as_it_was_afterwards(open_report: Open) -> None:
    page = open_report()
    width = "document.querySelector('#month .chart svg').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert 600 < page.evaluate(width) < 718
    page.emulate_media(media="print")
    assert page.locator("summary:visible, .choice button:visible, .more button:visible").count() == 0
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(width) == before
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_the_window_and_axe_finds_nothing_serious(open_report: Open, width: int, scheme: str) -> None:
    reason = "axe-core is missing: install axe-playwright-python, which `make ui-test` does."
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)
    page = open_report(width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
