# SPDX-License-Identifier: Apache-2.0
"""No order in which the tries of one run are frozen, woken, or killed leaves a manifest that is false.

The steps are the real ones: each operation of :mod:`twitch_provider.pipelines` on the store is one.
"""

from __future__ import annotations

import functools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, ClassVar

import pytest
from tests.lake.conftest import stream_row
from tests.pipelines.tries import SteppedStore, Try

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchError, TwitchTooLateError
from twitch_provider.helix.messages import Page
from twitch_provider.lake.clean import clean_streams
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, describe
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.tables import CleanTable
from twitch_provider.pipelines import all_streams, snapshot
from twitch_provider.pipelines.run import Run

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
KEYS = SnapshotKeys("twitch", "d.mine", TICK)
OWNER = Owner("d", "r", "t")
CSV = Format()
#: Operations of a try before it asks Twitch: it looks for its raw object and manifest, ad hoc or not.
LOOKS = 4


def answer(rows: list[dict[str, Any]]) -> Page:
    body = json.dumps({"data": rows, "pagination": {}}).encode()
    return Page(
        endpoint="streams",
        params=(),
        received_at=TICK,
        date=TICK,
        loopback=False,
        body=body,
        rows=rows,
        _new_rows=rows,
        cursor=None,
    )


class Streams:
    """A snapshot of streams that each try finds changed; one row is refused."""

    raw_dataset = "mine"
    asks: Mapping[str, Any] = {}

    def __init__(self, pages: list[Page]) -> None:
        self.pages = pages

    def read(self, hook: Any) -> Iterator[Page]:
        return iter(self.pages)

    def clean(self, pages: Iterable[Any], run_after: datetime) -> dict[str, CleanTable]:
        return {"mine": _cleaned(tuple(page.body for page in pages))}


@functools.cache
def _cleaned(bodies: tuple[bytes, ...]) -> CleanTable:
    pages: Any = [answer(json.loads(body)["data"]) for body in bodies]
    return clean_streams(pages, run_after=TICK, ranks={})


class Hook:
    """What a snapshot looks at of a hook."""

    stats: ClassVar[Counter[str]] = Counter()


class Tries:
    """Makes tries of one run, each of which Twitch answers differently."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = SteppedStore()
        self._made = 0
        monkeypatch.setattr(all_streams, "_crawl", self._crawl)
        monkeypatch.setattr(
            "twitch_provider.lake.all_streams.transform",
            lambda bodies, run_after: _cleaned(tuple(page.body for page in bodies)),
        )
        self._cut: dict[str, bool] = {}

    def _pages(self, number: int) -> list[Page]:
        rows = [stream_row(id=str(n), user_id=str(n), title=f"try {number}") for n in range(number + 1)]
        return [answer([*rows, stream_row(id="bad", viewer_count=-1)] if number % 2 else rows)]

    def _run(self, owner: Owner, *, late: bool) -> Run:
        self._made += 1
        refused = "it is late" if late else ""
        return Run(self.store, KEYS, owner, refused=refused, try_id=f"{self._made:08x}")

    def _crawl(self, run: Run, *_: Any) -> RawObject:
        number = int(run.try_id, 16)
        report = {"complete": not self._cut[run.try_id], "broadcasters": number + 1}
        header = run.header(
            asks={}, writes=CSV.as_dict(), stats={}, loopback=False, points_left=None, report=report
        )
        # Enough rows that one refused row does not make the table incomplete.
        rows = [stream_row(id=str(n), user_id=str(n), title=f"try {number}") for n in range(5)]
        return RawObject.of([answer(rows)], header)

    def make(self, kind: str, owner: Owner = OWNER) -> Try:
        run = self._run(owner, late=kind.endswith("late"))
        if kind.startswith("crawl"):
            self._cut[run.try_id] = kind == "crawl cut short"
            options = all_streams.CrawlOptions()
            return Try(lambda: all_streams.publish(run, "mine", options, Hook(), CSV))  # type: ignore[arg-type]
        pages = Streams(self._pages(self._made))
        return Try(lambda: snapshot.publish(run, pages, Hook(), CSV))  # type: ignore[arg-type]

    def check(self, tries: list[Try]) -> None:
        """Nothing false was ever there, and a try that reported success reported what lies there."""
        assert self.store.false == []
        assert self.store.taken_away == []
        for each in tries:
            if each.error is not None:
                assert isinstance(each.error, TwitchError | AirflowFailException), each.error
            elif not each.killed:
                told = each.result.get("mine", each.result)
                body = self.store.objects[told["uri"].removeprefix("memory://")]
                assert body.count(b"\n") == told["rows"] + 1


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Tries:
    return Tries(monkeypatch)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Tries]:
    return lambda: Tries(monkeypatch)


def count_steps(fresh: Callable[[], Tries], kind: str) -> int:
    one, steps = fresh().make(kind), 0
    while not one.done:
        one.step()
        steps += 1
    return steps


PAIRS = [
    ("snapshot", "snapshot"),
    ("snapshot", "snapshot late"),
    ("crawl", "crawl"),
    ("crawl", "crawl cut short"),
    ("crawl cut short", "crawl"),
    ("crawl cut short", "crawl cut short"),
    ("crawl", "crawl late"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_each_of_two_tries_is_frozen_at_each_step_and_woken_later(
    fresh: Callable[[], Tries], first: str, second: str
) -> None:
    steps = count_steps(fresh, first), count_steps(fresh, second)
    for before, meanwhile in product(range(steps[0] + 1), range(steps[1] + 1)):
        made = fresh()
        one = made.make(first)
        one.steps(before)
        two = made.make(second)
        two.steps(meanwhile)
        one.finish()
        two.finish()
        made.check([one, two])


KINDS = ["snapshot", "snapshot late"], ["crawl", "crawl cut short", "crawl late"]


@pytest.mark.parametrize("seed", range(150))
def test_three_tries_are_interleaved_killed_and_lose_answers(tries: Tries, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    kinds = dice.choice(KINDS)
    running = [tries.make(dice.choice(kinds)) for _ in range(3)]
    started = list(running)
    while running:
        each = dice.choice(running)
        for _ in range(dice.randint(1, 6)):
            each.step(dice.choices(["go", "lose", "kill"], [90, 8, 2])[0])
        running = [each for each in running if not each.done]
    tries.check(started)
    retry = tries.make(kinds[0])
    retry.finish()
    tries.check([retry])
    assert retry.error is None
    (manifest,) = (key for key in tries.store.objects if "manifests/" in key)
    assert Manifest.from_json(tries.store.objects[manifest]).complete


@pytest.mark.parametrize("seed", range(60))
def test_two_runs_of_the_same_second_never_falsify_each_other(tries: Tries, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    kinds = dice.choice(KINDS)
    owners = [OWNER, replace(OWNER, run_id="another")]
    running = [tries.make(dice.choice(kinds), owner) for owner in owners]
    started = list(running)
    while running:
        each = dice.choice(running)
        each.steps(dice.randint(1, 6))
        running = [each for each in running if not each.done]
    tries.check(started)
    assert sum(each.error is None for each in started) <= 1


@pytest.mark.parametrize("kinds", KINDS, ids=["snapshot", "crawl"])
def test_without_conditions_the_model_finds_a_false_manifest(
    fresh: Callable[[], Tries], kinds: list[str]
) -> None:
    """The store that ignores them is documented; this shows that the model would see what they are for."""
    found = []
    for meanwhile in range(count_steps(fresh, kinds[0])):
        made = fresh()
        made.store.conditions = False
        one, two = made.make(kinds[0]), made.make(kinds[0])
        for each in (one, two):
            each.steps(LOOKS)
        one.steps(meanwhile)
        two.finish()
        one.finish()
        found += made.store.false
    assert found


@pytest.mark.parametrize("seed", range(30))
def test_a_manifest_of_another_version_is_withdrawn_by_one_of_two_tries(tries: Tries, seed: int) -> None:
    """It lists a table with other bytes and rejects that this version has none of."""
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    first = tries.make("snapshot late")
    first.finish()
    assert isinstance(first.error, TwitchTooLateError)
    asked = tries.make("snapshot")
    asked.finish()
    make_older(tries.store)
    running = [tries.make("snapshot"), tries.make("snapshot late")]
    started = list(running)
    while running:
        each = dice.choice(running)
        for _ in range(dice.randint(1, 4)):
            each.step()
        running = [each for each in running if not each.done]
    tries.check(started)
    assert not any("rejects" in key for key in tries.store.objects)


def make_older(store: SteppedStore) -> None:
    """Change what the last try published to what an earlier version would have."""
    table, rejects = KEYS.data("mine"), KEYS.rejects("mine")
    manifest = Manifest.from_json(store.objects[KEYS.manifest])
    raw = manifest.raw
    assert raw is not None
    store.objects |= {table: b"id\n1\n", rejects: b"reason\nold\n"}
    entries = (
        describe(table, store.objects[table], rows=1, kind="table", dataset="mine"),
        describe(rejects, store.objects[rejects], rows=1, kind="rejects", dataset="mine"),
        raw,
    )
    store.objects[KEYS.manifest] = replace(manifest, objects=entries).to_json()
    store.forget()
