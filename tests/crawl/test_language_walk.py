# SPDX-License-Identifier: Apache-2.0
"""One walk: where it ends, what is loud, and that no stream between two walks is lost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, islice
from typing import Any

import pytest
from tests.crawl.lists import Live, crowd, kept, page

from twitch_provider.crawl.language_walk import EMPTY_PAGES, SHORT_PAGE, LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchError,
    TwitchPaginationError,
    TwitchRequestError,
    TwitchServerError,
)
from twitch_provider.helix.loop_guard import STALE_PAGES

FULL = 100


def read(
    twitch: Any, replies: Sequence[Any], walk: LanguageWalk | None = None
) -> tuple[LanguageWalk, list[LightPage]]:
    walk = walk or LanguageWalk("en")
    light_pages: list[LightPage] = []
    twitch.play(kept(walk.read(twitch.session), light_pages), replies)
    return walk, light_pages


def users(light_pages: list[LightPage]) -> list[str]:
    return [user for light_page in light_pages for user in light_page.users]


def begun(
    twitch: Any, rows: list[Live], *, start: str = "mark", below: LanguageWalk | None = None
) -> LanguageWalk:
    """A walk further down, of which the first page has come."""
    walk = LanguageWalk("en", start=start, below=below)
    steps = walk.read(twitch.session)
    next(steps)
    steps.send(page(rows, "on"))
    return walk


# --- how it reads ----------------------------------------------------------------------------------------


def test_follows_the_cursor_through_one_language(signed_in: Any) -> None:
    walk, light_pages = read(
        signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "b"), page(crowd(201, 230))]
    )
    assert users(light_pages) == [user for user, _ in crowd(1, 230)]
    assert signed_in.played.cursors == [None, "a", "b"]
    assert {("language", "en"), ("first", "100")} <= set(signed_in.played.sent[2].params)
    assert (walk.pages, walk.rows, walk.ended, walk.cut, walk.outcome) == (3, 230, "end", "", "end")


def test_begins_at_a_remembered_cursor(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, 10))], LanguageWalk("en", start="mark", place=1))
    assert signed_in.played.cursors == ["mark"]
    assert (walk.label, LanguageWalk("en").label) == ("en+1", "en")


def test_remembers_where_each_page_ended(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "b"), page(crowd(201, 210))])
    assert walk.cursors == ["a", "b"]


def test_a_language_that_nobody_speaks_is_at_its_end(signed_in: Any) -> None:
    walk, light_pages = read(signed_in, [page()])
    assert (walk.pages, walk.rows, walk.ended) == (1, 0, "end")
    assert len(light_pages) == 1


def test_rows_without_numbers_end_nothing(signed_in: Any, answers: Any) -> None:
    odd = answers.ok({"data": [{"user_id": "x", "viewer_count": None}], "pagination": {"cursor": "b"}})
    below = begun(signed_in, crowd(50, 60))
    walk, _ = read(
        signed_in, [page(crowd(1, 10), "a"), odd, page(crowd(11, 30))], LanguageWalk("en", below=below)
    )
    assert walk.ended == "end"
    assert walk.cursors[0] == "a"


# --- where it ends ---------------------------------------------------------------------------------------


def test_an_empty_page_in_the_middle_is_not_the_end(signed_in: Any) -> None:
    replies = [
        page(crowd(1, 100), "a"),
        page((), "b"),
        page((), "c"),
        page(crowd(101, 200), "d"),
        page((), "e"),
    ]
    walk, light_pages = read(signed_in, [*replies, page(crowd(201, 210))])
    assert len(users(light_pages)) == 210
    assert walk.ended == "end"


@pytest.mark.parametrize(
    "last", [crowd(1, SHORT_PAGE - 1), crowd(1, FULL, viewers=1), crowd(1, FULL, viewers=0), []]
)
def test_empty_pages_in_a_row_behind_the_last_one_are_the_end(signed_in: Any, last: list[Live]) -> None:
    empties = [page((), f"e{number}") for number in range(EMPTY_PAGES)]
    replies = [page(last, "a"), *empties] if last else empties
    walk, _ = read(signed_in, replies)
    assert walk.ended == "end"


def test_empty_pages_in_a_row_in_the_middle_are_loud(signed_in: Any) -> None:
    empties = [page((), f"e{number}") for number in range(EMPTY_PAGES)]
    with pytest.raises(TwitchPaginationError, match="in its middle the list had 3 empty pages") as caught:
        read(signed_in, [page(crowd(1, FULL), "a"), *empties])
    assert "(page 4, 100 rows read so far)" in str(caught.value)


def test_an_empty_page_without_a_cursor_is_the_end_even_in_the_middle(signed_in: Any) -> None:
    walk, _ = read(signed_in, [page(crowd(1, FULL), "a"), page()])
    assert walk.ended == "end"


@pytest.mark.parametrize(
    "last",
    [crowd(101, 100 + SHORT_PAGE - 1), crowd(101, 200, viewers=1), crowd(101, 200, viewers=0)],
    ids=["short", "one viewer", "none"],
)
def test_back_at_its_beginning_after_its_end_is_the_end(signed_in: Any, last: list[Live]) -> None:
    one = crowd(1, 100)
    walk, light_pages = read(signed_in, [page(one, "a"), page(last, "b"), page(one, "c")])
    assert walk.ended == "wrapped"
    assert len(set(users(light_pages))) == 100 + len(last)


def test_back_at_its_beginning_in_its_middle_is_loud(signed_in: Any) -> None:
    one = crowd(1, 100)
    with pytest.raises(TwitchPaginationError, match="in its middle the list led back to its beginning"):
        read(signed_in, [page(one, "a"), page(crowd(101, 200), "b"), page(one, "c")])


def test_back_at_its_beginning_is_seen_though_half_of_it_has_changed(signed_in: Any) -> None:
    moved = [("new", 20_000), *crowd(1, 50), *crowd(900, 948)]
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 150), "b"), page(moved, "c")]
    walk, _ = read(signed_in, replies)
    assert walk.ended == "wrapped"


@pytest.mark.parametrize("few", [1, 2, 5], ids="{} streams".format)
@pytest.mark.parametrize("viewers", [0, 7])
def test_few_streams_that_all_have_as_many_lead_back_too(signed_in: Any, few: int, viewers: int) -> None:
    same = crowd(1, few, viewers=viewers)
    walk, _ = read(signed_in, [page(same, "a"), page(same, "b")])
    assert walk.ended == "wrapped"


def test_few_streams_are_no_end_where_new_ones_follow(signed_in: Any) -> None:
    one, two = crowd(1, 2, viewers=7), crowd(1, 4, viewers=7)
    walk, light_pages = read(signed_in, [page(one, "a"), page(two, "b"), page(crowd(5, 6, viewers=7))])
    assert len(set(users(light_pages))) == 6
    assert walk.ended == "end"


def test_a_stream_that_rises_meanwhile_is_no_beginning(signed_in: Any) -> None:
    risen = [("u1", 9_950), ("u2", 9_940), *crowd(101, 198)]
    walk, light_pages = read(signed_in, [page(crowd(1, 100), "a"), page(risen, "b"), page(crowd(199, 210))])
    assert walk.ended == "end"
    assert len(set(users(light_pages))) == 210


def test_a_chain_that_began_further_down_ends_where_the_list_leads_back_to_its_top(signed_in: Any) -> None:
    replies = [page(crowd(501, 540), "b"), page(crowd(1, 100), "c")]
    walk, _ = read(signed_in, replies, LanguageWalk("en", start="mark"))
    assert walk.ended == "wrapped"


def test_back_at_the_top_from_the_middle_of_a_chain_further_down_is_loud(signed_in: Any) -> None:
    replies = [page(crowd(501, 600), "b"), page(crowd(1, 100), "c")]
    with pytest.raises(TwitchPaginationError, match="led back"):
        read(signed_in, replies, LanguageWalk("en", start="mark"))


# --- circles ---------------------------------------------------------------------------------------------


def test_the_same_cursor_twice_is_loud(signed_in: Any) -> None:
    with pytest.raises(TwitchPaginationError, match="same cursor twice") as caught:
        read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "a")])
    assert str(caught.value).endswith("(page 2, 200 rows read so far)")


@pytest.mark.parametrize("rows", [crowd(1, 100), crowd(51, 100)], ids=["the first page", "its half"])
def test_ever_new_cursors_with_old_rows_are_loud(signed_in: Any, rows: list[Live]) -> None:
    endless = (page(rows, f"c{number}") for number in count())
    with pytest.raises(TwitchPaginationError):
        read(signed_in, [page(crowd(1, 100), "a"), *islice(endless, STALE_PAGES)])


def test_a_circle_in_the_middle_is_loud(signed_in: Any) -> None:
    one, two, three = (page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201))
    laps = [page(crowd(at, at + 99), f"d{at}-{lap}") for lap in range(3) for at in (101, 201)]
    with pytest.raises(TwitchPaginationError, match="had no new row"):
        read(signed_in, [one, two, three, *laps[:STALE_PAGES]])


def test_a_circle_that_moves_is_loud(signed_in: Any) -> None:
    moving = [page([*crowd(101, 199), (f"new-{lap}", 9_000)], f"c{lap}") for lap in range(7)]
    with pytest.raises(TwitchPaginationError, match="more old rows than new"):
        read(signed_in, [page(crowd(1, 100), "a"), *moving])


def test_rows_without_an_id_are_no_sign_that_a_list_goes_on(signed_in: Any, answers: Any) -> None:
    odd = [
        answers.ok({"data": [{"viewer_count": 5}], "pagination": {"cursor": f"c{number}"}})
        for number in range(STALE_PAGES)
    ]
    with pytest.raises(TwitchPaginationError, match="no new row"):
        read(signed_in, odd)


# --- what goes wrong -------------------------------------------------------------------------------------


def test_an_error_says_how_far_it_had_come(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchServerError, match=r"\(page 2, 100 rows read so far\)"):
        read(signed_in, [page(crowd(1, 100), "a"), *[answers.error(500)] * 4])


def test_a_cursor_that_is_refused_once_is_asked_for_again(signed_in: Any, answers: Any) -> None:
    walk, light_pages = read(signed_in, [page(crowd(1, 100), "a"), answers.error(400), page(crowd(101, 110))])
    assert len(users(light_pages)) == 110
    assert walk.ended == "end"


@pytest.mark.parametrize("pages", [0, 1])
@pytest.mark.parametrize("start", [None, "mark"])
@pytest.mark.parametrize(
    "error",
    [
        TwitchConnectionError("gone"),
        TwitchRequestError("no", status=400),
        TwitchRequestError("no", status=403),
    ],
)
def test_what_a_lost_page_means(signed_in: Any, error: TwitchError, start: str | None, pages: int) -> None:
    walk = begun(signed_in, crowd(1, 100)) if pages else LanguageWalk("en")
    walk.start = start
    walk.fail(error)
    refused = isinstance(error, TwitchRequestError) and error.status == 400
    if pages == 0 and start:
        assert (walk.outcome, walk.cut) == ("dropped", "")
    elif pages == 0 and refused:
        assert (walk.outcome, walk.cut) == ("refused", "")
    else:
        assert (walk.outcome, walk.cut) == ("cut", str(error))
    assert walk.done


# --- where the next walk began --------------------------------------------------------------------------


def test_ends_where_the_next_chain_began(signed_in: Any) -> None:
    below = begun(signed_in, crowd(150, 249))
    walk, light_pages = read(
        signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 200), "b")], LanguageWalk("en", below=below)
    )
    assert walk.ended == "met"
    assert set(users(light_pages)) >= {user for user, _ in crowd(1, 150)}


def test_does_not_end_where_the_next_chain_has_not_begun_yet(signed_in: Any) -> None:
    walk, _ = read(
        signed_in,
        [page(crowd(1, 100), "a"), page(crowd(101, 150))],
        LanguageWalk("en", below=LanguageWalk("en", start="mark")),
    )
    assert walk.ended == "end"


@pytest.mark.parametrize("shift", [0, 1, 50, 98, 99])
def test_where_all_have_as_many_every_row_is_read_by_one_of_both(signed_in: Any, shift: int) -> None:
    """The next walk begins in the middle of 1,000 streams with one viewer."""
    plateau = crowd(1, 1_000, viewers=1)
    begins = 500 + shift
    below = begun(signed_in, plateau[begins : begins + 100])
    walk = LanguageWalk("en", below=below)
    light_pages: list[LightPage] = []
    pages = [page(plateau[at : at + 100], f"c{at}") for at in range(0, 1_000, 100)]
    steps = kept(walk.read(signed_in.session), light_pages)
    next(steps)
    for number in count():
        try:
            steps.send(pages[number])
        except StopIteration:
            break
    assert set(users(light_pages)) >= {user for user, _ in plateau[:begins]}
    assert walk.ended == "met"
    assert len(light_pages) <= 7


def test_a_row_that_jumped_up_from_the_next_chain_is_not_where_that_began(signed_in: Any) -> None:
    below = begun(signed_in, crowd(500, 599, viewers=1))
    jumped = [*crowd(1, 97, viewers=2), ("u500", 2), ("u501", 2), *crowd(98, 98, viewers=1)]
    replies = [page(jumped, "a"), page(crowd(99, 198, viewers=1), "b"), page(crowd(199, 250, viewers=1))]
    walk, light_pages = read(signed_in, replies, LanguageWalk("en", below=below))
    assert walk.ended == "end"
    assert len(set(users(light_pages))) == 252


def test_a_next_chain_of_one_row_is_met_at_that_row(signed_in: Any) -> None:
    below = begun(signed_in, crowd(150, 150, viewers=3))
    rows = [*crowd(1, 99, viewers=4), *crowd(150, 150, viewers=3)]
    walk, _ = read(signed_in, [page(rows, "a")], LanguageWalk("en", below=below))
    assert walk.ended == "met"


def test_a_next_chain_without_numbers_is_never_met(signed_in: Any, answers: Any) -> None:
    below = LanguageWalk("en", start="mark")
    steps = below.read(signed_in.session)
    next(steps)
    steps.send(answers.ok({"data": [{"user_id": "u3"}], "pagination": {"cursor": "on"}}))
    walk, _ = read(
        signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 110))], LanguageWalk("en", below=below)
    )
    assert walk.ended == "end"


def test_a_chain_that_was_met_and_then_failed_is_cut(signed_in: Any) -> None:
    below = begun(signed_in, crowd(50, 149))
    walk, _ = read(signed_in, [page(crowd(1, 100), "a")], LanguageWalk("en", below=below))
    below.fail(TwitchConnectionError("gone"))
    assert (walk.outcome, below.outcome) == ("met", "cut")


# --- remembered cursors that lead nowhere ----------------------------------------------------------------


def refused(twitch: Any, answers: Any) -> LanguageWalk:
    """A walk whose cursor Twitch does not take."""
    walk = LanguageWalk("en", start="old")
    with pytest.raises(TwitchRequestError) as caught:
        read(twitch, [answers.error(400)] * 2, walk)
    walk.fail(caught.value)
    return walk


def test_a_remembered_cursor_that_is_refused_drops_the_chain(signed_in: Any, answers: Any) -> None:
    walk = refused(signed_in, answers)
    assert (walk.outcome, walk.pages) == ("dropped", 0)


@pytest.mark.parametrize("cursor", [None, "on"])
def test_a_remembered_cursor_that_leads_to_an_empty_page_drops_the_chain(
    signed_in: Any, cursor: str | None
) -> None:
    walk, _ = read(signed_in, [page((), cursor)], LanguageWalk("en", start="old"))
    assert (walk.outcome, walk.pages) == ("dropped", 0)


def test_the_chain_above_a_dropped_one_walks_on(signed_in: Any, answers: Any) -> None:
    below = refused(signed_in, answers)
    walk, light_pages = read(
        signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 150))], LanguageWalk("en", below=below)
    )
    assert walk.ended == "end"
    assert len(users(light_pages)) == 150


def test_the_chain_above_dropped_ones_ends_where_the_next_good_one_began(
    signed_in: Any, answers: Any
) -> None:
    good = begun(signed_in, crowd(301, 400))
    lower = LanguageWalk("en", start="old", below=good)
    read(signed_in, [page()], lower)
    upper = LanguageWalk("en", start="older", below=lower)
    upper.fail(TwitchServerError("down", status=500))
    replies = [page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201, 301)]
    walk, light_pages = read(signed_in, replies, LanguageWalk("en", below=upper))
    assert walk.ended == "met"
    assert len(users(light_pages)) == 400


def test_a_remembered_cursor_that_leads_to_page_one_loses_nothing(signed_in: Any) -> None:
    """The walk above ends at once, for that one reads all of it."""
    below = begun(signed_in, crowd(1, 100))
    above, _ = read(signed_in, [page(crowd(1, 100), "a")], LanguageWalk("en", below=below))
    assert above.ended == "met"
    rest = LanguageWalk("en", start="old")
    _, light_pages = read(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 180))], rest)
    assert rest.ended == "end"
    assert len(users(light_pages)) == 180


def test_cursors_in_the_wrong_order_lose_nothing(signed_in: Any) -> None:
    lowest = begun(signed_in, crowd(101, 200))
    middle = LanguageWalk("en", start="low", below=lowest)
    read(signed_in, [page(crowd(501, 600), "m")], middle)
    assert middle.ended == "met"  # for the lowest began above it, and reads what follows
    walk, light_pages = read(
        signed_in,
        [page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201, 301, 401, 501)],
        LanguageWalk("en", below=middle),
    )
    assert walk.ended == "met"
    assert len(users(light_pages)) == 600


def test_a_token_that_is_refused_is_no_lost_page(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchAuthError):
        read(signed_in, [answers.error(401), answers.error(403)])
