# SPDX-License-Identifier: Apache-2.0
"""What holds in every interleaving of pages and faults.

Each of these mistakes was tried by hand and fails a test: taking a page that is empty or has no new row
for the end, forgetting an id or a cursor, missing a cursor loop or seeing one in a good list, bounds off
by one, one retry too many or endless ones, kinds of failures that share their retries, a swallowed
error.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchError,
    TwitchNotFoundError,
    TwitchPaginationError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.loop_guard import STALE_PAGES, STALE_ROWS
from twitch_provider.helix.queries import query
from twitch_provider.helix.walk import walk

reproducible = settings(derandomize=True, deadline=None, max_examples=100, database=None)

#: How often each kind may happen to one request and is retried.
LIMITS = {"transient": 3, "rate limit": 5, "cursor": 1, "token": 1}
KINDS = {
    "error 500": "transient",
    "error 503": "transient",
    "failure": "transient",
    "web page": "transient",
    "null data": "transient",
    "error 429": "rate limit",
    "empty limit": "rate limit",
    "error 400": "cursor",
    "error 401": "token",
}
EMPTY = {"ratelimit-limit": "800", "ratelimit-remaining": "0"}
ENDS = [{"pagination": end} for end in ({}, None, {"cursor": ""}, {"cursor": None})] + [{}]


def spoilt(answers: Any, fault: str) -> list[Any]:
    """The reply to a request that fails, and the replies to what it causes."""
    match fault.split():
        case ["error", "401"]:
            return [answers.error(401), answers.error(503), answers.ok({"access_token": "another"})]
        case ["error", status]:
            return [answers.error(int(status))]
        case ["empty", _]:
            return [answers.error(429, headers=EMPTY)]
        case ["web", _]:
            return [answers.ok(b"<html>", 200, {"content-type": "text/html"})]
        case ["null", _]:
            return [answers.ok({"data": None})]
        case _:
            return [answers.failure("the connection broke")]


@st.composite
def lists(draw: st.DrawFn) -> list[list[str]]:
    """A list as it is served while it moves: pages with new rows, with old ones, with too few, with none."""
    pages: list[list[str]] = []
    seen: list[str] = []
    stale = 0
    for number in range(draw(st.integers(1, 7))):
        new = draw(st.integers(1 if stale == STALE_PAGES - 1 else 0, 3))
        old = draw(st.lists(st.sampled_from(seen), max_size=3)) if seen else []
        fresh = [f"{number}-{place}" for place in range(new)]
        pages.append(draw(st.permutations(fresh + old)))
        seen += fresh
        stale = 0 if new else stale + 1
    return pages


@st.composite
def faults(draw: st.DrawFn, *, paged: bool, without: str = "") -> list[str]:
    """Faults of one request, in any order, none more often than it is retried."""
    left = dict(LIMITS) if paged else {**LIMITS, "cursor": 0}
    left.pop(without, None)
    passing = []
    for fault in draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=8)):
        if left.get(KINDS[fault], 0):
            left[KINDS[fault]] -= 1
            passing.append(fault)
    return passing


def served(answers: Any, pages: list[list[str]], end: dict[str, Any]) -> list[Any]:
    """The answers to a walk without faults."""
    *rest, last = pages
    whole = [answers.page(*rows, cursor=f"c{number}") for number, rows in enumerate(rest)]
    return [*whole, answers.ok({"data": [{"id": each} for each in last], **end})]


def distinct(pages: list[list[str]]) -> list[str]:
    return list(dict.fromkeys(row for rows in pages for row in rows))


def ids(played: Any) -> list[str]:
    return [row["id"] for row in played.rows]


# --- the walk --------------------------------------------------------------------------------------------


@given(pages=lists(), end=st.sampled_from(ENDS), data=st.data())
@reproducible
def test_any_interleaving_of_transient_faults_gives_each_row_once_in_order(
    new_twitch: Any, answers: Any, pages: list[list[str]], end: dict[str, Any], data: st.DataObject
) -> None:
    twitch, replies, played = new_twitch(), [], 0
    for number, page in enumerate(served(answers, pages, end)):
        passing = data.draw(faults(paged=number > 0))
        played += len(passing)
        replies += [reply for fault in passing for reply in spoilt(answers, fault)] + [page]
    walked = twitch.play(walk(twitch.session, query("streams")), replies)
    assert ids(walked) == distinct(pages)
    assert twitch.session.stats["requests"] == len(pages) + played
    assert sum(walked.slept) <= 100 * len(pages)
    assert twitch.session.limiter.in_flight == 0


RAISED: dict[str, tuple[type[TwitchError], int]] = {
    "error 500": (TwitchServerError, 4),
    "failure": (TwitchConnectionError, 4),
    "web page": (TwitchResponseError, 4),
    "null data": (TwitchResponseError, 4),
    "error 429": (TwitchRateLimitError, 6),
    "empty limit": (TwitchRateLimitError, 6),
    "error 400": (TwitchRequestError, 2),
    "error 401": (TwitchAuthError, 2),
    "error 403": (TwitchRequestError, 1),
    "error 404": (TwitchNotFoundError, 1),
}


@given(pages=lists(), fault=st.sampled_from(sorted(RAISED)), data=st.data())
@reproducible
def test_a_permanent_fault_is_an_error_that_says_where(
    new_twitch: Any, answers: Any, pages: list[list[str]], fault: str, data: st.DataObject
) -> None:
    twitch = new_twitch()
    error, times = RAISED[fault]
    broken = data.draw(st.integers(0, len(pages) - 1), label="broken page")
    if fault == "error 400" and broken == 0:
        times = 1  # without a cursor a 400 is permanent
    others = data.draw(faults(paged=broken > 0, without=KINDS.get(fault, "")))
    wrong = [*others, *[fault] * times]
    if fault != "error 401":  # a token that was accepted once counts as an old one
        wrong = [*data.draw(st.permutations(wrong[:-1])), fault]
    replies = served(answers, pages, {})[:broken] + [each for one in wrong for each in spoilt(answers, one)]
    if fault == "error 401":
        replies = replies[:-2]  # there is no third token
    waiting = iter([*replies, "not asked for"])
    with pytest.raises(error) as caught:
        twitch.play(walk(twitch.session, query("streams")), waiting)
    assert type(caught.value) is error
    assert next(waiting) == "not asked for"
    rows = distinct(pages[:broken])
    assert caught.value.where == f"page {broken + 1}, {len(rows)} rows read so far"
    assert ids(twitch.played) == rows


@given(pages=lists(), back=st.integers(0, 6), renamed=st.booleans())
@reproducible
def test_a_cursor_loop_always_ends_in_an_error(
    new_twitch: Any, answers: Any, pages: list[list[str]], back: int, renamed: bool
) -> None:
    twitch = new_twitch()

    def looping_pages() -> Iterator[Any]:
        lap, number = 0, 0
        while True:
            rows = pages[number]
            lap, number = (lap, number + 1) if number + 1 < len(pages) else (lap + 1, back % len(pages))
            yield answers.page(*rows, cursor=f"c{number}" + (f" of lap {lap}" if renamed else ""))

    with pytest.raises(TwitchPaginationError):
        twitch.play(walk(twitch.session, query("streams")), islice(looping_pages(), 1_000))
    assert ids(twitch.played) == distinct(pages)
    # Either a cursor comes twice, or there are no new rows.
    assert len(twitch.played.sent) <= len(pages) + (STALE_PAGES if renamed else 1)


@given(news=st.lists(st.integers(0, 45), min_size=1, max_size=20))
@reproducible
def test_a_cursor_loop_that_moves_ends_in_an_error(new_twitch: Any, answers: Any, news: list[int]) -> None:
    twitch = new_twitch()

    def looping_pages() -> Iterator[Any]:
        for lap, new in enumerate(cycle(news)):
            fresh = [f"{lap}-{place}" for place in range(new)]
            yield answers.page(*map(str, range(100 - new)), *fresh, cursor=f"c{lap}")

    with pytest.raises(TwitchPaginationError):
        twitch.play(walk(twitch.session, query("streams")), islice(looping_pages(), 1_000))
    surplus_of_a_page = 100 - 2 * max(news)
    assert len(twitch.played.sent) <= STALE_ROWS / surplus_of_a_page + 2


@given(news=st.lists(st.integers(50, 100), min_size=1, max_size=30))
@reproducible
def test_a_moving_list_is_not_taken_for_a_cursor_loop(new_twitch: Any, answers: Any, news: list[int]) -> None:
    twitch = new_twitch()
    pages = [
        [*(f"{number}-{place}" for place in range(new)), *(f"0-{place}" for place in range(100 - new))]
        for number, new in enumerate(news)
    ]
    walked = twitch.play(walk(twitch.session, query("streams")), served(answers, pages, {}))
    assert ids(walked) == distinct(pages)


@given(pages=lists(), most=st.integers(1, 12), bound=st.sampled_from(["max_items", "max_pages"]))
@reproducible
def test_bounds_are_kept_and_nothing_is_asked_beyond_them(
    new_twitch: Any, answers: Any, pages: list[list[str]], most: int, bound: str
) -> None:
    twitch = new_twitch()
    needed = len(pages)
    for number in range(len(pages), 0, -1):
        reached = len(distinct(pages[:number])) if bound == "max_items" else number
        needed = number if reached >= most else needed
    most_items, most_pages = (most, None) if bound == "max_items" else (None, most)
    checked = query("streams", max_items=most_items, max_pages=most_pages)
    walked = twitch.play(walk(twitch.session, checked), served(answers, pages, {})[:needed])
    whole = distinct(pages[:needed])
    assert ids(walked) == (whole[:most] if bound == "max_items" else whole)
