# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchServerError
from twitch_provider.helix.merge import merge
from twitch_provider.helix.messages import Send
from twitch_provider.helix.queries import query
from twitch_provider.helix.walk import walk

VIEWERS = {str(number): number * 7 % 9973 for number in range(1, 251)}


def answer(answers: Any, *ids: str, cursor: str | None = None) -> Any:
    rows = sorted(({"id": each, "viewer_count": VIEWERS[each]} for each in ids), key=by_viewers)
    return answers.ok({"data": rows, "pagination": {"cursor": cursor} if cursor else {}})


def by_viewers(row: dict[str, Any]) -> int:
    return -int(row["viewer_count"])


def shuffled() -> list[str]:
    ids = list(VIEWERS)
    random.Random(1).shuffle(ids)  # noqa: S311 - an order, not a secret
    return ids


@pytest.mark.parametrize("max_items", [1, 10, 150, 250, 1000, None])
def test_more_than_100_ids_are_sorted_over_all_requests(
    signed_in: Any, answers: Any, max_items: int | None
) -> None:
    ids = shuffled()
    checked = query("streams", {"user_id": ids}, max_items=max_items, split=True)
    replies = [answer(answers, *ids[start : start + 100]) for start in (0, 100, 200)]
    played = signed_in.play(walk(signed_in.session, checked), replies)
    most = sorted(VIEWERS.values(), reverse=True)[:max_items]
    assert [row["viewer_count"] for row in played.rows] == most
    assert [len(page.rows) for page in played.pages] == [100, 100, 50]


def test_nothing_to_merge_is_an_empty_walk() -> None:
    assert list(merge([], "viewer_count", None)) == []


def test_reads_no_more_pages_than_the_order_takes(signed_in: Any, answers: Any) -> None:
    greatest = sorted(VIEWERS, key=lambda each: -VIEWERS[each])
    replies = [
        answer(answers, *greatest[:100], cursor="a"),
        answer(answers, *greatest[200:], cursor="b"),
        answer(answers, *greatest[100:200], cursor="c"),
    ]
    checked = query("streams", {"game_id": [str(n) for n in range(101)]}, max_items=120, split=True)
    played = signed_in.play(walk(signed_in.session, checked), replies)
    assert [row["id"] for row in played.rows] == greatest[:120]
    assert played.cursors == [None, None, "a"]


def test_a_row_of_two_requests_comes_once(signed_in: Any, answers: Any) -> None:
    checked = query("streams", {"game_id": [str(n) for n in range(101)]}, split=True)
    replies = [answer(answers, "1", "2"), answer(answers, "2", "3")]
    rows = signed_in.play(walk(signed_in.session, checked), replies).rows
    assert [row["id"] for row in rows] == ["3", "2", "1"]


@pytest.mark.parametrize("odd", [None, "7", {"id": "7"}, {"id": "7", "viewer_count": "9"}])
def test_a_row_without_viewers_is_the_last(signed_in: Any, answers: Any, odd: Any) -> None:
    checked = query("streams", {"game_id": [str(n) for n in range(101)]}, split=True)
    replies = [answers.ok({"data": [odd]}), answer(answers, "1")]
    rows = signed_in.play(walk(signed_in.session, checked), replies).rows
    assert rows == [{"id": "1", "viewer_count": 7}, odd]


def test_an_error_of_one_request_is_the_error_of_all(signed_in: Any, answers: Any) -> None:
    checked = query("streams", {"game_id": [str(n) for n in range(101)]}, split=True)
    with pytest.raises(TwitchServerError, match="page 1, 1 rows read so far"):
        signed_in.play(walk(signed_in.session, checked), [answer(answers, "1"), *[answers.error(500)] * 4])


def test_closing_it_closes_every_request(signed_in: Any, answers: Any) -> None:
    checked = query("streams", {"game_id": [str(n) for n in range(101)]}, split=True)
    steps = walk(signed_in.session, checked)
    assert isinstance(next(steps), Send)
    assert signed_in.session.limiter.in_flight == 1
    steps.close()
    assert signed_in.session.limiter.in_flight == 0
