# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.lake.crashing import CrashingStore

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.extract import Extract, find, keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.raw_lines import RawObject, RawPage

Make = Callable[..., Any]


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


@pytest.fixture
def pages(page: Make, stream: Make, run_after: datetime) -> list[RawPage]:
    later = run_after + timedelta(seconds=40)
    return [page("streams", [stream()]), page("streams", [], answered_at=later)]


def test_keeps_pages_and_says_what_they_took(store: Any, keys: SnapshotKeys, pages: list[RawPage]) -> None:
    extract = keep(store, keys, "top_games", RawObject.of(pages), stats={"requests": 5, "tokens": 1})
    assert (extract.requests, extract.transport, extract.raw.rows) == (5, {"tokens": 1}, 2)
    assert [extract.first_answer_at, extract.last_answer_at] == [page.answered_at for page in pages]
    assert extract.pages(store) == pages


def test_goes_through_xcom(store: Any, keys: SnapshotKeys, pages: list[RawPage]) -> None:
    extract = keep(store, keys, "top_games", RawObject.of(pages), stats={"requests": 5})
    assert Extract.from_xcom(extract.as_xcom()) == extract


def test_finds_nothing_where_nothing_was_kept(store: Any, keys: SnapshotKeys) -> None:
    assert find(store, keys, "top_games") is None


def test_assumes_a_request_per_page_without_a_manifest(
    store: Any, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    kept = keep(store, keys, "top_games", RawObject.of(pages), stats={"requests": 5, "tokens": 1})
    found = find(store, keys, "top_games")
    assert found is not None
    assert (found.raw, found.requests, found.transport) == (kept.raw, 2, {})


@pytest.mark.parametrize("change", ["gone", "another"])
def test_pages_that_extract_did_not_write_are_an_error(
    store: Any, keys: SnapshotKeys, pages: list[RawPage], change: str
) -> None:
    extract = keep(store, keys, "top_games", RawObject.of(pages), stats={})
    if change == "gone":
        del store.objects[extract.raw.key]
    else:
        keep(store, keys, "top_games", RawObject.of(pages[:1]), stats={})
    with pytest.raises(TwitchDataError, match="memory://"):
        extract.pages(store)


REPORT = {
    "complete": True,
    "requests": 9,
    "languages": {"de": 2},
    "language_walks": [{"label": "de", "pages": 2}],
}


@pytest.fixture
def crashing() -> CrashingStore:
    return CrashingStore()


def crawl(store: CrashingStore, keys: SnapshotKeys, pages: list[RawPage], **report: Any) -> Extract:
    raw = RawObject.of(pages, {**REPORT, **report})
    return keep(store, keys, "all_streams", raw, stats={"requests": 9, "tokens": 1})


def test_keeps_a_crawl_and_says_what_it_took(
    crashing: CrashingStore, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    extract = crawl(crashing, keys, pages[::-1])
    assert (extract.requests, extract.transport, extract.report) == (9, {"tokens": 1}, REPORT)
    assert (extract.raw.key, extract.raw.rows) == (keys.raw("all_streams"), 2)
    assert extract.first_answer_at == pages[0].answered_at
    assert extract.last_answer_at == pages[1].answered_at
    assert [body.body for body in extract.bodies(crashing)] == [page.body for page in pages[::-1]]
    assert crashing.content_types[extract.raw.key] == "application/gzip"


def test_a_crawl_goes_through_xcom(crashing: CrashingStore, keys: SnapshotKeys, pages: list[RawPage]) -> None:
    extract = crawl(crashing, keys, pages)
    sent = json.dumps(extract.as_xcom())
    assert Extract.from_xcom(json.loads(sent)) == extract
    assert len(sent) < 1000


def test_reads_extracts_from_before_there_were_crawls(
    store: Any, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    extract = keep(store, keys, "top_games", RawObject.of(pages), stats={})
    value = extract.as_xcom()
    del value["report"]
    assert Extract.from_xcom(value) == extract


def test_a_run_that_is_too_late_finds_its_crawl(
    crashing: CrashingStore, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    kept = crawl(crashing, keys, pages)
    found = find(crashing, keys, "all_streams")
    assert found == replace(kept, transport={})


def test_assumes_a_request_per_page_where_the_report_does_not_say(
    crashing: CrashingStore, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    crawl(crashing, keys, pages, requests="many")
    found = find(crashing, keys, "all_streams")
    assert found is not None
    assert found.requests == 2


def test_a_report_without_a_page_is_an_error(store: Any, keys: SnapshotKeys) -> None:
    store.objects[keys.raw("all_streams")] = gzip.compress(json.dumps({"report": REPORT}).encode() + b"\n")
    with pytest.raises(TwitchDataError, match=r"memory://.*: The raw object holds no page\. Delete it"):
        find(store, keys, "all_streams")


def test_bodies_that_extract_did_not_write_are_an_error_before_the_first_is_read(
    crashing: CrashingStore, keys: SnapshotKeys, pages: list[RawPage]
) -> None:
    extract = crawl(crashing, keys, pages)
    crawl(crashing, keys, pages[:1])
    with pytest.raises(TwitchDataError, match="is not what extract wrote"):
        extract.bodies(crashing)
