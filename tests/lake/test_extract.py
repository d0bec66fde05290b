# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.extract import TOO_LATE, Extract, find, is_too_late, keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.raw import RawPage

Make = Callable[..., Any]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


@pytest.fixture
def pages(page: Make, stream: Make, run_after: datetime) -> list[RawPage]:
    later = run_after + timedelta(seconds=40)
    return [page("streams", [stream()]), page("streams", [], answered_at=later)]


def test_keeps_pages_and_says_what_they_took(store: Any, keys: SnapshotKeys, pages: list[RawPage]) -> None:
    extract = keep(store, keys, "top_games", pages, tally={"requests": 5, "tokens": 1})
    assert (extract.requests, extract.transport, extract.raw.rows) == (5, {"tokens": 1}, 2)
    assert [extract.first_answer_at, extract.last_answer_at] == [page.answered_at for page in pages]
    assert extract.pages(store) == pages


def test_goes_through_xcom(store: Any, keys: SnapshotKeys, pages: list[RawPage]) -> None:
    extract = keep(store, keys, "top_games", pages, tally={"requests": 5})
    assert Extract.from_xcom(extract.as_xcom()) == extract


def test_not_one_page_is_an_error(store: Any, keys: SnapshotKeys) -> None:
    with pytest.raises(TwitchDataError, match="no page was read"):
        keep(store, keys, "top_games", [], tally={})
    assert store.objects == {}


def test_finds_nothing_where_nothing_was_kept(store: Any, keys: SnapshotKeys) -> None:
    assert find(store, keys, "top_games") is None


def test_a_page_stands_for_a_request_where_the_manifest_is_gone(
    store: Any, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    kept = keep(store, keys, "top_games", pages, tally={"requests": 5, "tokens": 1})
    found = find(store, keys, "top_games")
    assert found is not None
    assert (found.raw, found.requests, found.transport) == (kept.raw, 2, {})


@pytest.mark.parametrize("change", ["gone", "another"])
def test_pages_that_extract_did_not_write_are_an_error(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], change: str
) -> None:
    extract = keep(store, keys, "top_games", pages, tally={})
    if change == "gone":
        del store.objects[extract.raw.key]
    else:
        keep(store, keys, "top_games", pages[:1], tally={})
    with pytest.raises(TwitchDataError, match="memory://"):
        extract.pages(store)


@pytest.mark.parametrize(
    ("late", "too_late"), [(timedelta(0), False), (TOO_LATE, False), (TOO_LATE * 2, True)]
)
def test_is_too_late_after_two_intervals_and_a_little(
    run_after: datetime, late: timedelta, too_late: bool
) -> None:
    assert is_too_late(run_after, run_after + late) is too_late
