# SPDX-License-Identifier: Apache-2.0
"""The second look: which pages are read once more, and what they tell of those that were missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from demo.worlds.moving import MovingWorld
from tests.crawl.crawls import Known, known, names, opened, read, record, reported, walk_of
from tests.crawl.lists import RECEIVED, crowd, keeping, page
from tests.crawl.place import AT, Place, crawl, language, live, run, still

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import ENOUGH, CrawlReport
from twitch_provider.crawl.second_look import PAGES, SecondLook, sample
from twitch_provider.exceptions import TwitchServerError
from twitch_provider.helix.messages import Reply, Request, Response

BEFORE, AFTER = (RECEIVED + timedelta(minutes=minutes) for minutes in (-20, 1))


def began(users: Iterable[str], at: Any = BEFORE) -> Response:
    """A page of streams that began then."""
    started_at = f"{at:%Y-%m-%dT%H:%M:%SZ}" if at in {BEFORE, AFTER} else at
    rows = [
        {"user_id": user, "language": "en", "viewer_count": 5, "started_at": started_at} for user in users
    ]
    return Response(200, {}, json.dumps({"data": rows}).encode(), RECEIVED)


def looked(twitch: Any, *replies: Any, found: Iterable[str] = ()) -> SecondLook:
    """A second look at these pages."""
    seen = set(found)
    look = SecondLook(RECEIVED, found=len(seen), pages=len(replies))
    for reply in replies:
        pages: list[LightPage] = []
        twitch.play(keeping(look.read(twitch.session, ("en", None), seen), pages), [reply])
        seen.update(*(each.users for each in pages))
    return look


# --- which pages -----------------------------------------------------------------------------------------


def walked(twitch: Any, name: str, pages: int) -> LanguageWalk:
    walk = LanguageWalk(name)
    last = [page(crowd(9_001, 9_010), language=name)]
    full = [page(crowd(at * 100 + 1, at * 100 + 100), f"{name}{at + 1}") for at in range(pages - 1)]
    twitch.play(keeping(walk.read(twitch.session), []), full + last)
    return walk


def test_few_pages_are_all_read_once_more(signed_in: Any) -> None:
    walks = [walked(signed_in, "de", 1), walked(signed_in, "en", 3), LanguageWalk("asl")]
    assert sample(walks) == [("en", None), ("en", "en1"), ("en", "en2"), ("de", None)]
    assert sample([]) == []


def test_of_many_pages_an_even_sample_is_read_that_begins_with_the_longest_list(signed_in: Any) -> None:
    walks = [walked(signed_in, name, pages) for name, pages in (("de", 40), ("en", 80), ("fr", 80))]
    places = sample(walks)
    assert len(places) == len(set(places)) == PAGES
    assert places[0] == ("en", None)
    assert [sum(name == each for each, _ in places) for name in ("de", "en", "fr")] == [20, 40, 40]
    assert places[:3] == [("en", None), ("en", "en2"), ("en", "en4")]


def test_a_page_that_two_walks_read_is_in_the_sample_once(signed_in: Any) -> None:
    assert sample([walked(signed_in, "en", 2) for _ in range(2)]) == [("en", None), ("en", "en1")]


# --- what they tell --------------------------------------------------------------------------------------


def test_who_began_before_and_was_not_found_was_missed(signed_in: Any) -> None:
    look = looked(signed_in, began(["a", "b", "c", "d"]), found=["a", "b", "c", "x"])
    assert (look.streams, look.missed, look.one_pass) == (4, 1, 0.75)
    # A quarter was missed: of five or six streams, of which five are found by now.
    assert look.completeness == pytest.approx(5 / (4 / 0.75))
    assert look.as_dict() == {"pages": 1, "streams": 4, "missed": 1}


def test_a_stream_counts_once(signed_in: Any) -> None:
    look = looked(signed_in, began(["a", "b"]), began(["b", "a"]), found=["a"])
    assert (look.streams, look.missed) == (2, 1)


@pytest.mark.parametrize("at", [AFTER, None, "", "yesterday", "2026-11-23T16:00:00", 17], ids=str)
def test_who_began_later_or_does_not_say_when_tells_nothing(signed_in: Any, at: Any) -> None:
    look = looked(signed_in, began(["new"], at), began(["a"]), found=["a"])
    assert (look.streams, look.missed, look.completeness) == (1, 0, 1.0)


def test_a_row_without_an_id_or_that_is_none_does_not_hide_the_others(signed_in: Any) -> None:
    rows = json.loads(began(["a", "b"]).body)["data"]
    body = json.dumps({"data": [None, {"started_at": rows[0]["started_at"]}, *rows]}).encode()
    look = looked(signed_in, Response(200, {}, body, RECEIVED), found=["a"])
    assert (look.streams, look.missed) == (2, 1)


def test_all_pages_of_all_lists_are_all_there_is(signed_in: Any) -> None:
    assert looked(signed_in, began(["a", "b"]), found=["a"]).completeness == 1.0


def test_a_page_that_cannot_be_read_tells_nothing(signed_in: Any, answers: Any) -> None:
    look = looked(signed_in, began(["a"]), answers.error(400), found=["a"])
    assert look.completeness is look.one_pass is None
    assert look.problem.startswith(
        "there is no recent snapshot to compare with, and 1 of 2 pages could be read once more: streams("
    )


def test_a_page_with_a_number_that_python_refuses_tells_nothing(signed_in: Any) -> None:
    odd = b'{"data":[{"user_id":"a","language":"en","viewer_count":1,"id":' + b"1" * 5_000 + b"}]}"
    look = looked(signed_in, Response(200, {}, odd, RECEIVED), found=["a"])
    assert look.completeness is None
    assert "0 of 1 pages could be read once more: Exceeds the limit" in look.problem


def test_streams_that_do_not_say_when_they_began_tell_nothing(signed_in: Any) -> None:
    look = looked(signed_in, began(["a"], None), found=["a"])
    assert look.completeness is None
    assert look.problem.endswith("and no stream says when it began")


# --- when ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remembered", "looks"),
    [
        (None, True),
        (Known(languages={"en": 20}), True),
        (known([f"de-{number}" for number in range(50)], {"en": 20}), True),
        (known(names(crowd(1, 9))), True),
        (known(names(crowd(1, 10))), False),
    ],
    ids=["none", "languages alone", "without the longest list", "fewer than half of it", "half of it"],
)
def test_is_taken_where_the_last_snapshot_tells_little(
    signed_in: Any, remembered: Known | None, looks: bool
) -> None:
    crawl = opened(signed_in, shown={"de": 8}, remembered=remembered)
    read(crawl, signed_in, {"en": crowd(1, 20), "de": [(f"de-{number}", 5) for number in range(8)]})
    assert len(crawl.look_again(signed_in.session)) == (2 if looks else 0)
    assert (crawl.second_look is not None) is looks


def test_is_not_taken_where_a_walk_was_cut_short_or_nothing_was_found(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 20)})
    crawl.fail(walk_of(crawl, "de"), TwitchServerError("down", status=500))
    assert crawl.look_again(signed_in.session) == []
    crawl = opened(signed_in)
    read(crawl, signed_in, {})
    assert crawl.look_again(signed_in.session) == []


def test_its_rows_belong_to_the_crawl(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 20)})
    (steps,) = crawl.look_again(signed_in.session)
    record(crawl, signed_in, steps, [began([*names(crowd(1, 20)), "missed"])])
    report = reported(crawl)
    assert report.broadcasters == 21
    assert report.as_dict()["second_look"] == {"pages": 1, "streams": 21, "missed": 1}
    assert report.as_dict()["completeness_one_pass"] == pytest.approx(20 / 21, abs=1e-6)
    assert report.complete


# --- whole crawls ----------------------------------------------------------------------------------------


def test_a_first_crawl_knows_how_complete_it_is() -> None:
    async def once(place: Place) -> tuple[CrawlReport, int, float]:
        report = await place.crawl(seconds=600)
        walks = len(place.pages) - (report.second_look.pages_read if report.second_look else 0)
        found = {user for page in place.pages[:walks] for user in page.users}
        throughout = world.users_live_throughout(AT, place.simulator.now)
        return report, walks, len(found & throughout) / len(throughout)

    world = MovingWorld(4, streams=40_000, starts_at=AT)
    (report, walks, truth), _ = run(once, world, latency=1.6)
    assert report.requests == walks + PAGES
    assert report.rate_limited == 0
    assert 0.97 < truth < ENOUGH
    assert report.one_pass == pytest.approx(truth, abs=0.003)
    assert not report.complete
    assert report.why_incomplete == f"an estimated {report.completeness:.2%} of all streams arrived"


def test_a_first_crawl_of_a_list_that_does_not_move_is_complete() -> None:
    report, place = crawl()
    assert place.users == live(still())
    assert (report.complete, report.completeness) == (True, 1.0)
    assert report.requests == place.simulator.counters.requests["streams"]


@pytest.mark.parametrize("how", ["refused", "never answered"])
def test_a_second_look_that_fails_is_why_a_first_crawl_is_incomplete(how: str) -> None:
    async def spoil(request: Request) -> Reply | None:
        key = (language(request), dict(request.params).get("after"))
        times[key] = times.get(key, 0) + 1
        if language(request) != "en" or times[key] == 1 or not key[1]:
            return None
        if how == "never answered":
            await asyncio.Event().wait()
        error = b'{"error":"Bad Request","status":400,"message":"invalid cursor"}'
        return Response(400, {}, error, AT)

    times: dict[Any, int] = {}
    report, place = crawl(spoil=spoil, seconds=60)
    assert place.users == live(still())
    assert report.seconds <= 60
    assert report.cut == {}
    assert not report.complete
    assert report.why_incomplete is not None
    assert report.why_incomplete.startswith("there is no recent snapshot to compare with, and ")
    assert ("invalid cursor" in report.why_incomplete) is (how == "refused")
