# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore

from twitch_provider import __version__
from twitch_provider.config import LakeConfig
from twitch_provider.exceptions import TwitchOwnerError, TwitchRawObjectError, TwitchTooLateError
from twitch_provider.lake.extract import Extract, keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.raw_pages import RawPage
from twitch_provider.pipelines import run as run_module
from twitch_provider.pipelines.run import Run, tick

TICK = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
BEGAN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
ASKED = datetime(2026, 11, 23, 17, 40, tzinfo=UTC)


def airflow_2(run_type: str, *, end: datetime | None, logical_date: datetime) -> Any:
    return SimpleNamespace(run_type=run_type, data_interval_end=end, logical_date=logical_date)


def test_airflow_3_says_it() -> None:
    run = SimpleNamespace(
        run_after=TICK, logical_date=None, data_interval_end=None, run_type="asset_triggered"
    )
    assert tick(run) == TICK


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_scheduled_run_of_airflow_2_is_due_at_the_end_of_its_interval(run_type: str) -> None:
    assert tick(airflow_2(run_type, end=TICK, logical_date=BEGAN)) == TICK


@pytest.mark.parametrize("run_type", ["manual", "dataset_triggered"])
def test_a_run_of_airflow_2_that_was_asked_for_is_due_then_and_not_an_interval_earlier(run_type: str) -> None:
    assert tick(airflow_2(run_type, end=TICK, logical_date=ASKED)) == ASKED


def test_a_run_without_an_interval_is_due_at_its_logical_date() -> None:
    assert tick(airflow_2("scheduled", end=None, logical_date=TICK)) == TICK


# --- a run of a context --------------------------------------------------------

MINUTE = timedelta(minutes=1)
LAKE = LakeConfig("lake", "twitch", "")


class RunType(Enum):
    """As Airflow has it."""

    BACKFILL = "backfill"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(run_module, "open_store", lambda _config: store)
    return store


def context(
    minutes: float = 0,
    *,
    began: float | None = None,
    games: int = 20,
    catchup: bool = False,
    map_index: int = -1,
    **values: Any,
) -> dict[str, Any]:
    """What Airflow hands to a task whose run was due, and began, that many minutes ago."""
    known: dict[str, Any] = {"dag_id": "d", "run_id": "r", "run_type": "scheduled", "clear_number": 0}
    now = datetime.now(UTC)
    due = now - minutes * MINUTE
    if began is not None:
        known["start_date"] = now - began * MINUTE
    return {
        "dag": SimpleNamespace(params={"games": 20}, catchup=catchup),
        "dag_run": SimpleNamespace(**{**known, "run_after": due, **values}),
        "ti": SimpleNamespace(task_id="t", map_index=map_index),
        "params": {"games": games},
    }


@pytest.mark.parametrize("clear_number", [None, 0])
def test_a_run_that_nobody_cleared_asks_however_late(store: MemoryStore, clear_number: int | None) -> None:
    """A sensor may have waited for hours, and retries come late."""
    Run.open(context(300, clear_number=clear_number), LAKE).require_in_time("mine")


def test_an_airflow_without_a_number_of_clears_asks(store: MemoryStore) -> None:
    late = context(300)
    del late["dag_run"].clear_number
    Run.open(late, LAKE).require_in_time("mine")


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (context(13, clear_number=1), "it was cleared more than 12 minutes after its tick"),
        (context(13, catchup=True), "its DAG catches up, and it began more than 12 minutes after its tick"),
        (context(run_type="backfill"), "it is a backfill"),
        (context(run_type=RunType.BACKFILL), "it is a backfill"),
    ],
    ids=["cleared", "catchup", "backfill", "backfill as an enum"],
)
def test_there_is_nothing_to_ask_for(store: MemoryStore, late: dict[str, Any], reason: str) -> None:
    run = Run.open(late, LAKE)
    with pytest.raises(TwitchTooLateError) as refused:
        run.require_in_time("mine")
    assert refused.value.fatal
    assert str(refused.value) == (
        f"The run of {run.keys.tick} has no raw object, and Twitch cannot be asked about the past: {reason}. "
        "Leave it as it is, or trigger a new run."
    )


@pytest.mark.parametrize(
    "in_time",
    [
        {"minutes": 11, "clear_number": 1},
        {"minutes": 11, "catchup": True},
        # It began in time, and is retried.
        {"minutes": 300, "catchup": True, "began": 299},
        {"minutes": 300, "began": 0},
    ],
    ids=["cleared at once", "caught up at once", "a retry", "no catchup"],
)
def test_what_is_not_about_the_past_is_asked_for(store: MemoryStore, in_time: dict[str, Any]) -> None:
    Run.open(context(**in_time), LAKE).require_in_time("mine")


def test_a_dag_says_how_late_it_asks(store: MemoryStore) -> None:
    Run.open(context(11), LAKE, max_lateness=12 * MINUTE).require_in_time("mine")
    with pytest.raises(
        TwitchTooLateError, match="max_lateness is 12 minutes, and its tick is 60 minutes ago"
    ):
        Run.open(context(60), LAKE, max_lateness=12 * MINUTE).require_in_time("mine")


Keep = Callable[..., Extract]


def header_of(run: Run) -> RawHeader:
    return run.header(
        asks={"games": 20},
        writes={"file_format": "csv", "compression": "none"},
        stats={"requests": 5, "tokens": 1},
        loopback=True,
        points_left=700,
    )


@pytest.fixture
def kept(store: MemoryStore) -> Keep:
    """Keeps the raw object of a run, with some values of its header changed."""

    def kept(run: Run, **values: Any) -> Extract:
        header = replace(header_of(run), **values)
        page = RawPage("streams", (), TICK, TICK, b'{"data":[]}', [], None)
        return keep(store, run.keys, "mine", RawObject.of([page], header))

    return kept


def published(store: MemoryStore, run: Run, extracted: Extract) -> Manifest:
    keys = run.keys_of(extracted)
    complete = not extracted.header.cut_short
    return publish(store, keys, {}, extract=extracted, published_at=keys.run_after, complete=complete)


def test_a_run_finds_its_own_raw_object_however_late(store: MemoryStore, kept: Keep) -> None:
    late = context(300, clear_number=1)
    extracted = kept(Run.open(late, LAKE))
    assert Run.open(late, LAKE).find("mine") == extracted
    assert Run.open(late, LAKE).find("another") is None


@pytest.mark.parametrize(("then", "now"), [(2, 20), (20, 2)])
def test_a_rerun_is_as_ad_hoc_as_its_raw_object(store: MemoryStore, kept: Keep, then: int, now: int) -> None:
    """However the DAG, or what the run was given, has changed since."""
    first = context(5, games=then)
    extracted = kept(Run.open(first, LAKE))
    run = Run.open({**first, "params": {"games": now}}, LAKE)
    assert run.find("mine") == extracted
    assert run.keys_of(extracted).adhoc is (then == 2)
    assert run.keys.adhoc is (now == 2)


OTHERS = [
    ({"run_id": "r2"}, "task t of run 'r2' of DAG d", "have the same second: trigger this one again"),
    ({"task_id": "u"}, "task u of run 'r'", "give each task, and each mapped one, a dataset of its own"),
    ({"map_index": 3}, r"task t[3] of run 'r'", "give each task, and each mapped one, a dataset of its own"),
    ({"dag_id": "copy"}, "of DAG copy", "give one of the DAGs another prefix or dataset"),
]


@pytest.mark.parametrize(("other", "named", "remedy"), OTHERS, ids=str)
def test_another_owner_of_the_raw_object_is_named(
    store: MemoryStore, kept: Keep, other: dict[str, Any], named: str, remedy: str
) -> None:
    run = Run.open(context(), LAKE)
    extracted = kept(run, owner=replace(run.owner, **other))
    with pytest.raises(TwitchOwnerError, match=re.escape(remedy)) as refused:
        run.find("mine")
    assert str(refused.value).startswith(f"memory://{extracted.raw.key} belongs to ")
    assert named in str(refused.value)


def test_an_ad_hoc_run_and_a_regular_one_of_the_same_second_do_not_meet(
    store: MemoryStore, kept: Keep
) -> None:
    regular = context()
    kept(Run.open(regular, LAKE))
    adhoc = {**regular, "params": {"games": 2}}
    adhoc["dag_run"] = SimpleNamespace(**{**vars(regular["dag_run"]), "run_id": "by hand"})
    run = Run.open(adhoc, LAKE)
    assert run.find("mine") is None
    run.require_in_time("mine")


def test_a_damaged_raw_object_is_an_error_that_names_it(store: MemoryStore) -> None:
    run = Run.open(context(), LAKE)
    store.objects[run.keys.raw("mine")] = b"damaged"
    with pytest.raises(TwitchRawObjectError, match=re.escape(run.keys.raw("mine"))):
        run.find("mine")


@pytest.mark.parametrize("games", [20, 2], ids=["regular", "ad hoc"])
def test_a_run_with_a_manifest_whose_raw_object_has_expired_does_not_ask(
    store: MemoryStore, kept: Keep, games: int
) -> None:
    first = context(games=games)
    run = Run.open(first, LAKE)
    extracted = kept(run)
    published(store, run, extracted)
    del store.objects[extracted.raw.key]
    again = Run.open({**first, "params": {"games": 20}}, LAKE)
    assert again.find("mine") is None
    with pytest.raises(
        TwitchTooLateError, match=r"the run has its manifest .*, and its raw object has expired"
    ):
        again.require_in_time("mine")


def test_a_manifest_of_a_crawl_that_was_cut_short_does_not_keep_a_run_from_asking(
    store: MemoryStore, kept: Keep
) -> None:
    run = Run.open(context(), LAKE)
    extracted = kept(run, report={"complete": False})
    published(store, run, extracted)
    del store.objects[extracted.raw.key]
    run.require_in_time("mine")


@pytest.mark.parametrize(("other", "named", "remedy"), OTHERS[:3], ids=str)
def test_another_owner_of_the_manifest_is_named_before_twitch_is_asked(
    store: MemoryStore, kept: Keep, other: dict[str, Any], named: str, remedy: str
) -> None:
    run = Run.open(context(), LAKE)
    extracted = kept(run, owner=replace(run.owner, **other))
    published(store, run, extracted)
    del store.objects[extracted.raw.key]
    with pytest.raises(TwitchOwnerError, match=re.escape(remedy)) as refused:
        run.require_in_time("mine")
    assert str(refused.value).startswith(f"memory://{run.keys.manifest} belongs to ")
    assert named in str(refused.value)


def test_the_header_says_what_the_run_is_and_what_it_took(store: MemoryStore) -> None:
    run = Run.open(context(run_type="manual", map_index=3), LAKE, dataset="mine", interval=5 * MINUTE)
    assert run.keys == SnapshotKeys("twitch", "d.mine", run.keys.run_after)
    header = header_of(run)
    assert header.owner == Owner("d", "r", "t", 3)
    assert header.scope == {
        "asks": {"games": 20},
        "writes": {"file_format": "csv", "compression": "none"},
    }
    assert (header.adhoc, header.run_type, header.interval_seconds) == (False, "manual", 300)
    assert (header.requests, header.transport, header.points_left) == (5, {"tokens": 1}, 700)
    assert (header.loopback, header.provider_version, header.report) == (True, __version__, None)


def test_no_snapshot_is_due_beside_an_ad_hoc_run(store: MemoryStore) -> None:
    run = Run.open(context(games=2), LAKE, interval=5 * MINUTE)
    assert (run.changed, run.keys.adhoc) == (("games",), True)
    assert (header_of(run).adhoc, header_of(run).interval_seconds) == (True, None)


def test_what_may_be_the_runs_manifest_is_not_replaced(store: MemoryStore) -> None:
    """It is of another version, and its raw object has expired."""
    run = Run.open(context(), LAKE)
    store.objects[run.keys.manifest] = b"{}"
    assert run.why_not_ask("mine").endswith("cannot be read, and may be the manifest of this run")
    store.objects = {replace(run.keys, adhoc=True).manifest: b"{}"}
    assert run.why_not_ask("mine") == ""


def test_each_try_has_eight_random_hex_digits(store: MemoryStore) -> None:
    tries = {Run.open(context(), LAKE).try_id for _ in range(5)}
    assert len(tries) == 5
    assert all(re.fullmatch("[0-9a-f]{8}", each) for each in tries)
