# SPDX-License-Identifier: Apache-2.0
"""One language's list: where it ends, and what is an error rather than its end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, islice
from typing import Any

import pytest
from tests.crawl.lists import Live, crowd, keeping, page, users

from twitch_provider.crawl.language_walk import EMPTY_PAGES, SHORT_PAGE, LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchPaginationError,
    TwitchServerError,
)
from twitch_provider.helix.loop_guard import STALE_PAGES

FULL = 100


def read(
    twitch: Any, replies: Sequence[Any], walk: LanguageWalk | None = None
) -> tuple[LanguageWalk, list[LightPage]]:
    walk = walk or LanguageWalk("en")
    pages: list[LightPage] = []
    twitch.play(keeping(walk.read(twitch.session), pages), replies)
    return walk, pages


# --- reading ---------------------------------------------------------------------------------------------


def test_follows_the_cursor_through_one_language(signed_in: Any) -> None:
    walk, pages = read(
        signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "b"), page(crowd(201, 230))]
    )
    assert users(pages) == [user for user, _ in crowd(1, 230)]
    assert signed_in.played.cursors == [None, "a", "b"]
    assert {("language", "en"), ("first", "100")} <= set(signed_in.played.sent[2].params)
    assert (walk.pages, walk.rows, walk.ended, walk.cut, walk.outcome) == (3, 230, "end", "", "end")
    assert walk.label == "en"


def test_an_empty_list_is_at_its_end(signed_in: Any) -> None:
    walk, pages = read(signed_in, [page()])
    assert (walk.pages, walk.rows, walk.ended, walk.bottom) == (1, 0, "end", None)
    assert len(pages) == 1


def test_rows_without_viewers_end_nothing(signed_in: Any, answers: Any) -> None:
    odd = answers.ok({"data": [{"user_id": "x", "viewer_count": None}], "pagination": {"cursor": "b"}})
    walk, pages = read(signed_in, [page(crowd(1, 10), "a"), odd, page(crowd(11, 30))])
    assert (walk.ended, len(users(pages))) == ("end", 31)


# --- the end of a list -----------------------------------------------------------------------------------


def test_an_empty_page_in_the_middle_is_not_the_end(signed_in: Any) -> None:
    full = [page(crowd(1, 100), "a"), page((), "b"), page((), "c"), page(crowd(101, 200), "d")]
    walk, pages = read(signed_in, [*full, page((), "e"), page(crowd(201, 210))])
    assert len(users(pages)) == 210
    assert walk.ended == "end"


@pytest.mark.parametrize(
    "last", [crowd(1, SHORT_PAGE - 1), crowd(1, FULL, viewers=1), []], ids=["short", "one viewer", "no page"]
)
def test_empty_pages_in_a_row_after_the_last_one_are_the_end(signed_in: Any, last: list[Live]) -> None:
    empties = [page((), f"e{number}") for number in range(EMPTY_PAGES)]
    walk, _ = read(signed_in, [page(last, "a"), *empties] if last else empties)
    assert walk.ended == "end"


def test_empty_pages_in_a_row_before_the_end_are_an_error(signed_in: Any) -> None:
    empties = [page((), f"e{number}") for number in range(EMPTY_PAGES)]
    with pytest.raises(TwitchPaginationError, match="the list had 3 empty pages in a row before") as caught:
        read(signed_in, [page(crowd(1, FULL), "a"), *empties])
    assert "(page 4, 100 rows read so far)" in str(caught.value)


def test_an_empty_page_without_a_cursor_is_the_end(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, FULL), "a"), page()])
    assert (walk.ended, walk.ended_with_full_page) == ("end", True)


@pytest.mark.parametrize(
    "last", [crowd(101, 100 + SHORT_PAGE - 1), crowd(101, 200, viewers=1)], ids=["short", "one viewer"]
)
def test_page_one_again_after_the_last_page_is_the_end(signed_in: Any, last: list[Live]) -> None:
    one = crowd(1, 100)
    walk, pages = read(signed_in, [page(one, "a"), page(last, "b"), page(one, "c")])
    assert walk.ended == "wrapped"
    assert len(set(users(pages))) == 100 + len(last)


def test_page_one_again_in_the_middle_is_an_error(signed_in: Any) -> None:
    one = crowd(1, 100)
    with pytest.raises(TwitchPaginationError, match="the list led back to its beginning before its end"):
        read(signed_in, [page(one, "a"), page(crowd(101, 200), "b"), page(one, "c")])


def test_page_one_is_recognised_after_half_of_it_has_changed(signed_in: Any) -> None:
    moved = [("new", 20_000), *crowd(1, 50), *crowd(900, 948)]
    walk, _ = read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 150), "b"), page(moved, "c")])
    assert walk.ended == "wrapped"


@pytest.mark.parametrize("few", [1, 5])
def test_page_one_is_recognised_where_all_streams_have_as_many_viewers(signed_in: Any, few: int) -> None:
    same = crowd(1, few, viewers=7)
    walk, _ = read(signed_in, [page(same, "a"), page(same, "b")])
    assert walk.ended == "wrapped"


def test_a_page_with_new_streams_is_not_page_one(signed_in: Any) -> None:
    one, two = crowd(1, 2, viewers=7), crowd(1, 4, viewers=7)
    walk, pages = read(signed_in, [page(one, "a"), page(two, "b"), page(crowd(5, 6, viewers=7))])
    assert len(set(users(pages))) == 6
    assert walk.ended == "end"


def test_a_page_that_begins_with_risen_streams_is_not_page_one(signed_in: Any) -> None:
    risen = [("u1", 9_950), ("u2", 9_940), *crowd(101, 198)]
    walk, pages = read(signed_in, [page(crowd(1, 100), "a"), page(risen, "b"), page(crowd(199, 210))])
    assert walk.ended == "end"
    assert len(set(users(pages))) == 210


# --- loops -----------------------------------------------------------------------------------------------


def test_the_same_cursor_twice_is_an_error(signed_in: Any) -> None:
    with pytest.raises(TwitchPaginationError, match="same cursor twice") as caught:
        read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "a")])
    assert str(caught.value).endswith("(page 2, 200 rows read so far)")


def test_ever_new_cursors_with_old_rows_are_an_error(signed_in: Any) -> None:
    endless = (page(crowd(51, 100), f"c{number}") for number in count())
    with pytest.raises(TwitchPaginationError):
        read(signed_in, [page(crowd(1, 100), "a"), *islice(endless, STALE_PAGES)])


def test_a_loop_in_the_middle_is_an_error(signed_in: Any) -> None:
    one, two, three = (page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201))
    laps = [page(crowd(at, at + 99), f"d{at}-{lap}") for lap in range(3) for at in (101, 201)]
    with pytest.raises(TwitchPaginationError, match=f"{STALE_PAGES} pages in a row"):
        read(signed_in, [one, two, three, *laps[:STALE_PAGES]])


def test_a_loop_with_a_new_stream_on_each_page_is_an_error(signed_in: Any) -> None:
    moving = [page([*crowd(101, 199), (f"new-{lap}", 9_000)], f"c{lap}") for lap in range(7)]
    with pytest.raises(TwitchPaginationError):
        read(signed_in, [page(crowd(1, 100), "a"), *moving])


def test_rows_without_an_id_do_not_count_as_new(signed_in: Any, answers: Any) -> None:
    odd = [
        answers.ok({"data": [{"viewer_count": 5}], "pagination": {"cursor": f"c{number}"}})
        for number in range(STALE_PAGES)
    ]
    with pytest.raises(TwitchPaginationError, match=f"{STALE_PAGES} pages in a row"):
        read(signed_in, odd)


# --- errors ----------------------------------------------------------------------------------------------


def test_an_error_says_how_far_the_walk_had_come(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchServerError, match=r"\(page 2, 100 rows read so far\)"):
        read(signed_in, [page(crowd(1, 100), "a"), *[answers.error(500)] * 4])


def test_a_token_that_is_refused_is_an_error(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchAuthError):
        read(signed_in, [answers.error(401), answers.error(403)])


def test_a_cursor_that_is_refused_once_is_sent_again(signed_in: Any, answers: Any) -> None:
    walk, pages = read(signed_in, [page(crowd(1, 100), "a"), answers.error(400), page(crowd(101, 110))])
    assert len(users(pages)) == 110
    assert walk.ended == "end"


def test_a_page_that_cannot_be_read_cuts_the_walk_short() -> None:
    walk = LanguageWalk("en")
    assert not walk.done
    walk.fail(TwitchConnectionError("gone"))
    assert (walk.ended, walk.cut, walk.outcome, walk.done) == ("", "gone", "cut", True)


# --- the last page once more -----------------------------------------------------------------------------


def test_reopened_it_goes_on_from_its_last_page(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 195))])
    walk.reopen()
    read(signed_in, [page(crowd(101, 195), "b"), page(crowd(196, 230))], walk)
    assert signed_in.played.cursors[-2:] == ["a", "b"]
    assert (walk.ended, walk.last.count if walk.last else 0) == ("end", 35)


@pytest.mark.parametrize("rows", [crowd(1, 95), crowd(1, 100, viewers=1)], ids=["one page", "one viewer"])
def test_reopened_the_same_page_is_neither_a_loop_nor_page_one_again(
    signed_in: Any, rows: list[Live]
) -> None:
    walk, _ = read(signed_in, [page(rows, "a"), page()])
    walk.reopen()
    read(signed_in, [page(rows, "a"), page()], walk)
    assert (walk.ended, walk.cut) == ("end", "")


def test_reopened_and_failed_it_is_at_its_end_as_before(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, 100))])
    walk.reopen()
    walk.fail(TwitchServerError("no", status=503))
    assert (walk.ended, walk.cut) == ("end", "")
