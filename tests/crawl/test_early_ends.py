# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from tests.crawl.lists import Live, crowd, page

from twitch_provider.crawl.early_ends import early_ends
from twitch_provider.crawl.language_walk import LanguageWalk


def read(twitch: Any, walk: LanguageWalk, *pages: list[Live]) -> LanguageWalk:
    """A walk that has read these pages, the last without a cursor."""
    cursors = [f"c{number}" for number in range(1, len(pages))]
    replies = [page(rows, cursor) for rows, cursor in zip(pages, [*cursors, None], strict=True)]
    twitch.play(walk.read(twitch.session), replies)
    return walk


def early(*walks: LanguageWalk, **known: Any) -> dict[str, str]:
    given = {"languages": {}, "recovered": {}, "shown": {}, **known}
    return {walk.label: why for walk, why in early_ends(walks, **given).items()}


def tail(count: int = 30, viewers: int = 1) -> list[Live]:
    return crowd(500, 499 + count, viewers=viewers)


def test_lists_that_end_among_streams_without_viewers_end(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100), tail(100))
    de = read(signed_in, LanguageWalk("de"), tail(95))
    assert early(en, de) == {}


def test_a_list_that_stops_at_a_full_page_high_above_the_others_ended_early(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100))
    de = read(signed_in, LanguageWalk("de"), crowd(1, 100), tail())
    assert early(en, de) == {"en": "at 9900 viewers, with a full page"}


@pytest.mark.parametrize(("viewers", "ended"), [(2, False), (3, True)])
def test_a_long_list_that_stops_at_a_full_page_where_there_are_viewers_ended_early(
    signed_in: Any, viewers: int, ended: bool
) -> None:
    pages = [crowd(100 * n, 100 * n + 99) for n in range(5)]
    en = read(signed_in, LanguageWalk("en"), *pages, crowd(600, 699, viewers=viewers))
    de = read(signed_in, LanguageWalk("de"), crowd(1, 100), tail())
    assert early(en, de) == ({"en": "at 3 viewers, with a full page"} if ended else {})


def test_a_short_page_high_above_the_others_is_an_end(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100), tail())
    asl = read(signed_in, LanguageWalk("asl"), crowd(1, 3))
    assert early(en, asl) == {}


def test_lists_of_a_world_without_small_streams_may_end_with_a_full_page(signed_in: Any) -> None:
    walks = [
        read(signed_in, LanguageWalk(name), tail(100, viewers=20), tail(40, viewers=15)) for name in "abcd"
    ]
    assert early(*walks, read(signed_in, LanguageWalk("e"), tail(100, viewers=18))) == {}


def test_where_all_lists_stop_at_a_full_page_none_is_whole(signed_in: Any) -> None:
    walks = [read(signed_in, LanguageWalk(name), tail(100, viewers=500)) for name in "abcd"]
    assert early(*walks) == dict.fromkeys("abcd", "at 500 viewers, with a full page")


def test_a_chain_that_ends_above_where_the_next_one_began_ended_early(signed_in: Any) -> None:
    below = read(signed_in, LanguageWalk("en", start="mark", place=1), crowd(300, 390), tail())
    top = read(signed_in, LanguageWalk("en", below=below), crowd(1, 50))
    assert early(top, below) == {"en": "at 9950 viewers, and the walk below began at 9700"}


def test_a_chain_that_is_the_last_as_the_one_below_was_dropped_may_end(signed_in: Any) -> None:
    below = LanguageWalk("en", start="mark", place=1)
    below.ended = "dropped"
    assert early(read(signed_in, LanguageWalk("en", below=below), crowd(1, 50), tail()), below) == {}


@pytest.mark.parametrize(("recovered", "ended"), [(50, False), (51, True)])
def test_a_list_of_which_many_came_only_when_asked_for_ended_early(
    signed_in: Any, recovered: int, ended: bool
) -> None:
    en = read(signed_in, LanguageWalk("en"), tail(100))
    found = early(en, recovered={"en": recovered}, languages={"en": 150})
    assert found == ({"en": "51 of 150 streams came only when asked for"} if ended else {})


def test_a_list_with_less_than_the_list_of_all_shows_ended_early(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), tail(20))
    assert early(en, shown={"en": 42}) == {"en": "20 streams, and the list of all begins with 42"}
    assert early(en, shown={"en": 41}) == {}


def test_what_was_cut_anyhow_is_left_alone(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100))
    en.cut = "503"
    assert early(en, read(signed_in, LanguageWalk("de"), tail())) == {}


def test_rows_without_viewers_tell_nothing(signed_in: Any, answers: Any) -> None:
    odd = answers.ok({"data": [{"user_id": str(n), "viewer_count": None} for n in range(100)]})
    walk = LanguageWalk("en")
    signed_in.play(walk.read(signed_in.session), [odd])
    assert early(walk) == {}
    assert (walk.last_count, walk.bottom, walk.top_below) == (100, None, None)
    assert (LanguageWalk("de").last_count, LanguageWalk("de").bottom) == (0, None)
