# SPDX-License-Identifier: Apache-2.0
"""Broadcasters missing from the walks: how they are looked up, and the estimate of completeness."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from tests.crawl.lists import Live, crowd, page

from twitch_provider.crawl.reconciliation import FEW_ROWS, Reconciliation, batches, look_up
from twitch_provider.exceptions import TwitchRequestError

WHOLE = Reconciliation(known_seen=900, recovered=90, ended=110, new_broadcasters=100)
BATCH = tuple(f"m{number}" for number in range(100))


def rows(users: Sequence[str]) -> list[Live]:
    return [(user, 5) for user in users]


# --- looking broadcasters up -----------------------------------------------------------------------------


def test_a_request_has_a_hundred_broadcasters() -> None:
    missing = [f"gone-{number:03}" for number in range(250)]
    found = batches(reversed(missing), known=400)
    assert [len(batch) for batch in found] == [100, 100, 50]
    assert [user for batch in found for user in batch] == missing


@pytest.mark.parametrize(("known", "asked"), [(2_500, 2_000), (40_000, 10_000)])
def test_there_is_a_limit_to_how_many_are_looked_up(known: int, asked: int) -> None:
    found = batches([f"gone-{number}" for number in range(known)], known=known)
    assert sum(map(len, found)) == asked


def test_returns_the_languages_of_those_that_are_live(signed_in: Any) -> None:
    played = signed_in.play(
        look_up(signed_in.session, ("gone", "m1", "m2")), [page(rows(["m2", "m1"]), language="de")]
    )
    assert played.result == {"m1": "de", "m2": "de"}
    params = played.sent[-1].params
    assert [value for name, value in params if name == "user_id"] == ["gone", "m1", "m2"]
    assert ("first", "100") in params


def test_a_refusal_that_is_not_of_a_broadcaster_stays_one(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchRequestError, match="403"):
        signed_in.play(look_up(signed_in.session, ("m1",)), [answers.error(403, "Forbidden")])


PAGES = {
    "a full page has a next one": ([page(rows(BATCH[:98]), "more"), page(rows(BATCH[98:]), "yet more")], 100),
    "a page that is not full is the last": ([page(rows(BATCH[:60]), "more")], 60),
    "an empty page has a next one": ([page((), "on"), page(rows(BATCH[:60]))], 60),
    "empty pages end": ([page((), f"on {number}") for number in range(3)], 0),
    "pages of other broadcasters end": ([page(crowd(1, 100), "more")], 0),
    "the same page again ends": ([page(rows(BATCH[:95]), "more")] * 2, 95),
}


@pytest.mark.parametrize(("replies", "live"), PAGES.values(), ids=PAGES.keys())
def test_follows_the_cursor_while_there_is_more(signed_in: Any, replies: list[Any], live: int) -> None:
    played = signed_in.play(look_up(signed_in.session, BATCH), replies)
    assert len(played.result) == live
    assert len(played.sent) == len(replies)
    assert all(("user_id", "m99") in request.params for request in played.sent)


def test_counts_those_that_were_looked_up() -> None:
    counts = Reconciliation(unresolved=150)
    counts.resolve(asked=100, live=30)
    assert counts == Reconciliation(recovered=30, ended=70, unresolved=50)


# --- the estimate ----------------------------------------------------------------------------------------


def test_one_pass_is_the_part_of_the_known_streams_that_the_walks_found() -> None:
    assert WHOLE.one_pass == 900 / 990


def test_of_the_new_as_many_are_missed_as_of_the_known() -> None:
    # The walks found 10 of 11 known ones: with 100 new ones found there are 110.
    found = 900 + 90 + 100
    assert WHOLE.completeness == pytest.approx(float(Fraction(found, found + 10)))


def test_of_the_unresolved_as_many_are_live_as_of_those_that_were_looked_up() -> None:
    some = Reconciliation(known_seen=900, recovered=90, ended=10, unresolved=10)
    assert some.completeness == pytest.approx(990 / (990 + 10 * 91 / 101))


def test_if_nobody_could_be_looked_up_all_of_them_may_be_live() -> None:
    assert Reconciliation(known_seen=900, unresolved=100).completeness == pytest.approx(0.9)


def test_all_that_are_live_is_all() -> None:
    assert Reconciliation(known_seen=900, ended=100, new_broadcasters=77).completeness == 1.0


@pytest.mark.parametrize(
    ("counts", "completeness"),
    [
        (Reconciliation(), None),
        (Reconciliation(new_broadcasters=500), None),
        (Reconciliation(ended=FEW_ROWS), None),
        (Reconciliation(ended=FEW_ROWS + 1), 0.0),
        (Reconciliation(unresolved=1), 0.0),
        (Reconciliation(recovered=1), 0.0),
        (Reconciliation(recovered=5_000, new_broadcasters=500), 0.0),
    ],
)
def test_if_the_walks_found_nobody_that_was_known(counts: Reconciliation, completeness: float | None) -> None:
    assert counts.completeness == completeness
