# SPDX-License-Identifier: Apache-2.0
"""No order in which tries are frozen, woken, or killed leaves a manifest of metrics that is false.

The steps are the real ones: each operation of :mod:`twitch_provider.metrics` on the store is one. Only the
tables are not computed: each has one row that says of which samples it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from tests.metrics.lake import NOON, Lake, stream
from tests.pipelines.tries import SteppedStore, Try

from twitch_provider.exceptions import TwitchDataError, TwitchStoreError
from twitch_provider.metrics.hours import publish_hours
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest
from twitch_provider.metrics.periods import Made, Work
from twitch_provider.metrics.tables import TABLES

KEYS = MetricsKeys("twitch")
TODAY = NOON.date()
HOUR = KEYS.manifest("hour", NOON)
#: Snapshots that arrive one after the other; the fourth replaces the third.
ARRIVALS = 4


class Store(SteppedStore):
    """A store that checks all manifests of metrics after each change."""

    def _check(self) -> None:
        for key, body in self.objects.items():
            if "/metrics/manifests/" not in key or b"being_written_by" in body:
                continue
            for each in MetricsManifest.from_json(body).objects:
                if self._digest(each.key) != each.sha256:
                    self.false.append(each.key)


def _arrivals() -> list[dict[str, bytes]]:
    lake = Lake()
    found: list[dict[str, bytes]] = []
    for number in range(ARRIVALS):
        lake.crawl(5 * min(number, 2), [stream(str(user), 100 + number) for user in range(number + 1)])
        if number == 2:
            third = {*lake.store.objects} - {*found[-1]}
        found.append(dict(lake.store.objects))
        if number == 2:
            for key in third:
                del lake.store.objects[key]
    return found


@pytest.fixture(scope="module")
def arrivals() -> list[dict[str, bytes]]:
    """What lies in the lake after each arrival."""
    return _arrivals()


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def tables(work: Work, *arguments: Any) -> Iterator[Made]:
        of = ", ".join(str(each.viewers) for each in work.needed)
        for name in ("clock", "site_hour", "games_hour"):
            rows = pa.table({"of": [of], "table": [name]}).to_reader()
            yield work._made(KEYS, TABLES[name], rows, arguments[-1])

    monkeypatch.setattr(Work, "tables", tables)


class Tries:
    """A lake in which snapshots arrive, and tries to publish its hour."""

    def __init__(self, arrivals: list[dict[str, bytes]]) -> None:
        self.store = Store()
        self._arrivals = arrivals
        self._arrived = 0
        self.arrive()

    def arrive(self) -> None:
        """Let the next snapshot arrive, if there is another one."""
        if self._arrived < len(self._arrivals):
            now = self._arrivals[self._arrived]
            for key in [key for key in self.store.objects if "/metrics/" not in key and key not in now]:
                del self.store.objects[key]
            self.store.objects |= now
            self._arrived += 1

    def make(self) -> Try:
        return Try(lambda: publish_hours(self.store, KEYS, [TODAY], until=TODAY))

    def finished(self) -> Try:
        made = self.make()
        made.finish()
        return made

    def check(self, started: list[Try]) -> None:
        assert self.store.false == []
        for each in started:
            assert each.error is None or isinstance(each.error, TwitchStoreError), each.error

    def check_newest(self) -> None:
        """What lies there is what a first run over these snapshots publishes."""
        other = Tries(self._arrivals[self._arrived - 1 : self._arrived])
        other.finished()
        assert self._published() == other._published()

    def _published(self) -> dict[str, bytes]:
        objects = self.store.objects.items()
        return {key: body for key, body in objects if "/metrics/" in key and "/index/" not in key}


Fresh = Callable[[], Tries]


@pytest.fixture
def fresh(arrivals: list[dict[str, bytes]]) -> Fresh:
    return lambda: Tries(arrivals)


def count_steps(tries: Tries) -> int:
    one, steps = tries.make(), 0
    while not one.done:
        one.step()
        steps += 1
    return steps


def writes(tries: Tries) -> int:
    """The number of the first step at which a try writes."""
    one = tries.make()
    for number in range(1000):
        one.step()
        if HOUR in tries.store.objects:
            one.finish()
            return number
    raise AssertionError


@pytest.mark.parametrize("published", [0, 1])
def test_a_try_is_frozen_at_each_step_while_another_one_sees_a_newer_snapshot(
    fresh: Fresh, published: int
) -> None:
    """The older try never replaces what the newer one has published."""

    def made() -> Tries:
        tries = fresh()
        for _ in range(published):
            tries.finished()
            tries.arrive()
        return tries

    steps, first = count_steps(made()), writes(made()) if not published else 0
    for before in range(first, steps + 1):
        for meanwhile in [5, *range(first, steps + 12, 3)]:
            tries = made()
            one = tries.make()
            one.steps(before)
            tries.arrive()
            two = tries.make()
            two.steps(meanwhile)
            one.finish()
            two.finish()
            tries.check([one, two])
            assert two.error is None
            tries.check_newest()


@pytest.mark.parametrize("seed", range(200))
def test_three_tries_are_interleaved_killed_and_lose_answers_while_snapshots_arrive(
    fresh: Fresh, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    tries = fresh()
    running = [tries.make() for _ in range(3)]
    started = list(running)
    while running:
        each = dice.choice(running)
        if dice.random() < 0.1:
            tries.arrive()
        for _ in range(dice.randint(1, 12)):
            each.step(dice.choices(["go", "lose", "kill"], [94, 5, 1])[0])
        running = [each for each in running if not each.done]
    tries.check(started)
    last = tries.finished()
    tries.check([last])
    assert last.error is None
    tries.check_newest()


def test_without_conditions_the_model_finds_a_false_manifest(fresh: Fresh) -> None:
    """The store that ignores them is documented; this shows that the model would see what they are for."""
    steps, found = count_steps(fresh()), list[str]()
    for before in range(steps - 8, steps):
        tries = fresh()
        tries.store.conditions = False
        one = tries.make()
        one.steps(before)
        tries.arrive()
        two = tries.make()
        two.finish()
        one.finish()
        found += tries.store.false
    assert found


def test_a_try_that_is_killed_while_it_writes_leaves_no_manifest(fresh: Fresh) -> None:
    tries = fresh()
    tries.finished()
    tries.arrive()
    one = tries.make()
    while b"being_written_by" not in tries.store.objects[HOUR]:
        one.step()
    one.step("kill")
    with pytest.raises(TwitchDataError):
        MetricsManifest.from_json(tries.store.objects[HOUR])
    (published,) = tries.finished().result.published
    assert published.again
    tries.check_newest()
