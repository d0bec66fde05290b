# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchOwnerError, TwitchRawObjectError, TwitchStoreError
from twitch_provider.lake.extract import Extract, find, find_incomplete, keep, set_aside
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawPage

Make = Callable[..., Any]

REPORT = {
    "complete": True,
    "requests": 9,
    "languages": {"de": 2},
    "language_walks": [{"label": "de", "pages": 2}],
}


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


@pytest.fixture
def pages(page: Make, stream: Make, run_after: datetime) -> list[RawPage]:
    later = run_after + timedelta(seconds=40)
    return [page("streams", [stream()]), page("streams", [], answered_at=later)]


@pytest.fixture
def raw(pages: list[RawPage], header: Make) -> Callable[..., RawObject]:
    """The raw object of a try; its header has some values changed, its pages come in another order."""

    def raw(*, backwards: bool = False, **values: Any) -> RawObject:
        return RawObject.of(pages[::-1] if backwards else pages, header(**values))

    return raw


def test_keeps_pages_and_says_what_they_are(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], raw: Make
) -> None:
    extract = keep(store, keys, "top_games", raw(backwards=True))
    assert (extract.raw.key, extract.raw.rows) == (keys.raw("top_games"), 2)
    assert (extract.raw.kind, extract.raw.dataset) == ("raw", "top_games")
    assert extract.header == raw().header
    assert [extract.first_answer_at, extract.last_answer_at] == [page.answered_at for page in pages]
    assert extract.clock_difference_seconds == 0
    assert extract.pages(store) == pages[::-1]
    assert [body.body for body in extract.bodies(store)] == [page.body for page in pages[::-1]]
    assert store.content_types[extract.raw.key] == "application/gzip"


def test_says_how_far_date_and_receipt_differ(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], header: Make
) -> None:
    late = replace(pages[1], received_at=pages[1].answered_at + timedelta(seconds=301.4))
    extract = keep(store, keys, "top_games", RawObject.of([pages[0], late], header()))
    assert extract.clock_difference_seconds == 301
    assert find(store, keys, "top_games") == extract


@pytest.mark.parametrize("values", [{}, {"report": REPORT}], ids=["pages", "crawl"])
def test_goes_through_xcom(store: Any, keys: SnapshotKeys, raw: Make, values: dict[str, Any]) -> None:
    extract = keep(store, keys, "top_games", raw(**values))
    sent = json.dumps(extract.as_xcom())
    received = Extract.from_xcom(json.loads(sent))
    assert received == extract
    assert len(received.pages(store)) == 2
    assert len(sent) < 1500


@pytest.mark.parametrize("change", [{"header": None}, {"raw": {"key": "x"}}, {"first_answer_at": 5}], ids=str)
def test_an_xcom_of_another_version_says_what_to_do(
    store: Any, keys: SnapshotKeys, raw: Make, change: dict[str, Any]
) -> None:
    sent = keep(store, keys, "top_games", raw()).as_xcom()
    with pytest.raises(TwitchRawObjectError, match=r"of another version: clear extract too"):
        Extract.from_xcom(sent | change)


def test_finds_nothing_where_nothing_was_kept(store: Any, keys: SnapshotKeys) -> None:
    assert find(store, keys, "top_games") is None


def test_finds_what_was_kept(store: Any, keys: SnapshotKeys, raw: Make) -> None:
    kept = keep(store, keys, "top_games", raw(report=REPORT))
    assert find(store, keys, "top_games") == kept


def test_a_second_try_builds_from_what_the_first_one_kept(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], raw: Make
) -> None:
    """It has asked Twitch too, and has other pages in hand."""
    first = keep(store, keys, "top_games", raw())
    second = keep(store, keys, "top_games", raw(backwards=True, try_id="89ef4567"))
    assert second == first
    assert second.header.try_id == "0123abcd"
    assert second.pages(store) == pages


def test_an_answer_of_the_store_that_was_lost_ends_in_the_same_object(
    store: Any, keys: SnapshotKeys, raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK sends the request again, and the store refuses that: there is one now."""
    create = store.create

    def create_twice(key: str, body: bytes, *, content_type: str) -> bool:
        create(key, body, content_type=content_type)
        return bool(create(key, body, content_type=content_type))

    monkeypatch.setattr(store, "create", create_twice)
    kept = keep(store, keys, "top_games", raw())
    assert kept == Extract.of(keys.raw("top_games"), "top_games", raw())


def test_what_another_run_or_task_keeps_is_left_alone(store: Any, keys: SnapshotKeys, raw: Make) -> None:
    keep(store, keys, "top_games", raw(owner=Owner("d", "r", "other")))
    before = dict(store.objects)
    with pytest.raises(TwitchOwnerError, match=r"memory://twitch/raw/.* belongs to task other of run 'r'"):
        keep(store, keys, "top_games", raw(owner=Owner("d", "r", "t")))
    assert store.objects == before


def test_what_vanishes_while_it_is_looked_at_is_worth_a_retry(
    store: Any, keys: SnapshotKeys, raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "create", lambda *_, **__: False)
    with pytest.raises(TwitchStoreError, match="was there and is not any more") as lost:
        keep(store, keys, "top_games", raw())
    assert not lost.value.fatal


@pytest.mark.parametrize("read", [Extract.pages, lambda extract, store: list(extract.bodies(store))])
@pytest.mark.parametrize("change", ["gone", "another"])
def test_pages_that_extract_did_not_write_are_an_error(
    store: Any, keys: SnapshotKeys, raw: Make, read: Make, change: str
) -> None:
    extract = Extract.from_xcom(keep(store, keys, "top_games", raw()).as_xcom())
    if change == "gone":
        del store.objects[extract.raw.key]
    else:
        store.objects[extract.raw.key] = raw(backwards=True).body
    with pytest.raises(
        TwitchRawObjectError, match="is missing" if change == "gone" else "is not what extract"
    ):
        read(extract, store)


@pytest.mark.parametrize("body", [b"", b"no gzip", "cut"], ids=str)
def test_a_damaged_raw_object_names_its_key_and_the_way_out(
    store: Any, keys: SnapshotKeys, raw: Make, body: Any
) -> None:
    store.objects[keys.raw("top_games")] = raw().body[:-9] if body == "cut" else body
    for look in (find, functools.partial(keep, raw=raw())):
        with pytest.raises(TwitchRawObjectError) as refused:
            look(store, keys, "top_games")
        assert refused.value.fatal
        assert str(refused.value).startswith(
            f"No snapshot can be made of memory://{keys.raw('top_games')} (the raw object "
        )
        assert "damaged): delete it by hand" in str(refused.value)


# --- a crawl that was cut short -----------------------------------------------


def lacking(raw: Make, **values: Any) -> RawObject:
    made: RawObject = raw(report={"complete": False}, **values)
    return made


def test_each_try_sets_its_pages_aside_under_its_own_digits(
    store: Any, keys: SnapshotKeys, raw: Make
) -> None:
    extracts = [set_aside(store, keys, "all_streams", lacking(raw, try_id=name)) for name in ("a1", "b2")]
    assert [extract.raw.key for extract in extracts] == [
        keys.incomplete_raw("all_streams", name) for name in ("a1", "b2")
    ]
    assert find(store, keys, "all_streams") is None
    assert len(store.objects) == 2


def found(store: Any, keys: SnapshotKeys) -> list[str]:
    owner = Owner("twitch_top_games", "scheduled__2026-11-23T16:35:00", "extract")
    return [each.header.try_id for each in find_incomplete(store, keys, "all_streams", owner)]


def test_finds_the_newest_of_them_first(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], header: Make
) -> None:
    for name, seconds in (("a1", 9), ("b2", 20), ("c3", 5)):
        at = pages[0].answered_at + timedelta(seconds=seconds)
        raw = RawObject.of(
            [replace(pages[0], answered_at=at, received_at=at)],
            header(report={"complete": False}, try_id=name),
        )
        set_aside(store, keys, "all_streams", raw)
    assert found(store, keys) == ["b2", "a1", "c3"]


def test_only_what_can_be_read_of_a_crawl_of_this_run_is_found(
    store: Any, keys: SnapshotKeys, raw: Make
) -> None:
    assert found(store, keys) == []
    set_aside(store, keys, "all_streams", lacking(raw, try_id="a1"))
    store.objects[keys.incomplete_raw("all_streams", "b2")] = b"damaged"
    # Pages that cleaning refused lie there too.
    set_aside(store, keys, "all_streams", raw(try_id="c3", report=REPORT))
    set_aside(store, keys, "by_language", lacking(raw, try_id="d4"))
    later = replace(keys, run_after=keys.run_after + timedelta(minutes=5))
    set_aside(store, later, "all_streams", lacking(raw, try_id="e5"))
    # Another run's of the same second.
    set_aside(store, keys, "all_streams", lacking(raw, try_id="f6", owner=Owner("d", "another", "crawl")))
    assert found(store, keys) == ["a1"]


def test_a_date_that_is_not_believed_is_not_built_from(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], header: Make
) -> None:
    late = [replace(page, received_at=page.answered_at + timedelta(hours=2)) for page in pages]
    for name, loopback in (("a1", False), ("b2", True)):
        values = header(report={"complete": False}, try_id=name, loopback=loopback)
        set_aside(store, keys, "all_streams", RawObject.of(late, values))
    assert found(store, keys) == ["b2"]
