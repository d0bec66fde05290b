# SPDX-License-Identifier: Apache-2.0
"""The soak itself: the reference DAGs on a simulated Twitch and S3, and all that goes wrong."""

from __future__ import annotations

import ctypes
import gc
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from tests.soak.airflow import Airflow
from tests.soak.kernel import Kernel
from tests.soak.mix import INTERVAL, Fates, Mix, Plan
from tests.soak.runs import DagRun
from tests.soak.s3 import AWAY, REFUSALS, Bucket
from tests.soak.simulated import logged, patched
from tests.soak.twitch import Faults, PlannedTokens, planted

from twitch_provider.testing import Simulator

#: The end of the last tick's interval: a day is over then, and can be closed.
ENDS_AT = datetime(2026, 11, 24, tzinfo=UTC)
#: What may lie nowhere.
CLIENT_SECRET = planted("client")

DAGS = Path(__file__).parents[2] / "dags"
NAMES = ("twitch_top_games", "twitch_all_streams", "twitch_metrics", "twitch_daily")


@dataclass
class Outcome:
    """What came of a soak.

    :param seed: of all that was drawn
    :param mix: what went wrong
    :param plan: when
    :param runs: how many ticks were due of each snapshot DAG
    """

    seed: int
    mix: Mix
    plan: Plan
    runs: int
    kernel: Kernel
    bucket: Bucket
    simulator: Simulator
    faults: Faults
    airflow: Airflow
    log: Path
    home: Path
    tokens: list[str] = field(default_factory=list)
    #: Bytes of resident memory, by hour.
    resident: list[int] = field(default_factory=list)
    cpu_seconds: float = 0.0
    cleared: int = 0

    @property
    def forced_tokens(self) -> int:
        """Tokens that somebody had to fetch since an answer was false, or did not arrive."""
        return len(self.faults.refused_tokens) + self.faults.lost_tokens


def soak(folder: Path, *, seed: int, runs: int, mix: Mix, streams: int, closes: bool = True) -> Outcome:
    """Run it.

    :param folder: an empty one, or none yet
    :param seed: of all that is drawn
    :param runs: ticks of each snapshot DAG
    :param mix: what goes wrong
    :param streams: of the simulated world
    :param closes: whether the day is closed, without which there is nothing to be checked
    """
    begins_at = ENDS_AT - timedelta(seconds=runs * INTERVAL)
    began, kernel = time.process_time(), Kernel(begins_at)
    plan = Plan.draw(mix, runs, _random(seed, "plan"))
    bucket = Bucket(folder / "s3", kernel)
    bucket.folder.mkdir(parents=True)
    bucket.refuse = _refusing(bucket, plan, mix, _random(seed, "s3"))
    simulator = Simulator(
        seed=seed,
        streams=streams,
        lists_ended=True,
        at=begins_at,
        clock=lambda: kernel.now,
        client_secret=CLIENT_SECRET,
        limit=mix.limit,
    )
    tokens = PlannedTokens([begins_at.timestamp() + each for each in plan.expiries])
    simulator.twitch.auth.tokens = tokens
    faults = Faults(mix, plan, kernel, _random(seed, "twitch"), tokens)
    simulator.twitch.faults.append(faults)  # type: ignore[arg-type]
    fates = Fates(mix, _random(seed, "fates"))
    outcome = Outcome(
        seed,
        mix,
        plan,
        runs,
        kernel,
        bucket,
        simulator,
        faults,
        Airflow(kernel, read_dags(), fates, _random(seed, "airflow"), folder / "database", until=ENDS_AT),
        folder / "log",
        folder / "home",
    )
    with patched(outcome), logged(outcome.log):
        outcome.airflow.start()
        kernel.at(plan.jumped.begin, lambda: setattr(kernel, "ahead", 60 * mix.jump if mix.jumped else 0.0))
        kernel.at(plan.jumped.end, lambda: setattr(kernel, "ahead", 0.0))
        _measure(outcome)
        kernel.run(plan.seconds)
        if closes:
            _close(outcome, fates)
    outcome.tokens = tokens.values
    outcome.cpu_seconds = time.process_time() - began
    return outcome


def _close(outcome: Outcome, fates: Fates) -> None:
    """Let all runs and frozen tries come to their end, clear what failed, and close the day."""
    airflow, kernel = outcome.airflow, outcome.kernel
    _until_idle(outcome)
    # What somebody on call does with a run that has its raw pages, by the documentation.
    for _ in range(3):
        for run in [each for each in airflow.runs if each.state == "failed" and _has_pages(outcome, each)]:
            outcome.cleared += 1
            airflow.clear(run)
        _until_idle(outcome)
    # Twenty past midnight, and after each tick that a wrong clock has made.
    wrong_clock = outcome.plan.jumped.end + max(0.0, 60 * outcome.mix.jump) + 600
    kernel.run(max(outcome.plan.seconds + 1200, wrong_clock, kernel.now))
    for dag_id in ("twitch_metrics", "twitch_daily", "twitch_metrics", "twitch_daily"):
        # The last of each is disturbed by nobody.
        airflow.trigger(dag_id)
        _until_idle(outcome)
        fates.mix = Mix(killed=0.0, frozen=0.0)


def _has_pages(outcome: Outcome, run: DagRun) -> bool:
    folder = f"/raw/{run.dag.dag_id.removeprefix('twitch_')}/"
    name = f"pages_{run.run_after:%Y%m%dT%H%M%SZ}"
    return any(folder in key and name in key for key in outcome.bucket.objects)


def _until_idle(outcome: Outcome) -> None:
    outcome.kernel.run(outcome.kernel.now + 60)
    while outcome.airflow.busy:
        outcome.kernel.run(outcome.kernel.now + 60)


def read_dags() -> dict[str, Any]:
    """Read the DAG files, without a database."""
    dagbag: Any
    try:
        from airflow.dag_processing import dagbag
    except ImportError:  # before Airflow 3.2
        from airflow.models import dagbag
    return {name: dagbag.DagBag(DAGS / f"{name}.py").dags[name] for name in NAMES}


def _random(seed: int, purpose: str) -> Random:
    return Random(f"{seed} {purpose}")  # noqa: S311 - not for secrets


def _refusing(bucket: Bucket, plan: Plan, mix: Mix, draw: Random) -> Callable[[str], str]:
    def refuse(_operation: str) -> str:
        if bucket.kernel.now in plan.refusing:
            return draw.choice(AWAY[:3]) if bucket.kernel.now < plan.refusing.end - 60 else AWAY[3]
        return draw.choice(REFUSALS) if draw.random() < mix.s3 else ""

    return refuse


def _measure(outcome: Outcome) -> None:
    gc.collect()
    # What is free, but not released to the system, says how large the largest task was.
    pa.default_memory_pool().release_unused()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    outcome.resident.append(pages * resource.getpagesize())
    kernel = outcome.kernel
    if kernel.now + 3600 <= outcome.plan.seconds:
        kernel.at(kernel.now + 3600, lambda: _measure(outcome))
