# SPDX-License-Identifier: Apache-2.0
"""What is played with the cluster: a tick, freezes and kills by plan and at random, and a last look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random

from tests.cluster.cluster import Cluster
from tests.cluster.compose import size
from tests.cluster.container import Container
from tests.cluster.measuring import Measuring
from tests.cluster.native import wait_until
from tests.cluster.outages import FROZEN, Outages
from tests.cluster.runs import ALERT, ALL, INTERVAL, METRICS, NOTIFY, TOP, Runs, instant
from tests.cluster.truth import find_lies, manifests

#: A freeze or a kill and all that follows is over by then.
_ROOM = 115.0
_SOON = 90.0
#: No undisturbed run of both DAGs takes longer.
_WHOLE = 15.0


@dataclass
class Play:
    """Plays, and keeps what it found wrong.

    :param cluster: with all services up
    :param runs: of its DAGs
    :param outages: of the services
    :param random: of what is drawn
    """

    cluster: Cluster
    runs: Runs
    outages: Outages
    random: Random
    _stopped_at: float = 0.0
    _done: set[str] = field(default_factory=set)

    def unpause(self) -> None:
        """Unpause the DAGs, and wait for the end of the last tick's runs, which begin at once."""
        client = self.cluster.client
        known = {TOP, ALL, ALERT, METRICS, NOTIFY}
        wait_until(
            lambda: known <= {dag["dag_id"] for dag in client.ask("GET", "/dags")["dags"]},
            "the DAGs are there",
            timeout=_SOON,
        )
        for dag_id in known:
            client.ask("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        for dag_id in (TOP, ALL):
            first = wait_until(partial(client.runs, dag_id), f"{dag_id} has a run", timeout=_SOON)[0]
            self.runs.finish(dag_id, first["dag_run_id"])

    def on_schedule(self) -> None:
        """Wait for a tick that both DAGs run at, beside each other and metrics; measure memory there."""
        tick = (time.time() // INTERVAL + 1) * INTERVAL
        print(f"   the next tick is in {tick - time.time():.0f} s", flush=True)
        for name in self.planned:
            if tick - time.time() > _ROOM:
                print(f"   meanwhile, {name}", flush=True)
                self.do(name)
        time.sleep(max(0.0, tick - time.time() - 1))
        limits = {name: size(each.raw["mem_limit"]) for name, each in self.cluster.services.items()}
        with Measuring(self.cluster.containers, limits) as memory:
            for dag_id in (TOP, ALL):
                run_id = wait_until(
                    partial(self.runs.of_tick, dag_id, tick),
                    f"{dag_id} has a run of {datetime.fromtimestamp(tick, UTC):%H:%M}",
                    timeout=_SOON,
                )
                run = self.runs.finish(dag_id, run_id)
                begun, ended = instant(run["start_date"]), instant(run["end_date"])
                print(
                    f"   {dag_id} began {begun - tick:.1f} s after its tick and took {ended - begun:.0f} s: "
                    f"{run['state']}",
                    flush=True,
                )
            wait_until(
                lambda: self.runs.ended_since(METRICS, tick), f"{METRICS} has run", timeout=INTERVAL - 60
            )
        print(memory.table(), flush=True)
        self.runs.faults.extend(f"{name} held more memory than its limit" for name in memory.too_large())

    @property
    def planned(self) -> dict[str, Callable[[], None]]:
        """What is still to be done by plan."""
        plan: dict[str, Callable[[], None]] = {
            "kill a worker in the middle of extract": self._kill_in_extract,
            "kill a worker in the middle of load": self._kill_in_load,
            "kill a worker's main process alone, in the middle of a crawl's publishing": self._kill_main_only,
        }
        if len(self.cluster.workers) > 1:
            plan["freeze a worker before it has its raw object"] = partial(
                self._freeze, TOP, "extract", "twitch/raw/top_games/"
            )
            plan["freeze a worker before it has its table"] = partial(
                self._freeze, ALL, "crawl", "twitch/all_streams/"
            )
        return {name: act for name, act in plan.items() if name not in self._done}

    def do(self, name: str) -> None:
        """Do a part of the plan.

        :param name: of it
        """
        act = self.planned[name]
        self._done.add(name)
        act()

    def _kill_in_extract(self) -> None:
        """Kill the worker that waits for Twitch's answer."""
        run_id = self.runs.begin(TOP)[TOP]
        fault = self.cluster.twitch.fault("hang", endpoint="streams", start=6)
        wait_until(lambda: fault.applied, "extract waits for Twitch", timeout=_SOON, every=0.05)
        self._kill_worker_of(TOP, run_id, "extract")
        self.cluster.twitch.clear_faults()
        self.runs.heal(TOP, run_id, self._stopped_at)

    def _kill_in_load(self) -> None:
        """Kill the worker that waits for S3 to take a table, when the other one is there already."""
        run_id = self._begin_and_hold(TOP, "twitch/top_games/")
        self._kill_worker_of(TOP, run_id, "load")
        self.cluster.aws.release(store=False)
        self.runs.heal(TOP, run_id, self._stopped_at)

    def _kill_main_only(self) -> None:
        """Kill a worker's main process alone: the task's process goes on, and publishes without a worker."""
        run_id = self._begin_and_hold(ALL, "twitch/all_streams/")
        self._kill_worker_of(ALL, run_id, "crawl", main_only=True)
        task = self.cluster.client.tasks(ALL, run_id)["crawl"]
        if self.runs.worker_of(task) is None:
            self.runs.faults.append("the task ended with the worker's main process")
        self.cluster.aws.release(store=True)
        wait_until(lambda: self.runs.worker_of(task) is None, "the task without a worker ends", timeout=_SOON)
        published = run_id in manifests(self.cluster.aws.objects(), ALL)
        print(f"   its task went on and {'published' if published else 'published nothing'}", flush=True)
        self.runs.heal(ALL, run_id, self._stopped_at)

    def _freeze(self, dag_id: str, task_id: str, key: str) -> None:
        """Freeze a worker whose write is on its way, until another one has done its run; then wake it.

        The write arrives when the other one has published. Airflow ends the try that wakes with the next
        heartbeat, which may be some steps later.

        :param key: a part of that of the write
        """
        run_id = self._begin_and_hold(dag_id, key)
        task = self.cluster.client.tasks(dag_id, run_id)[task_id]
        if (worker := self.runs.worker_of(task)) is None:
            self.runs.faults.append(f"no worker has a process for {dag_id}.{task_id}")
            return
        count, self._stopped_at = worker.freeze(), time.time()
        print(f"   froze {worker.name} ({count} processes) in {dag_id}.{task_id}", flush=True)
        self.runs.heal(dag_id, run_id, self._stopped_at)
        self._wake(worker, {dag_id: run_id}, [task["id"]])

    def _wake(self, worker: Container, begun: Mapping[str, str], task_ids: Iterable[str]) -> None:
        """Wake a worker whose tasks others have done: when its tries have ended, nothing may be different.

        But for what a later run may write anew meanwhile: metrics of an hour that goes on, and ``latest/``.
        """
        before = self.cluster.aws.objects()
        self.cluster.aws.release(store=True)
        worker.wake()
        frozen = time.time() - self._stopped_at
        wait_until(
            lambda: not any(map(worker.has, task_ids)), f"{worker.name} ends what it woke with", timeout=_SOON
        )
        print(f"   woke {worker.name} after {frozen:.0f} s", flush=True)
        bodies = self.cluster.aws.objects()
        self.runs.faults += [f"after {worker.name} woke: {lie}" for lie in find_lies(bodies)]
        changed = [
            key
            for key, body in before.items()
            if bodies.get(key) != body and not {"latest", "metrics"} & set(key.split("/"))
        ]
        self.runs.faults += [f"{key} is another one since {worker.name} woke" for key in changed]
        for dag_id, run_id in begun.items():
            if (state := self.cluster.client.run(dag_id, run_id)["state"]) != "success":
                self.runs.faults.append(f"{dag_id} {run_id} is {state} since {worker.name} woke")

    def disturb_at_random(self) -> None:
        """Have both DAGs run beside each other, and freeze or kill one of the services at any moment."""
        begun = self.runs.begin(TOP, ALL)
        first = self.random.choice([TOP, ALL])
        wait_until(
            partial(self.runs.running, first, begun[first]), f"{first} runs", timeout=_SOON, every=0.05
        )
        moment, victim = (
            self.random.uniform(0, _WHOLE),
            self.random.choice([*self.cluster.containers.values()]),
        )
        freezes = self.random.random() < 0.5
        time.sleep(moment)
        at_work = {
            f"{dag_id}.{task_id}": task["id"]
            for dag_id, run_id in begun.items()
            for task_id, task in self.cluster.client.tasks(dag_id, run_id).items()
            if victim.has(task["id"])
        }
        count, self._stopped_at = victim.freeze() if freezes else victim.kill(), time.time()
        what = ", ".join(at_work) or "nothing"
        when = f"{moment:.1f} s after {first} began"
        how = "froze" if freezes else "killed"
        print(f"   {how} {victim.name} ({count} processes) {when}, at work on {what}", flush=True)
        if freezes and len(self.cluster.workers) > 1 and victim in self.cluster.workers:
            for dag_id, run_id in begun.items():
                self.runs.heal(dag_id, run_id, self._stopped_at)
            self._wake(victim, begun, at_work.values())
            return
        if freezes:
            time.sleep(FROZEN)
            victim.wake()
        self.outages.recover(begun, time.time())

    def _begin_and_hold(self, dag_id: str, key: str) -> str:
        """Start a run, and return its name when its write to a key that has this in it is held back."""
        # Not before: a run of the schedule may have been on its way.
        run_id = self.runs.begin(dag_id)[dag_id]
        self.cluster.aws.hold(key)
        wait_until(self.cluster.aws.held, f"{dag_id} waits for S3", timeout=_SOON, every=0.05)
        return run_id

    def _kill_worker_of(self, dag_id: str, run_id: str, task_id: str, *, main_only: bool = False) -> None:
        worker = self.runs.worker_of(self.cluster.client.tasks(dag_id, run_id)[task_id])
        if worker is None:
            self.runs.faults.append(f"no worker has a process for {dag_id}.{task_id}")
            return
        count, self._stopped_at = worker.kill(main_only=main_only), time.time()
        print(f"   killed {worker.name} ({count} processes) in {dag_id}.{task_id}", flush=True)
