# SPDX-License-Identifier: Apache-2.0
"""Whole crawls: the true hook on the true simulator, in a time that passes only where everybody waits."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from demo.worlds.moving import MovingWorld

from benchmarks import virtual
from twitch_provider.crawl import plan as crawl_module
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchDataError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.messages import Reply, Request, Response
from twitch_provider.hooks.transport_async import CONNECTIONS
from twitch_provider.hooks.twitch import TwitchAsyncHook
from twitch_provider.testing import Simulator, cursors
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import World

#: The generated world holds still for a minute.
AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@cache
def still(streams: int = 3_000) -> GeneratedWorld:
    return GeneratedWorld(1, streams=streams)


@cache
def quiet() -> MovingWorld:
    """It holds still too, and most of its streams have one viewer or none."""
    return MovingWorld(3, streams=6_000, starts_at=AT, churn=0, lifetime_hours=100_000)


@cache
def moving() -> MovingWorld:
    return MovingWorld(1, streams=4_000, starts_at=AT)


def live(world: World) -> set[str]:
    return {stream.keys.user_id for stream in world.at(AT).streams}


@dataclass(frozen=True)
class Known:
    """The last snapshot."""

    users: frozenset[str]
    languages: Mapping[str, int] = field(default_factory=dict)
    checkpoints: Mapping[str, Sequence[str]] = field(default_factory=dict)


#: What may come in place of an answer; None lets the request through.
Spoil = Callable[[Request], Awaitable[Reply | None]]


class Spoilt:
    """A wire on which some requests go wrong."""

    def __init__(self, wire: Any, spoil: Spoil) -> None:
        self._wire = wire
        self._spoil = spoil

    async def send(self, request: Request) -> Reply:
        reply = await self._spoil(request)
        return await self._wire.send(request) if reply is None else reply


@dataclass
class Place:
    """A Twitch in virtual time, and a hook on it."""

    loop: virtual.VirtualLoop
    simulator: Simulator
    spoil: Spoil | None = None
    latency: float = 0.15
    light_pages: list[LightPage] = field(default_factory=list)

    def hook(self) -> TwitchAsyncHook:
        hook = virtual.hook(self.simulator, self.loop, latency=self.latency)
        hook._log = logging.getLogger("tests.crawl")  # type: ignore[assignment]
        if self.spoil is not None:
            session, wire = hook._opened
            hook._open = session, Spoilt(wire, self.spoil)  # type: ignore[assignment]
        return hook

    async def crawl(self, **options: Any) -> CrawlReport:
        return await self.hook().crawl(self.light_pages.append, **options)

    @property
    def users(self) -> set[str]:
        return {user for light_page in self.light_pages for user in light_page.users}


def run(
    main: Callable[[Place], Awaitable[Any]],
    world: World | None = None,
    *,
    limit: int = 800,
    refill: float | None = None,
    **options: Any,
) -> Any:
    """Run in virtual time; returns what came back, and the place."""

    async def there(loop: virtual.VirtualLoop) -> Any:
        simulator = Simulator(world or still(), at=AT, limit=limit, refill_per_minute=refill, clock=loop.time)
        place = Place(loop, simulator, **options)
        return await main(place), place

    return virtual.run(there)


def crawl(world: World | None = None, **options: Any) -> Any:
    """One crawl of a still Twitch; what is no option of the place is one of the crawl."""
    places = {"limit", "refill", "spoil", "latency"}
    where = {name: value for name, value in options.items() if name in places}
    how = {name: value for name, value in options.items() if name not in places}
    return run(lambda place: place.crawl(**how), world, **where)


def language(request: Request) -> str:
    return dict(request.params).get("language", "")


def down(*languages: str) -> Spoil:
    """Lists of these languages answer 500."""

    async def spoil(request: Request) -> Reply | None:
        return Response(500, {}, b"", AT) if language(request) in languages else None

    return spoil


def known(place: Place, report: CrawlReport) -> Known:
    return Known(frozenset(place.users), report.languages, report.checkpoints)


# --- all of it -------------------------------------------------------------------------------------------


def test_finds_every_stream_of_a_list_that_holds_still() -> None:
    report, place = crawl()
    assert place.users == live(still())
    assert report.complete
    assert report.broadcasters == sum(report.languages.values()) == 3_000
    assert report.requests == place.simulator.counters.requests["streams"]
    assert report.pages == len(place.light_pages) == report.requests
    # The page without a filter, and the page at the end of a list that was full: one is looked at twice.
    assert report.duplicates == place.light_pages[0].count + 96
    assert report.rate_limited == place.simulator.counters.rate_limited == 0
    assert report.as_dict()["completeness"] is None


def test_takes_no_longer_than_the_longest_list() -> None:
    report, _ = crawl()
    longest = max(pages for _, pages, _, _ in report.language_walks)
    assert report.seconds <= 1.10 * 0.15 * (1 + longest)


def test_a_second_crawl_knows_that_it_is_complete() -> None:
    async def twice(place: Place) -> CrawlReport:
        first = await place.crawl()
        return await place.crawl(remembered=known(place, first))

    report, _ = run(twice)
    assert report.as_dict()["completeness"] == 1.0
    assert (
        report.as_dict()["new_broadcasters"]
        == report.as_dict()["ended"]
        == report.as_dict()["recovered"]
        == 0
    )


def test_who_is_not_in_any_list_comes_when_asked_for() -> None:
    """Ukrainian disappears from the lists: its streams were live in the last snapshot, and are."""
    streams = still().at(AT).streams
    ukrainian = {stream.keys.user_id for stream in streams[100:] if stream.keys.language == "uk"}
    gone = {f"9{number:05}" for number in range(130)}

    async def no_ukrainian(request: Request) -> Reply | None:
        empty = b'{"data":[],"pagination":{}}'
        return Response(200, {}, empty, AT) if language(request) == "uk" else None

    remembered = Known(frozenset(live(still()) | gone), {"en": 1_000})
    report, place = crawl(spoil=no_ukrainian, remembered=remembered)
    assert place.users == live(still())
    said = report.as_dict()
    assert (said["recovered"], said["ended"], said["unresolved"]) == (len(ukrainian), 130, 0)
    assert said["completeness_one_pass"] == pytest.approx(1 - len(ukrainian) / 3_000, abs=1e-6)
    assert report.complete


def test_a_world_that_moves_is_found_all_the_same() -> None:
    async def twice(place: Place) -> tuple[CrawlReport, set[str]]:
        first = await place.crawl()
        remembered = known(place, first)
        place.simulator.advance(300)
        place.light_pages.clear()
        began = place.simulator.now
        report = await place.crawl(remembered=remembered)
        return report, moving().users_live_throughout(began, place.simulator.now)

    (report, throughout), place = run(twice, moving())
    assert len(throughout) > 3_900
    assert len(throughout - place.users) <= 0.0005 * len(throughout)
    assert report.complete
    assert report.reconciled.ended > 0
    assert report.reconciled.new_broadcasters > 0


# --- the rate limit --------------------------------------------------------------------------------------


def test_keeps_within_the_rate_limit_and_is_as_fast_as_it_allows() -> None:
    report, place = crawl(still(6_000), limit=80)
    assert place.users == live(still(6_000))
    assert report.rate_limited == place.simulator.counters.rate_limited == 0
    # A tenth stays in reserve, and what is under way counts as spent until it is known.
    points = report.requests - 80 + 8 + CONNECTIONS
    assert report.seconds <= points * 60 / 80 + 3


def test_where_points_are_short_the_longest_list_gets_them_first() -> None:
    async def timed(place: Place) -> tuple[CrawlReport, dict[str, float]]:
        last: dict[str, float] = {}

        def keep(light_page: LightPage) -> None:
            last[dict(light_page.params).get("language", "")] = place.loop.time()

        return await place.hook().crawl(keep), last

    (report, last), _ = run(timed, still(6_000), limit=80)
    assert last["en"] < 0.6 * report.seconds


def test_two_crawls_at_once_share_one_limit() -> None:
    async def both(place: Place) -> list[CrawlReport]:
        return list(await asyncio.gather(place.crawl(), place.crawl()))

    reports, place = run(both, still(), limit=80)
    assert all(report.complete for report in reports)
    assert place.users == live(still())
    assert place.simulator.counters.rate_limited == sum(report.rate_limited for report in reports)
    assert place.simulator.counters.rate_limited <= 0.005 * sum(report.requests for report in reports)


def test_neither_a_crawl_nor_who_reads_beside_it_starves() -> None:
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


def test_a_limit_that_refills_slower_than_it_says_is_not_run_into_again_and_again() -> None:
    report, place = crawl(still(6_000), limit=80, refill=60)
    assert place.users == live(still(6_000))
    assert report.complete
    assert report.rate_limited == place.simulator.counters.rate_limited <= 0.005 * report.requests


async def test_no_more_than_so_many_requests_are_under_way(twitch_connection: Simulator) -> None:
    twitch_connection.twitch.world = still()
    held = twitch_connection.fault("hang", endpoint="streams", times=None, start=2)
    light_pages: list[LightPage] = []
    async with TwitchAsyncHook() as hook:
        reading = asyncio.ensure_future(hook.crawl(light_pages.append))
        while held.applied < CONNECTIONS:  # noqa: ASYNC110 - the server's thread knows of no asyncio.Event
            await asyncio.sleep(0)
        for _ in range(500):
            await asyncio.sleep(0)
        assert held.applied == CONNECTIONS
        twitch_connection.clear_faults()
        twitch_connection.release()
        report = await reading
    assert report.complete
    assert report.broadcasters == 3_000


# --- what fails ------------------------------------------------------------------------------------------


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
    assert f"{len(lost)} of 35 walks cut short" in report.sentence()


def test_a_list_that_fails_in_its_middle_says_how_far_it_had_come() -> None:
    async def third_page(request: Request) -> Reply | None:
        asked[language(request)] = asked.get(language(request), 0) + 1
        return Response(503, {}, b"", AT) if language(request) == "en" and asked["en"] >= 3 else None

    asked: dict[str, int] = {}
    report, _ = crawl(spoil=third_page)
    assert list(report.cut) == ["en"]
    assert "(page 3, " in report.cut["en"]


def test_the_streams_of_a_list_that_failed_come_when_asked_for_and_yet_it_is_cut() -> None:
    report, place = crawl(spoil=down("de"), remembered=Known(frozenset(live(still()))))
    assert place.users == live(still())
    assert report.as_dict()["completeness"] == 1.0
    assert list(report.cut) == ["de"]
    assert not report.complete


@pytest.mark.parametrize("which", ["all", "all but the first"])
def test_where_everything_fails_it_is_the_error_itself(which: str) -> None:
    async def spoil(request: Request) -> Reply | None:
        return Response(500, {}, b"", AT) if which == "all" or language(request) else None

    with pytest.raises(TwitchServerError, match="Twitch answered 500"):
        crawl(spoil=spoil)


async def test_a_wrong_secret_is_an_error_at_once(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(twitch_connection.connection_json()) | {"password": "a-wrong-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(wrong))
    async with TwitchAsyncHook() as hook:
        with pytest.raises(TwitchAuthError, match="invalid client secret"):
            await hook.crawl(lambda light_page: None)
    assert twitch_connection.counters.requests["token"] == 1


async def test_a_token_that_ends_meanwhile_is_renewed(
    twitch_connection: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_a_moment(_hook: TwitchAsyncHook, _seconds: float) -> None:
        # In truth: who waits for the one that fetches the token must not give up before it came.
        await asyncio.sleep(0.001)

    monkeypatch.setattr(TwitchAsyncHook, "_sleep", wait_a_moment)
    twitch_connection.twitch.world = GeneratedWorld(2, streams=900)
    pages: list[LightPage] = []

    def keep(light_page: LightPage) -> None:
        pages.append(light_page)
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
def test_lists_that_go_in_circles_are_cut(fault: str) -> None:
    async def with_fault(place: Place) -> CrawlReport:
        place.simulator.fault(fault, endpoint="streams", times=None, start=2)
        return await place.crawl()

    report, _ = run(with_fault)
    assert report.cut
    assert not report.complete
    assert report.seconds < 60


def test_empty_lists_are_not_all_there_is() -> None:
    async def spoil(request: Request) -> Reply | None:
        return Response(200, {}, b'{"data":[],"pagination":{}}', AT) if language(request) else None

    report, place = crawl(spoil=spoil)
    assert len(place.users) == 100
    assert "en" in report.cut
    assert not report.complete


def test_a_list_that_ends_early_is_not_all_there_is() -> None:
    async def spoil(request: Request) -> Reply | None:
        """The third page in English is empty, and the last."""
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


def test_says_that_time_was_over_before_the_first_page() -> None:
    async def timed(place: Place) -> float:
        with pytest.raises(TwitchConnectionError, match="were not enough"):
            await place.crawl(seconds=10)
        return place.loop.time()

    seconds, _ = run(timed, latency=20)
    assert seconds <= 10


def silent(name: str, value: str | None = None) -> Spoil:
    """Requests with this parameter are never answered."""

    async def spoil(request: Request) -> Reply | None:
        given = dict(request.params).get(name)
        if given is not None and value in {None, given}:
            await asyncio.Event().wait()
        return None

    return spoil


def test_a_list_that_is_never_answered_holds_up_nobody_for_ever() -> None:
    report, _ = crawl(spoil=silent("language", "de"), seconds=60)
    assert report.seconds <= 60
    assert report.cut == {"de": "51 s were not enough, 0 pages read so far"}
    assert not report.complete


def test_who_is_asked_for_without_an_answer_may_be_live() -> None:
    remembered = Known(frozenset(live(still()) | {f"9{number:05}" for number in range(500)}))
    report, _ = crawl(spoil=silent("user_id"), remembered=remembered, seconds=60)
    assert report.seconds <= 60
    assert report.cut == {}
    assert report.as_dict()["unresolved"] == 500
    assert report.as_dict()["completeness"] == pytest.approx(3_000 / 3_500, abs=1e-6)
    assert not report.complete


def test_a_list_without_end_is_cut_when_time_is_over() -> None:
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


# --- whoever keeps the pages -----------------------------------------------------------------------------


def test_an_error_of_the_keeper_ends_the_crawl_at_once_and_leaves_nothing_behind() -> None:
    pages: list[LightPage] = []

    def keep(light_page: LightPage) -> None:
        pages.append(light_page)
        if len(pages) == 10:
            raise TwitchDataError("the answer is not UTF-8")

    async def failing(place: Place) -> tuple[Any, Any]:
        hook = place.hook()
        with pytest.raises(TwitchDataError, match="not UTF-8"):
            await hook.crawl(keep)
        return hook._opened[0].limiter.in_flight, asyncio.all_tasks() - {asyncio.current_task()}

    (in_flight, tasks), place = run(failing)
    # Those whose answer came at the same instant.
    assert len(pages) <= 10 + CONNECTIONS
    assert place.simulator.counters.requests["streams"] <= 1 + CONNECTIONS
    assert in_flight == 0
    assert tasks == set()


def test_what_the_keeper_raises_is_no_lost_page() -> None:
    def keep(light_page: LightPage) -> None:
        raise KeyError("a mistake")

    async def failing(place: Place) -> None:
        with pytest.raises(KeyError, match="a mistake"):
            await place.hook().crawl(keep)

    run(failing)


@pytest.mark.parametrize("pages", [0, 1, 20])
def test_one_that_is_cancelled_leaves_nothing_under_way(pages: int) -> None:
    async def cancelled(place: Place) -> tuple[Any, Any]:
        hook = place.hook()
        enough = asyncio.Event()

        def keep(light_page: LightPage) -> None:
            place.light_pages.append(light_page)
            if len(place.light_pages) == pages:
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


# --- what it says meanwhile ------------------------------------------------------------------------------


def test_tells_how_far_it_has_come(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report, place = crawl(latency=1.0, spoil=down("de"))
    told = [record.getMessage() for record in caplog.records if "walks done" in record.getMessage()]
    assert len(told) == int(report.seconds // 5)
    assert told[0].startswith("Crawl: 5 s, ")
    assert "of 35 walks done" in told[0]
    assert f"Crawl: {report.sentence()}" in caplog.text
    assert f"The walk of de was cut short: {report.cut['de']}" in caplog.text
    assert place.simulator.client_secret not in caplog.text


# --- from remembered cursors -----------------------------------------------------------------------------


@pytest.fixture
def _short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of 20 pages is a long one."""
    monkeypatch.setattr(crawl_module, "LONG_WALK", 20)
    monkeypatch.setattr(crawl_module, "PAGES_APART", 5)


def relayed(world: World, checkpoints: Callable[[Sequence[str]], Sequence[str]]) -> Any:
    """Two crawls: the second begins at what is made of the cursors of the first."""

    async def twice(place: Place) -> tuple[CrawlReport, CrawlReport]:
        first = await place.crawl(from_cursors=True)
        remembered = known(place, first)
        place.light_pages.clear()
        changed = {name: checkpoints(cursors) for name, cursors in remembered.checkpoints.items()}
        second = await place.crawl(
            remembered=Known(remembered.users, remembered.languages, changed), from_cursors=True
        )
        return first, second

    return run(twice, world)


@pytest.mark.usefixtures("_short_lists")
def test_from_cursors_the_same_streams_come_sooner() -> None:
    (first, second), place = relayed(still(6_000), lambda checkpoints: checkpoints)
    assert [len(checkpoints) for checkpoints in first.checkpoints.values()] == [5]
    assert place.users == live(still(6_000))
    assert second.complete
    assert second.seconds < first.seconds / 2
    assert second.requests <= first.requests + len(first.checkpoints["en"])
    ends = {
        label: walk["ended"]
        for label, walk in second.as_dict()["language_walks"].items()
        if label[:2] == "en"
    }
    assert ends == {"en": "met", **{f"en+{place}": "met" for place in range(1, 5)}, "en+5": "end"}
    assert len(second.checkpoints["en"]) == 5


@pytest.mark.usefixtures("_short_lists")
@pytest.mark.parametrize(
    ("checkpoints", "outcomes"),
    [
        (lambda checkpoints: ["no cursor"] * len(checkpoints), {"dropped"}),
        (lambda checkpoints: [*checkpoints[:2], "no cursor", *checkpoints[3:]], {"met", "dropped", "end"}),
        (lambda checkpoints: [cursors.encode(0, -1)] * len(checkpoints), {"dropped"}),
        (lambda checkpoints: [cursors.encode(0, cursors.TOP)] * len(checkpoints), {"met", "end"}),
        (lambda checkpoints: checkpoints[::-1], {"met", "end"}),
        (lambda checkpoints: [checkpoints[0]] * 5, {"met", "end"}),
    ],
    ids=[
        "none is valid",
        "one is not",
        "to an empty page",
        "to page one",
        "wrong way round",
        "all the same",
    ],
)
def test_cursors_that_lead_elsewhere_cost_no_stream(
    checkpoints: Callable[[Sequence[str]], Sequence[str]], outcomes: set[str]
) -> None:
    (_, second), place = relayed(quiet(), checkpoints)
    assert place.users == live(quiet())
    assert second.complete, second.cut
    lower = {
        walk["ended"] for label, walk in second.as_dict()["language_walks"].items() if label.startswith("en+")
    }
    assert lower == outcomes


@pytest.mark.usefixtures("_short_lists")
def test_from_cursors_a_world_that_moves_is_found_all_the_same() -> None:
    async def twice(place: Place) -> tuple[CrawlReport, set[str]]:
        remembered = known(place, await place.crawl(from_cursors=True))
        place.simulator.advance(300)
        place.light_pages.clear()
        began = place.simulator.now
        report = await place.crawl(remembered=remembered, from_cursors=True)
        return report, world.users_live_throughout(began, place.simulator.now)

    world = MovingWorld(2, streams=6_000, starts_at=AT)
    (report, throughout), place = run(twice, world)
    assert "en+2" in report.as_dict()["language_walks"]
    assert len(throughout - place.users) <= 0.001 * len(throughout)
    assert report.complete


NO_PAGES = {
    "nothing": b"",
    "a list": b"[]",
    "an object": b"{}",
    "a number": b'{"data":7}',
    "not UTF-8": b"\xff",
    "nested without end": b'{"data":[{"tags":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES.keys())
def test_what_is_no_page_ends_in_an_error_of_ours(body: bytes) -> None:
    async def spoil(request: Request) -> Reply | None:
        return Response(200, {}, body, AT)

    with pytest.raises(TwitchResponseError):
        crawl(spoil=spoil)
