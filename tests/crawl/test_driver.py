# SPDX-License-Identifier: Apache-2.0
"""Whole crawls on a Twitch that limits, fails, slows down and moves."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from demo.worlds.moving import MovingWorld
from tests.crawl.crawls import Known
from tests.crawl.place import AT, Place, crawl, down, language, live, quiet, run, silent, still

from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchDataError,
    TwitchServerError,
)
from twitch_provider.helix.messages import Reply, Request, Response
from twitch_provider.hooks.transport_async import CONNECTIONS
from twitch_provider.hooks.twitch import TwitchAsyncHook
from twitch_provider.testing import Simulator
from twitch_provider.testing.generated import GeneratedWorld

# --- all of it -------------------------------------------------------------------------------------------


def test_finds_every_stream_in_the_time_of_the_longest_list() -> None:
    report, place = crawl(remembered=Known(frozenset(live(still()))))
    assert place.users == live(still())
    assert report.complete
    assert report.second_look is None
    assert report.broadcasters == sum(report.languages.values()) == 3_000
    assert report.requests == place.simulator.counters.requests["streams"]
    assert report.pages == len(place.pages) == report.requests
    # The page without a filter, and the one full page at the end of a list, which is requested twice.
    assert report.duplicates == place.pages[0].count + 96
    assert report.rate_limited == place.simulator.counters.rate_limited == 0
    longest = max(walk.pages for walk in report.language_walks.values())
    assert report.seconds <= 1.10 * 0.15 * (1 + longest)


def test_a_second_crawl_knows_that_it_is_complete() -> None:
    async def twice(place: Place) -> CrawlReport:
        first = await place.crawl()
        return await place.crawl(remembered=place.known(first))

    report, _ = run(twice)
    found = report.as_dict()
    assert found["completeness"] == 1.0
    assert (found["new_broadcasters"], found["ended"], found["recovered"]) == (0, 0, 0)


def test_streams_that_are_in_no_list_are_found_by_looking_them_up() -> None:
    """Ukrainian is gone from the lists: its streams were live in the last snapshot, and still are."""
    streams = still().at(AT).streams
    ukrainian = {stream.keys.user_id for stream in streams[100:] if stream.keys.language == "uk"}
    gone = {f"9{number:05}" for number in range(130)}

    async def no_ukrainian(request: Request) -> Reply | None:
        empty = b'{"data":[],"pagination":{}}'
        return Response(200, {}, empty, AT) if language(request) == "uk" else None

    remembered = Known(frozenset(live(still()) | gone), {"en": 1_000})
    report, place = crawl(spoil=no_ukrainian, remembered=remembered)
    assert place.users == live(still())
    found = report.as_dict()
    assert (found["recovered"], found["ended"], found["unresolved"]) == (len(ukrainian), 130, 0)
    assert found["completeness_one_pass"] == pytest.approx(1 - len(ukrainian) / 3_000, abs=1e-6)
    assert report.complete


def test_the_streams_of_a_world_that_moves_are_found() -> None:
    async def twice(place: Place) -> tuple[CrawlReport, set[str]]:
        first = await place.crawl()
        remembered = place.known(first)
        place.advance(300)
        began = place.simulator.now
        report = await place.crawl(remembered=remembered)
        return report, world.users_live_throughout(began, place.simulator.now)

    world = MovingWorld(1, streams=4_000, starts_at=AT)
    (report, throughout), place = run(twice, world)
    assert len(throughout) > 3_900
    assert len(throughout - place.users) <= 0.0005 * len(throughout)
    assert report.complete
    assert report.reconciliation.ended > 0
    assert report.reconciliation.new_broadcasters > 0


# --- the rate limit --------------------------------------------------------------------------------------


def test_keeps_within_the_rate_limit_and_is_as_fast_as_it_allows() -> None:
    report, place = crawl(still(6_000), limit=80, remembered=Known(frozenset(live(still(6_000)))))
    assert place.users == live(still(6_000))
    assert report.rate_limited == place.simulator.counters.rate_limited == 0
    # A tenth stays in reserve, and a request under way counts as spent until it is answered.
    points = report.requests - 80 + 8 + CONNECTIONS
    assert report.seconds <= points * 60 / 80 + 3


def test_the_longest_list_gets_points_first() -> None:
    async def timed(place: Place) -> tuple[CrawlReport, dict[str, float]]:
        last: dict[str, float] = {}

        def keep(page: LightPage) -> None:
            last[dict(page.params).get("language", "")] = place.loop.time()

        remembered = Known(frozenset(live(still(6_000))))
        return await place.hook().crawl(keep, remembered=remembered), last

    (report, last), _ = run(timed, still(6_000), limit=80)
    assert last["en"] < 0.6 * report.seconds


def test_two_crawls_at_once_share_one_limit() -> None:
    async def both(place: Place) -> list[CrawlReport]:
        remembered = Known(frozenset(live(still())))
        each = (place.crawl(remembered=remembered) for _ in range(2))
        return list(await asyncio.gather(*each))

    reports, place = run(both, still(), limit=80)
    assert all(report.complete for report in reports)
    assert place.users == live(still())
    assert place.simulator.counters.rate_limited == sum(report.rate_limited for report in reports)
    assert place.simulator.counters.rate_limited <= 0.005 * sum(report.requests for report in reports)


def test_neither_a_crawl_nor_a_reader_beside_it_starves() -> None:
    async def beside(place: Place) -> tuple[CrawlReport, float]:
        crawling = asyncio.ensure_future(place.crawl())
        # The bucket is down to the reserve by now, and the crawl takes every point that comes in.
        await asyncio.sleep(10)
        hook, began = place.hook(), place.loop.time()
        for _ in range(21):  # as many requests as a run of twitch_top_games
            await anext(hook.pages("games/top"))
        took = place.loop.time() - began
        assert not crawling.done(), "the crawl was over before"
        return await crawling, took

    (report, took), place = run(beside, still(12_000), limit=80)
    assert report.complete
    # Alone, 21 requests take 3.2 s; of the 80 points a minute that come in, a half is 31 s.
    assert took < 35
    assert report.seconds < 1.25 * (report.requests + 21 - 80) / 80 * 60
    assert place.simulator.counters.rate_limited <= 0.005 * report.requests


def test_a_limit_that_refills_slower_than_it_says_is_rarely_exceeded() -> None:
    remembered = Known(frozenset(live(still(6_000))))
    report, place = crawl(still(6_000), limit=80, refill=60, remembered=remembered)
    assert place.users == live(still(6_000))
    assert report.complete
    assert report.rate_limited == place.simulator.counters.rate_limited <= 0.005 * report.requests


async def test_the_number_of_requests_under_way_is_limited(twitch_connection: Simulator) -> None:
    twitch_connection.twitch.world = still()
    held = twitch_connection.fault("hang", endpoint="streams", times=None, start=2)
    pages: list[LightPage] = []
    async with TwitchAsyncHook() as hook:
        reading = asyncio.ensure_future(hook.crawl(pages.append))
        while held.applied < CONNECTIONS:  # noqa: ASYNC110 - the server's thread has no asyncio.Event
            await asyncio.sleep(0)
        for _ in range(500):
            await asyncio.sleep(0)
        assert held.applied == CONNECTIONS
        twitch_connection.clear_faults()
        twitch_connection.release()
        report = await reading
    assert report.complete
    assert report.broadcasters == 3_000


# --- failures --------------------------------------------------------------------------------------------


def test_lists_that_fail_are_named_and_the_others_are_read() -> None:
    languages = sorted({stream.keys.language for stream in still().at(AT).streams})
    lost = set(languages[::2])
    report, place = crawl(spoil=down(*lost))
    assert set(report.cut) == lost
    assert all("Twitch answered 500" in why for why in report.cut.values())
    assert not report.complete
    found = {stream.keys.user_id for stream in still().at(AT).streams if stream.keys.language not in lost}
    assert place.users >= found
    assert report.retries == {"transient": 3 * len(lost)}
    assert f"{len(lost)} of 35 language walks cut short" in report.sentence()


def test_a_list_that_failed_is_cut_short_though_its_streams_were_looked_up() -> None:
    report, place = crawl(spoil=down("de"), remembered=Known(frozenset(live(still()))))
    assert place.users == live(still())
    assert report.as_dict()["completeness"] == 1.0
    assert list(report.cut) == ["de"]
    assert not report.complete


@pytest.mark.parametrize("which", ["all", "all but the first"])
def test_if_everything_fails_it_is_the_error_itself(which: str) -> None:
    async def spoil(request: Request) -> Reply | None:
        return Response(500, {}, b"", AT) if which == "all" or language(request) else None

    with pytest.raises(TwitchServerError, match="Twitch answered 500"):
        crawl(spoil=spoil)


def test_broadcasters_whose_look_up_fails_stay_unresolved(caplog: pytest.LogCaptureFixture) -> None:
    async def spoil(request: Request) -> Reply | None:
        return Response(500, {}, b"", AT) if "user_id" in dict(request.params) else None

    report, _ = crawl(spoil=spoil, remembered=Known(frozenset(live(still()) | {"900001", "900002"})))
    assert report.reconciliation.unresolved == 2
    assert "2 broadcasters of the last snapshot stay unresolved: streams(" in caplog.text


async def test_a_wrong_secret_ends_the_crawl_at_once(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(twitch_connection.connection_json()) | {"password": "a-wrong-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(wrong))
    async with TwitchAsyncHook() as hook:
        with pytest.raises(TwitchAuthError, match="invalid client secret"):
            await hook.crawl(lambda page: None)
    assert twitch_connection.counters.requests["token"] == 1


async def test_a_token_that_expires_meanwhile_is_renewed(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_a_moment(_hook: TwitchAsyncHook, _seconds: float) -> None:
        # Real time: those that wait for the token must not give up before it is fetched.
        await asyncio.sleep(0.001)

    monkeypatch.setattr(TwitchAsyncHook, "_sleep", wait_a_moment)
    twitch_connection.twitch.world = GeneratedWorld(2, streams=900)
    pages: list[LightPage] = []

    def keep(page: LightPage) -> None:
        pages.append(page)
        if len(pages) == 5:
            twitch_connection.revoke_tokens()

    async with TwitchAsyncHook() as hook:
        report = await hook.crawl(keep)
    assert report.complete
    assert report.broadcasters == 900
    assert report.retries["token"] >= 1
    assert twitch_connection.counters.tokens_minted == 2


ODD_ENDS = ["wrapping_cursor", "empty_cursor", "null_cursor", "null_pagination", "missing_pagination"]


@pytest.mark.parametrize("fault", ["empty_page", "short_page", "shifted_pages", *ODD_ENDS])
def test_lists_that_move_or_end_oddly_are_read_whole(fault: str) -> None:
    async def with_fault(place: Place) -> CrawlReport:
        place.simulator.fault(fault, endpoint="streams", times=None if fault in ODD_ENDS else 20, start=2)
        return await place.crawl()

    report, place = run(with_fault, quiet())
    assert place.users == live(quiet())
    assert report.complete, report.cut


@pytest.mark.parametrize("fault", ["repeated_cursor", "endless_cursors"])
def test_lists_that_loop_are_cut_short(fault: str) -> None:
    async def with_fault(place: Place) -> CrawlReport:
        place.simulator.fault(fault, endpoint="streams", times=None, start=2)
        return await place.crawl()

    report, _ = run(with_fault)
    assert report.cut
    assert not report.complete
    assert report.seconds < 60


def test_a_list_that_ends_early_is_cut_short() -> None:
    async def spoil(request: Request) -> Reply | None:
        """The third page in English is empty and the last."""
        asked[language(request)] = asked.get(language(request), 0) + 1
        over = language(request) == "en" and asked["en"] > 2
        return Response(200, {}, b'{"data":[],"pagination":{}}', AT) if over else None

    asked: dict[str, int] = {}
    report, place = crawl(spoil=spoil, remembered=Known(frozenset(live(still()))))
    assert place.users == live(still())
    assert "its list ended early" in report.cut["en"]
    assert not report.complete


# --- time ------------------------------------------------------------------------------------------------


def test_stops_in_time_where_twitch_slows_down() -> None:
    report, place = crawl(latency=20, seconds=120)
    assert report.seconds <= 120
    assert report.cut["en"] == "102 s were not enough, 4 pages read so far"
    assert "asl" not in report.cut
    assert not report.complete
    assert len(place.users) > 1_000


def test_no_page_in_time_is_an_error() -> None:
    async def timed(place: Place) -> float:
        with pytest.raises(TwitchConnectionError, match="were not enough"):
            await place.crawl(seconds=10)
        return place.loop.time()

    seconds, _ = run(timed, latency=20)
    assert seconds <= 10


def test_a_list_that_is_never_answered_holds_up_nothing() -> None:
    report, _ = crawl(spoil=silent("language", "de"), seconds=60)
    assert report.seconds <= 60
    assert report.cut == {"de": "51 s were not enough, 0 pages read so far"}
    assert not report.complete


def test_broadcasters_whose_look_up_is_never_answered_stay_unresolved() -> None:
    remembered = Known(frozenset(live(still()) | {f"9{number:05}" for number in range(500)}))
    report, _ = crawl(spoil=silent("user_id"), remembered=remembered, seconds=60)
    assert report.seconds <= 60
    assert report.cut == {}
    assert report.as_dict()["unresolved"] == 500
    assert report.as_dict()["completeness"] == pytest.approx(3_000 / 3_500, abs=1e-6)
    assert not report.complete


def test_an_endless_list_is_cut_short_at_the_end_of_the_time() -> None:
    async def spoil(request: Request) -> Reply | None:
        if language(request) != "de":
            return None
        await asyncio.sleep(0.15)
        place = int(dict(request.params).get("after", 0))
        rows = [{"user_id": f"new-{place}-{number}", "viewer_count": 5} for number in range(5)]
        body = {"data": rows, "pagination": {"cursor": str(place + 1)}}
        return Response(200, {}, json.dumps(body).encode(), AT)

    report, _ = crawl(spoil=spoil, seconds=20)
    assert report.seconds <= 20
    assert report.cut["de"].startswith("17 s were not enough, ")
    assert not report.complete


# --- errors of keep, and the end --------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TwitchDataError("the answer is not UTF-8"), KeyError("a bug")])
def test_an_error_of_keep_ends_the_crawl_at_once_and_leaves_nothing_behind(error: Exception) -> None:
    pages: list[LightPage] = []

    def keep(page: LightPage) -> None:
        pages.append(page)
        if len(pages) == 10:
            raise error

    async def failing(place: Place) -> tuple[Any, Any]:
        hook = place.hook()
        with pytest.raises(type(error)) as caught:
            await hook.crawl(keep)
        assert caught.value is error
        return hook._opened[0].limiter.in_flight, asyncio.all_tasks() - {asyncio.current_task()}

    (in_flight, tasks), place = run(failing)
    # Up to as many answers arrived at the same instant.
    assert len(pages) <= 10 + CONNECTIONS
    assert place.simulator.counters.requests["streams"] <= 1 + CONNECTIONS
    assert in_flight == 0
    assert tasks == set()


@pytest.mark.parametrize("pages", [0, 1, 20])
def test_a_crawl_that_is_cancelled_leaves_nothing_under_way(pages: int) -> None:
    async def cancelled(place: Place) -> tuple[Any, Any]:
        hook = place.hook()
        enough = asyncio.Event()

        def keep(page: LightPage) -> None:
            place.pages.append(page)
            if len(place.pages) == pages:
                enough.set()

        reading = asyncio.ensure_future(hook.crawl(keep))
        if pages:
            await enough.wait()
        await asyncio.sleep(0.01)
        busy = hook._opened[0].limiter.in_flight
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert busy > 0
        return hook._opened[0].limiter.in_flight, asyncio.all_tasks() - {asyncio.current_task()}

    (in_flight, tasks), _ = run(cancelled)
    assert in_flight == 0
    assert tasks == set()


# --- progress --------------------------------------------------------------------------------------------


def test_logs_its_progress_and_its_outcome(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report, place = crawl(latency=1.0, spoil=down("de"))
    progress = [
        record.getMessage() for record in caplog.records if "language walks done" in record.getMessage()
    ]
    assert len(progress) == int(report.seconds // 5)
    assert progress[0].startswith("Crawl: 5 s, ")
    assert "of 35 language walks done" in progress[0]
    assert f"Crawl: {report.sentence()}" in caplog.text
    assert f"Language walk de was cut short: {report.cut['de']}" in caplog.text
    assert place.simulator.client_secret not in caplog.text


def test_an_error_while_progress_is_logged_is_raised() -> None:
    """As Airflow's time-out of a task is, which its thread gets wherever it is."""

    class Log(logging.Logger):
        def info(self, msg: object, *args: object, **kwargs: Any) -> None:
            raise TimeoutError

    async def failing(place: Place) -> None:
        hook = place.hook()
        hook._log = Log("tests.crawl")  # type: ignore[assignment]
        with pytest.raises(TimeoutError):
            await hook.crawl(place.pages.append)

    run(failing, latency=1.0)


def test_a_report_counts_the_requests_of_its_own_crawl() -> None:
    async def twice(place: Place) -> tuple[CrawlReport, CrawlReport]:
        hook = place.hook()
        first = await hook.crawl(place.pages.append)
        return first, await hook.crawl(place.pages.append)

    (first, second), _ = run(twice)
    assert (first.requests, second.requests) == (first.pages, second.pages)
