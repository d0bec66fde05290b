# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore, stream_row
from tests.lake.crashing import check_manifests

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import (
    TwitchDataError,
    TwitchIncompleteError,
    TwitchOwnerError,
    TwitchRawObjectError,
    TwitchTooLateError,
)
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawBody
from twitch_provider.pipelines import all_streams
from twitch_provider.pipelines.run import Run

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
KEYS = SnapshotKeys("twitch", "d", TICK)
OWNER = Owner("d", "r", "t")
DATASET = "all_streams"
LATE = "it was cleared"


class Crawls:
    """Publishes as tries of one run, for which a crawl finds what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        self.asked = 0
        self._found: dict[str, Any] = {}
        monkeypatch.setattr(all_streams, "_crawl", self._crawl)

    def publish(
        self,
        *,
        rows: int = 4,
        refused: int = 0,
        complete: bool = True,
        date: datetime = TICK,
        loopback: bool = False,
        on_incomplete: str = "keep",
        file_format: Format | None = None,
        keys: SnapshotKeys = KEYS,
        late: str = "",
        **values: Any,
    ) -> dict[str, Any]:
        self._found = {
            "rows": rows,
            "refused": refused,
            "complete": complete,
            "date": date,
            "loopback": loopback,
        }
        run = Run(self.store, keys, **{"owner": OWNER, "refused": late, **values})
        options, hook = all_streams.CrawlOptions(on_incomplete=on_incomplete), object()
        written = file_format or Format(compression="gzip")
        return all_streams.publish(run, DATASET, options, hook, written)  # type: ignore[arg-type]

    def _crawl(
        self, run: Run, dataset: str, options: all_streams.CrawlOptions, hook: Any, file_format: Format
    ) -> RawObject:
        self.asked += 1
        found = self._found
        rows = [stream_row(id=str(n), user_id=str(n)) for n in range(found["rows"])]
        rows[: found["refused"]] = [stream_row(viewer_count=-1)] * found["refused"]
        body = json.dumps({"data": rows}).encode()
        report = {
            "complete": found["complete"],
            "completeness": 0.9,
            "broadcasters": len(rows),
            "why_incomplete": "" if found["complete"] else "language walk en: Twitch answered 500",
        }
        header = run.header(
            asks={"strategy": options.strategy},
            writes=file_format.as_dict(),
            stats={"requests": 3},
            loopback=found["loopback"],
            points_left=700,
            report=report,
        )
        return RawObject.of([RawBody("streams", (), found["date"], TICK, body)], header)

    @property
    def manifest(self) -> Manifest:
        return Manifest.from_json(self.store.objects[KEYS.manifest])


@pytest.fixture
def crawls(monkeypatch: pytest.MonkeyPatch) -> Crawls:
    return Crawls(monkeypatch)


@pytest.fixture
def looked_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on a try has looked, and found nothing, before another one wrote: it was frozen then."""

    def looked_before() -> None:
        monkeypatch.setattr(Run, "find", lambda *_: None)
        monkeypatch.setattr(Run, "why_not_ask", lambda *_: "")

    return looked_before


def test_a_run_crawls_once(crawls: Crawls) -> None:
    told = crawls.publish()
    before = dict(crawls.store.objects)
    assert (told["rows"], told["complete"], told["completeness"]) == (4, True, 0.9)
    # In the form of its raw object, whatever is asked for now, and however late it is.
    assert crawls.publish(rows=9, file_format=Format("parquet", "zstd"), late=LATE) == told
    assert crawls.asked == 1
    assert crawls.store.objects == before


def test_a_try_with_other_pages_in_hand_publishes_those_of_the_first(
    crawls: Crawls, looked_before: Callable[[], None]
) -> None:
    told = crawls.publish()
    before = dict(crawls.store.objects)
    looked_before()
    assert crawls.publish(rows=9) == told
    assert crawls.asked == 2
    assert crawls.store.objects == before


def test_a_frozen_crawl_that_was_cut_short_keeps_the_complete_snapshot(
    crawls: Crawls, looked_before: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    told = crawls.publish()
    before = dict(crawls.store.objects)
    looked_before()
    assert crawls.publish(rows=2, complete=False) == told
    assert {key: crawls.store.objects[key] for key in before} == before
    assert all("/incomplete/" in key for key in crawls.store.objects.keys() - before.keys())
    assert (
        "language walk en: Twitch answered 500. Keeping the complete snapshot of another try." in caplog.text
    )
    check_manifests(crawls.store)


def test_what_was_cut_short_lies_under_incomplete_with_the_trys_digits(crawls: Crawls) -> None:
    told = crawls.publish(complete=False, refused=1, try_id="0123abcd")
    assert told["complete"] is False
    assert crawls.store.objects.keys() == {
        KEYS.incomplete_raw(DATASET, "0123abcd"),
        KEYS.incomplete(DATASET, ".csv.gz", try_id="0123abcd"),
        KEYS.rejects(DATASET, try_id="0123abcd"),
        KEYS.manifest,
    }
    check_manifests(crawls.store)


def test_a_later_try_of_what_was_cut_short_asks_again(crawls: Crawls) -> None:
    crawls.publish(rows=2, complete=False, try_id="0000000a")
    first = crawls.store.objects[KEYS.manifest]
    # Another one that is cut short too does not replace it.
    assert crawls.publish(rows=3, complete=False, try_id="0000000b")["rows"] == 2
    assert crawls.store.objects[KEYS.manifest] == first
    told = crawls.publish(rows=4, try_id="0000000c")
    assert (told["rows"], told["complete"], crawls.asked) == (4, True, 3)
    assert crawls.manifest.complete
    assert crawls.publish() == told
    assert crawls.asked == 3
    check_manifests(crawls.store)


def test_too_late_a_run_publishes_what_its_manifest_lists(crawls: Crawls) -> None:
    told = crawls.publish(rows=2, complete=False, try_id="0000000a")
    crawls.publish(rows=3, complete=False, try_id="0000000b")
    before = dict(crawls.store.objects)
    # The table is built again.
    del crawls.store.objects[told["uri"].removeprefix("memory://")]
    assert crawls.publish(late=LATE) == told
    assert crawls.store.objects == before
    assert crawls.asked == 2


def test_too_late_a_run_without_a_manifest_publishes_the_newest_that_was_cut_short(crawls: Crawls) -> None:
    for name, second in (("0000000a", 2), ("0000000b", 9), ("0000000c", 5)):
        with pytest.raises(TwitchIncompleteError, match="Twitch answered 500"):
            crawls.publish(
                complete=False, on_incomplete="fail", try_id=name, date=TICK + timedelta(seconds=second)
            )
    assert KEYS.manifest not in crawls.store.objects
    told = crawls.publish(late=LATE)
    assert "_0000000b." in told["uri"]
    assert crawls.manifest.raw is not None
    assert crawls.manifest.raw.key == KEYS.incomplete_raw(DATASET, "0000000b")


def test_too_late_a_crawl_that_was_cut_short_may_be_a_failure_for_good(crawls: Crawls) -> None:
    with pytest.raises(TwitchIncompleteError):
        crawls.publish(complete=False, on_incomplete="fail")
    before = dict(crawls.store.objects)
    with pytest.raises(AirflowFailException, match=f"No later try can ask Twitch: {LATE}"):
        crawls.publish(on_incomplete="fail", late=LATE)
    assert crawls.store.objects == before


def test_too_late_a_run_with_nothing_fails_for_good(crawls: Crawls) -> None:
    with pytest.raises(TwitchTooLateError, match=f"cannot be asked about the past: {LATE}") as late:
        crawls.publish(late=LATE)
    assert late.value.fatal
    assert (crawls.asked, crawls.store.objects) == (0, {})


def test_too_late_what_another_run_read_is_not_published(crawls: Crawls) -> None:
    with pytest.raises(TwitchIncompleteError):
        crawls.publish(complete=False, on_incomplete="fail", owner=replace(OWNER, run_id="r2"))
    with pytest.raises(TwitchTooLateError):
        crawls.publish(late=LATE)


def test_another_run_of_the_same_second_is_named(crawls: Crawls, looked_before: Callable[[], None]) -> None:
    crawls.publish()
    before = dict(crawls.store.objects)
    other = replace(OWNER, run_id="r2")
    for _ in ("before it asks", "after it has asked"):
        with pytest.raises(TwitchOwnerError, match="two runs of this DAG have the same second"):
            crawls.publish(owner=other)
        assert crawls.store.objects == before
        looked_before()
    # What is cut short is set aside under digits of its own, before the manifest is looked at.
    with pytest.raises(TwitchOwnerError, match=r"manifests/d/.* belongs to task t of run 'r' of DAG d"):
        crawls.publish(complete=False, owner=other)
    assert {key: crawls.store.objects[key] for key in before} == before


def test_a_table_that_lacks_refused_rows_is_incomplete_and_its_raw_object_counts(crawls: Crawls) -> None:
    told = crawls.publish(rows=150, refused=2)
    assert told["complete"] is False
    assert crawls.store.objects.keys() == {
        KEYS.raw(DATASET),
        KEYS.incomplete(DATASET, ".csv.gz"),
        KEYS.rejects(DATASET),
        KEYS.manifest,
    }
    # No other try would be told something else.
    assert crawls.publish() == told
    assert crawls.asked == 1


def test_one_row_of_a_hundred_may_be_refused(crawls: Crawls) -> None:
    assert crawls.publish(rows=100, refused=1)["complete"] is True


def test_refused_rows_may_be_a_failure_for_good(crawls: Crawls) -> None:
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="Cleaning refused 2 of 100 rows"):
            crawls.publish(rows=100, refused=2, on_incomplete="fail")
    assert (crawls.asked, *crawls.store.objects) == (1, KEYS.raw(DATASET))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"rows": 0}, "Twitch lists not one live stream"),
        ({"refused": 4}, "Cleaning refused 4 of 4 rows (viewer_count: negative)"),
        ({"date": TICK - timedelta(minutes=61)}, "An answer of Twitch is dated 2026-11-23T15:34:00Z and"),
        ({"refused": 4, "complete": False}, "Cleaning refused 4 of 4 rows"),
    ],
    ids=str,
)
def test_pages_that_cannot_be_published_lie_apart_and_a_later_try_asks_again(
    crawls: Crawls, found: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TwitchDataError) as refused:
        crawls.publish(**found, try_id="0123abcd")
    (key,) = crawls.store.objects
    assert key == KEYS.incomplete_raw(DATASET, "0123abcd")
    assert not refused.value.fatal
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(f" The answers are kept in memory://{key}.")
    assert crawls.publish()["complete"] is True


def test_too_late_pages_that_cleaning_refused_are_nothing_to_publish(crawls: Crawls) -> None:
    with pytest.raises(TwitchDataError):
        crawls.publish(refused=4)
    with pytest.raises(TwitchTooLateError):
        crawls.publish(late=LATE)


def test_the_date_of_a_simulator_is_believed(crawls: Crawls) -> None:
    assert crawls.publish(date=TICK + timedelta(days=1), loopback=True)["complete"] is True
    assert crawls.manifest.clock_difference_seconds == 86_400


def test_a_damaged_raw_object_is_fatal_before_anything_is_withdrawn(crawls: Crawls) -> None:
    crawls.publish()
    raw = KEYS.raw(DATASET)
    for damaged in (b"damaged", crawls.store.objects[raw][:-5]):
        crawls.store.objects[raw] = damaged
        before = dict(crawls.store.objects)
        with pytest.raises(TwitchRawObjectError, match=rf"memory://{raw} .*: delete it by hand") as lost:
            crawls.publish()
        assert lost.value.fatal
        assert crawls.store.objects == before


def test_a_raw_object_that_cleaning_refuses_whole_is_fatal_before_anything_is_withdrawn(
    crawls: Crawls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that another version of the package took for sound."""
    crawls.publish()
    before = dict(crawls.store.objects)

    def refuse(*_: Any, **__: Any) -> Any:
        raise TwitchDataError("Not sound any more.")

    monkeypatch.setattr("twitch_provider.lake.all_streams.transform", refuse)
    with pytest.raises(TwitchRawObjectError, match=r"\(Not sound any more\): delete it by hand"):
        crawls.publish()
    assert crawls.store.objects == before


def test_a_rerun_keeps_place_and_form_whatever_the_dag_has_become(crawls: Crawls) -> None:
    told = crawls.publish(keys=replace(KEYS, adhoc=True), changed=("strategy",))
    assert told["adhoc"] is True
    before = dict(crawls.store.objects)
    assert {key.split("/")[1] for key in before} == {"adhoc"}
    assert crawls.publish(file_format=Format("parquet")) == told
    assert crawls.store.objects == before
