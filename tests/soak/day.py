# SPDX-License-Identifier: Apache-2.0
"""The soak itself: the reference DAGs on a simulated Twitch and S3, and all that goes wrong."""

from __future__ import annotations

import functools
import gc
import json
import logging
import random
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from botocore.httpsession import URLLib3Session
from tests.soak.airflow import Airflow
from tests.soak.kernel import Kernel, run_on_loop, sleep, worker
from tests.soak.mix import INTERVAL, Fates, Mix, Plan
from tests.soak.s3 import AWAY, BUCKET, REFUSALS, Bucket
from tests.soak.twitch import Faults, PlannedTokens, exchange_by_aiohttp, send_by_requests

from twitch_provider.testing import Simulator

#: The end of the last tick's interval: a day is over then, and can be closed.
ENDS_AT = datetime(2026, 11, 24, tzinfo=UTC)
#: What may lie nowhere.
CLIENT_SECRET = "s0akpl4nt3dcl13nts3cr3t00f0tw1"
SECRET_KEY = "soak/1planted+2secret/3access+4key/50000"

TIMEOUT = 30.0

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
        return self.faults.forced_tokens


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
    faults = Faults(mix, plan, kernel, _random(seed, "twitch"))
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
        Airflow(kernel, read_dags(), fates, _random(seed, "airflow"), until=ENDS_AT),
        folder / "log",
        folder / "home",
    )
    with _patched(outcome), _logged(outcome.log):
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
    for run in list(airflow.runs):
        tick = f"{run.run_after:%Y%m%dT%H%M%SZ}"
        asked = any(f"pages_{tick}" in key for key in outcome.bucket.objects if f"/raw/{_raw(run)}/" in key)
        if run.state == "failed" and run.dag.dag_id in airflow.snapshots and asked:
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


def _raw(run: Any) -> str:
    return str(run.dag.dag_id).removeprefix("twitch_")


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
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    outcome.resident.append(pages * resource.getpagesize())
    kernel = outcome.kernel
    if kernel.now + 3600 <= outcome.plan.seconds:
        kernel.at(kernel.now + 3600, lambda: _measure(outcome))


# --- where the package meets the simulation ----------------------------------------------------------------


@contextmanager
def _patched(outcome: Outcome) -> Iterator[None]:
    from twitch_provider.aws.hook import LakeHook
    from twitch_provider.hooks import sessions, tokens, twitch_async
    from twitch_provider.hooks.transport_async import AiohttpTransport
    from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
    from twitch_provider.metrics import detectors
    from twitch_provider.metrics.overview import published
    from twitch_provider.pipelines import all_streams

    kernel, simulator = outcome.kernel, outcome.simulator
    random.seed(outcome.seed)
    aws = {
        "conn_type": "aws",
        "login": "AKIASOAKSOAKSOAKSOAK",
        "password": SECRET_KEY,
        "extra": {"region_name": "us-east-1"},
    }
    twitch = {"conn_type": "twitch", "login": simulator.client_id, "password": simulator.client_secret}

    async def in_thread(function: Callable[[], Any]) -> Any:
        return function()

    async def enter(self: Any) -> Any:
        self._session = object()
        return self

    async def leave(self: Any, *_: object) -> None:
        self._session = None

    share = sessions._shared.__wrapped__

    def shared(application: Any) -> Any:
        memory = here.memory if (here := worker()) is not None else {}
        if application not in memory:
            memory[application] = share(application)
        return memory[application]

    shared.cache_clear = lambda: None  # type: ignore[attr-defined]

    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # The encrypted token lies there.
        patch.setenv("AIRFLOW_HOME", str(outcome.home))
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(aws))
        patch.setenv("AIRFLOW_CONN_TWITCH_DEFAULT", json.dumps(twitch))
        patch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
        patch.setenv("AIRFLOW__TWITCH__BUCKET", BUCKET)
        patch.setenv("AIRFLOW__TWITCH__WATCH_LIST", "site")
        patch.setattr(time, "sleep", sleep)
        patch.setattr(URLLib3Session, "send", lambda _self, request: outcome.bucket.send(request))
        patch.setattr(requests.adapters.HTTPAdapter, "send", send_by_requests(simulator))
        patch.setattr(AiohttpTransport, "_exchange", exchange_by_aiohttp(simulator, TIMEOUT))
        patch.setattr(AiohttpTransport, "__aenter__", enter)
        patch.setattr(AiohttpTransport, "__aexit__", leave)
        patch.setattr(twitch_async, "_in_thread", in_thread)
        patch.setattr(all_streams, "asyncio", _Asyncio(kernel))
        patch.setattr(sessions, "_shared", shared)
        # Making a client of botocore takes longer than most tries use one.
        connected = functools.cache(LakeHook.connected)
        patch.setattr(LakeHook, "connected", lambda aws_conn_id, _limits=None: connected(aws_conn_id))
        patch.setattr(tokens, "mask_secret", lambda _value: None)
        for hook in (TwitchHook, TwitchAsyncHook):
            patch.setattr(hook, "_clock", lambda _self: kernel.now)
            # Airflow's masking does not help here: what shows, shows.
            patch.setattr(hook, "log", logging.getLogger("twitch_provider.hooks"))
        for module in (published, detectors):
            patch.setattr(module, "ThreadPoolExecutor", _InTurn)
        yield


class _Asyncio:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def run(self, main: Any) -> Any:
        return run_on_loop(self._kernel, main)


class _InTurn:
    """Threads of a worker would run beside it: their requests are sent one after the other."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> _InTurn:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Callable[..., Any], *values: Any) -> Iterator[Any]:
        return iter([function(*each) for each in zip(*values, strict=False)])

    def submit(self, function: Callable[..., Any], *values: Any) -> Future[Any]:
        made: Future[Any] = Future()
        made.set_result(function(*values))
        return made


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Write what is logged to a file: all of the package's, and from INFO on what others log."""
    root, package = logging.getLogger(), logging.getLogger("twitch_provider")
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    # Airflow's own handlers print, and mask what they print.
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.handlers, each.propagate, each.level) for each in (root, *named)]
    for each in named:
        each.handlers, each.propagate = [], True
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    package.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for each, each.handlers, each.propagate, level in before:
            each.setLevel(level)
        handler.close()
