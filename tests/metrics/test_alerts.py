# SPDX-License-Identifier: Apache-2.0
"""Each alert once, each all-clear once, and the same again for a run that is repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore
from tests.pipelines.tries import SteppedStore, Try

from twitch_provider.exceptions import TwitchStoreError
from twitch_provider.lake.instants import utc_text
from twitch_provider.metrics.alerts import FORGOTTEN, REMEMBERED, Message, State, Told, tell
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.missed import scopes_due
from twitch_provider.metrics.situation import Found
from twitch_provider.metrics.watch import WatchList

KEY = "metrics/alerts/state.json"
Make = Callable[..., Any]


@dataclass
class Here:
    """A situation by hand."""

    active: dict[str, Message] = field(default_factory=dict)
    over: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def is_known(self, name: str, alert: Message) -> bool:
        return name not in self.unknown

    def all_clear(self, name: str, alert: Message) -> Message | None:
        return {"text": f"{name} is over", "began": alert["at"]} if name in self.over else None


def alert(name: str, at: str = "2026-11-23T12:00:00Z") -> Message:
    return {"text": name, "at": at}


def here(*names: str, over: str = "", unknown: str = "") -> Here:
    return Here({name: alert(name) for name in names}, frozenset(over.split()), frozenset(unknown.split()))


class Runs:
    """Runs of the task, five minutes apart."""

    def __init__(self, noon: datetime) -> None:
        self.store, self._noon = MemoryStore(), noon

    def run(self, number: float, situation: Here) -> Told:
        tick = self._noon + timedelta(minutes=5 * number)
        return tell(self.store, KEY, lambda: situation, f"twitch_metrics/{number}", tick)

    @property
    def open(self) -> set[str]:
        return set(json.loads(self.store.objects[KEY])["open"]) if KEY in self.store.objects else set()


@pytest.fixture
def runs(noon: datetime) -> Runs:
    return Runs(noon)


def texts(told: Told) -> tuple[list[str], list[str]]:
    return [each["text"] for each in told.alerts], [each["text"] for each in told.all_clears]


def test_an_alert_is_told_once_and_its_all_clear_once(runs: Runs) -> None:
    assert not runs.run(0, here())
    assert texts(runs.run(1, here("b", "a"))) == (["a", "b"], [])
    assert not runs.run(2, here("b", "a", over="a b"))
    assert texts(runs.run(3, here("b", over="a"))) == ([], ["a is over"])
    assert not runs.run(4, here("b", over="a"))
    assert texts(runs.run(5, here("a", over="b"))) == (["a"], ["b is over"])
    assert runs.open == {"a"}


def test_what_cannot_be_decided_stays_open_and_is_forgotten_after_a_month(runs: Runs) -> None:
    runs.run(0, here("a", "b"))
    assert not runs.run(1, here())
    assert runs.open == {"a", "b"}
    assert not runs.run(2, here(unknown="b"))
    assert runs.open == {"a"}
    assert not runs.run(FORGOTTEN / timedelta(minutes=5), here())
    assert runs.open == set()


def test_a_run_that_has_nothing_to_tell_and_nothing_to_change_writes_nothing(runs: Runs) -> None:
    runs.run(0, here())
    assert runs.store.objects == {}
    runs.run(1, here("a"))
    before = dict(runs.store.objects)
    runs.run(2, here("a"))
    assert runs.store.objects == before


def test_a_run_that_is_repeated_tells_the_same_whatever_is_the_case_then(runs: Runs) -> None:
    first = runs.run(1, here("a"))
    later = runs.run(2, here("b", over="a"))
    assert runs.run(1, here("c", over="b")) == first
    assert runs.run(2, here()) == later
    assert runs.open == {"b"}


def test_runs_are_remembered_for_a_week(runs: Runs) -> None:
    for number in range(4):
        runs.run(number, here("a", over="b") if number % 2 else here("b", over="a"))
    assert len(json.loads(runs.store.objects[KEY])["runs"]) == 4
    last = REMEMBERED / timedelta(minutes=5) + 1.5
    runs.run(last, here("c"))
    assert [*json.loads(runs.store.objects[KEY])["runs"]] == [
        f"twitch_metrics/{number}" for number in (2, 3, last)
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b'{"form": 2, "open": {}, "runs": {}}',
        b'{"form": 1, "open": {"a": {}}, "runs": {}}',
        b'{"form": 1, "open": [], "runs": {}}',
        b'{"form": 1, "open": {}, "runs": {"x": {"run_after": "2026-11-23T12:00:00Z"}}}',
    ],
)
def test_a_state_that_cannot_be_read_is_a_sentence_and_does_not_tell_everything_again(
    runs: Runs, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    runs.store.objects[KEY] = body
    assert not runs.run(1, here("a"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"memory://{KEY} cannot be read, or is of another version: beginning anew")
    assert texts(runs.run(2, here("b", over="a"))) == (["b"], ["a is over"])


def test_a_state_survives_texts_of_any_kind(runs: Runs) -> None:
    odd = {"text": "\ud800 <script> \u2028", "at": "2026-11-23T12:00:00Z"}
    runs.run(0, Here({"a \ud800": odd}))
    assert not runs.run(1, Here({"a \ud800": odd}))


# --- two tries at once -----------------------------------------------------------------------------------


def test_no_order_of_steps_of_two_tries_tells_anything_twice_or_not_at_all(noon: datetime) -> None:
    """One run has two tries, of which the first may be frozen, killed or lose an answer at each step."""
    for fate in ("go", "lose", "kill"):
        for before in range(6):
            store = SteppedStore()

            def task(store: SteppedStore = store) -> Told:
                return tell(store, KEY, lambda: here("a"), "run", noon)

            one, two = Try(task), Try(task)
            one.steps(before)
            if not one.done:
                one.step(fate)
            two.finish()
            if fate != "kill":
                one.finish()
            told = [each.result for each in (one, two) if each.done and each.error is None and each.result]
            assert told
            assert all(texts(each) == (["a"], []) for each in told)
            state = State.from_json(store.objects[KEY])
            assert state is not None
            assert [*state.runs] == ["run"]


def test_a_state_that_changes_all_the_time_is_an_error(noon: datetime) -> None:
    class Busy(MemoryStore):
        def replace(self, *_: Any, **__: Any) -> bool:
            return False

    with pytest.raises(TwitchStoreError, match="another run is at work"):
        tell(Busy(), KEY, lambda: here("a"), "run", noon)


# --- snapshots that have stopped -------------------------------------------------------------------------


class Clocked:
    """Runs that look for silent scopes."""

    def __init__(self, noon: datetime) -> None:
        self.store, self.noon, self.snapshots = MemoryStore(), noon, list[Any]()

    def run(self, minutes: float) -> tuple[list[str], list[str]]:
        now = self.noon + timedelta(minutes=minutes)
        there = [each for each in self.snapshots if each.run_after <= now]
        scopes = scopes_due(there, make_clock(there), now)
        told = tell(
            self.store, KEY, lambda: Found(scopes, ({}, {}), {}, WatchList(())), f"run {minutes}", now
        )
        return texts(told)


@pytest.fixture
def clocked(noon: datetime) -> Clocked:
    return Clocked(noon)


def test_a_missed_snapshot_is_told_once_and_once_more_when_snapshots_count_again(
    clocked: Clocked, snapshot: Make
) -> None:
    clocked.snapshots = [snapshot(minutes) for minutes in (-5, 0, 40, 45)]
    assert clocked.run(4) == clocked.run(11) == ([], [])  # two intervals and a minute
    stopped = (
        "No snapshot of all_streams counts since 2026-11-23T12:00:02Z, and one is due every 5 minutes: look "
        "at the runs of twitch_all_streams."
    )
    assert clocked.run(11.1) == ([stopped], [])
    assert clocked.run(19) == clocked.run(34) == ([], [])
    again = "Snapshots of all_streams count again since 2026-11-23T12:40:02Z, after 40 minutes without one."
    assert clocked.run(41) == ([], [again])
    assert clocked.run(46) == ([], [])


def test_snapshots_that_do_not_count_are_missed_too(clocked: Clocked, snapshot: Make) -> None:
    clocked.snapshots = [snapshot(0), *(snapshot(minutes, complete=False) for minutes in (5, 10))]
    ((text,), _) = clocked.run(14)
    assert text.endswith(" 2 newer ones do not count (incomplete).")
    clocked = Clocked(clocked.noon)
    clocked.snapshots = [snapshot(minutes, complete=False) for minutes in (0, 5, 10)]
    ((text,), _) = clocked.run(14)
    assert text.endswith(" 3 newer ones do not count (incomplete).")
    clocked.snapshots.append(snapshot(15))
    assert clocked.run(19)[1] == [
        "Snapshots of all_streams count again since 2026-11-23T12:15:02Z, after 15 minutes without one."
    ]


def test_a_dag_that_is_paused_or_deleted_for_good_is_told_once(clocked: Clocked, snapshot: Make) -> None:
    clocked.snapshots = [snapshot(0)]
    assert clocked.run(20)[0]
    later = [clocked.run(60 * hours) for hours in (12, 47, 49, 71, 73, 24 * 31)]
    assert later == [([], [])] * 6
    assert json.loads(clocked.store.objects[KEY])["open"] == {}


def test_a_scope_that_was_silent_for_two_days_before_anybody_looked_is_not_told(
    clocked: Clocked, snapshot: Make
) -> None:
    clocked.snapshots = [snapshot(0)]
    assert clocked.run(49 * 60) == ([], [])
    clocked.snapshots += [snapshot(49 * 60 + 5), snapshot(49 * 60 + 10)]
    assert clocked.run(49 * 60 + 14) == ([], [])


def test_a_scope_that_its_dag_no_longer_asks_for_is_not_silent(clocked: Clocked, snapshot: Make) -> None:
    clocked.snapshots = [
        snapshot(0, scope="top 20"),
        *(snapshot(5 * each, scope="top 30") for each in range(1, 9)),
    ]
    assert clocked.run(41) == ([], [])
    # Another DAG of the same scope is at work.
    clocked.snapshots.append(snapshot(41, scope="top 20", dag_id="other"))
    assert clocked.run(44) == ([], [])


@pytest.mark.parametrize("changed", [{"interval_seconds": None}, {"run_type": "manual"}])
def test_where_no_snapshot_is_due_none_is_missed(
    clocked: Clocked, snapshot: Make, changed: dict[str, Any]
) -> None:
    clocked.snapshots = [snapshot(0, **changed)]
    assert clocked.run(600) == ([], [])


def test_a_scope_has_the_interval_of_its_newest_snapshot(clocked: Clocked, snapshot: Make) -> None:
    clocked.snapshots = [snapshot(0), snapshot(5, interval_seconds=1800)]
    assert clocked.run(65) == ([], [])
    ((text,), _) = clocked.run(70)
    assert "one is due every 30 minutes" in text


def test_a_late_snapshot_is_counted_by_its_instant(clocked: Clocked, snapshot: Make, noon: datetime) -> None:
    late = noon + timedelta(minutes=9)
    clocked.snapshots = [snapshot(0, instant=late), snapshot(-10)]
    assert clocked.run(19) == ([], [])
    assert utc_text(late, "late") in clocked.run(21)[0][0]
