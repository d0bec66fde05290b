# SPDX-License-Identifier: Apache-2.0
"""Early ends: which lists count as cut short, and which just ended."""

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


def test_lists_that_end_with_few_viewers_did_not_end_early(signed_in: Any) -> None:
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


def test_a_short_last_page_is_not_an_early_end(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100), tail())
    asl = read(signed_in, LanguageWalk("asl"), crowd(1, 3))
    assert early(en, asl) == {}


def test_where_no_stream_is_small_lists_may_end_with_a_full_page(signed_in: Any) -> None:
    walks = [
        read(signed_in, LanguageWalk(name), tail(100, viewers=20), tail(40, viewers=15)) for name in "abcd"
    ]
    assert early(*walks, read(signed_in, LanguageWalk("e"), tail(100, viewers=18))) == {}


def test_all_lists_that_stop_at_a_full_page_ended_early(signed_in: Any) -> None:
    walks = [read(signed_in, LanguageWalk(name), tail(100, viewers=500)) for name in "abcd"]
    assert early(*walks) == dict.fromkeys("abcd", "at 500 viewers, with a full page")


@pytest.mark.parametrize(("recovered", "ended"), [(50, False), (51, True)])
def test_a_list_of_which_many_had_to_be_looked_up_ended_early(
    signed_in: Any, recovered: int, ended: bool
) -> None:
    en = read(signed_in, LanguageWalk("en"), tail(100))
    found = early(en, recovered={"en": recovered}, languages={"en": 150})
    assert found == (
        {"en": "51 of 150 streams were found only by looking their broadcasters up"} if ended else {}
    )


def test_a_list_with_half_of_what_the_unfiltered_page_has_ended_early(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), tail(20))
    assert early(en, shown={"en": 42}) == {"en": "20 streams, and the first page of all streams has 42"}
    assert early(en, shown={"en": 41}) == {}


def test_a_walk_that_was_cut_short_anyway_is_left_out(signed_in: Any) -> None:
    en = read(signed_in, LanguageWalk("en"), crowd(1, 100))
    en.cut = "503"
    assert early(en, read(signed_in, LanguageWalk("de"), tail())) == {}


def test_rows_without_viewers_are_no_evidence(signed_in: Any, answers: Any) -> None:
    odd = answers.ok({"data": [{"user_id": str(n), "viewer_count": None} for n in range(100)]})
    walk = LanguageWalk("en")
    signed_in.play(walk.read(signed_in.session), [odd])
    assert early(walk) == {}
    assert (walk.ended_with_full_page, walk.bottom) == (True, None)
