# SPDX-License-Identifier: Apache-2.0
"""The machine is lost, and a snapshot of its data volume restored: ``docs/operations.md``.

A snapshot of a volume has what lay on it at one instant, while everything went on. Here every process is
stopped for as long as PostgreSQL's files are copied. Runs of the next tick follow, then everything is killed
at once, and is started anew on the copy: what the database knew of those runs is gone, what they wrote to the
lake is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.native import wait_until
from tests.cluster.outages import HEALED, Outages
from tests.cluster.runs import ALL, INTERVAL, TOP, Runs
from tests.cluster.truth import find_lies

_SOON = 90.0
#: What is replaced by every newer run.
_NEWEST = ("/latest/", "/metrics/")


@dataclass
class Restore:
    """Loses the machine.

    :param cluster: with all services up
    :param runs: of its DAGs
    :param outages: say when every service is well
    """

    cluster: Cluster
    runs: Runs
    outages: Outages

    @property
    def planned(self) -> dict[str, Callable[[], None]]:
        """It, by its name."""
        return {"restore a snapshot of the volume": self._restore}

    def _restore(self) -> None:
        """Runs that the database does not know are not asked for again, and nothing of theirs changes."""
        begun = self.runs.begin(TOP, ALL)
        wait_until(partial(self.runs.running, ALL, begun[ALL]), f"{ALL} runs", timeout=_SOON, every=0.05)
        paused = self._paused()
        snapshot = self._snapshot()
        for dag_id, run_id in begun.items():
            self.runs.finish(dag_id, run_id)
        known = {dag_id: self._names(dag_id) for dag_id in (TOP, ALL)}
        tick = (time.time() // INTERVAL + 1) * INTERVAL
        print(f"   the next tick is in {tick - time.time():.0f} s", flush=True)
        for dag_id in (TOP, ALL):
            self.runs.finish(dag_id, self._of(dag_id, tick))
        before = self.cluster.aws.objects("twitch/")
        forgotten = {dag_id: self._names(dag_id) - known[dag_id] for dag_id in (TOP, ALL)}

        since = self._lose_the_machine(snapshot)
        self.outages.wait_until_well(since)
        self.cluster.client.log_in()
        if (now := self._paused()) != paused:
            self.runs.faults.append(f"DAGs are paused or not otherwise than before: {paused}, {now}")
        for dag_id, run_id in begun.items():
            # They were under way in the snapshot, and had long ended.
            self.runs.heal(dag_id, run_id, since)
        after = (since // INTERVAL + 1) * INTERVAL
        for dag_id in (TOP, ALL):
            self.runs.heal(dag_id, self._of(dag_id, after), after, within=HEALED)
            there = {run["dag_run_id"]: run["state"] for run in self.cluster.client.runs(dag_id)}
            for run_id in sorted(forgotten[dag_id]):
                state = there.get(run_id)
                print(f"   {dag_id} {run_id}: {state or 'not in the history'}", flush=True)
                if state not in (None, "success"):
                    self.runs.faults.append(
                        f"{dag_id} {run_id}, which the snapshot does not have, is {state}"
                    )
        bodies = self.cluster.aws.objects("twitch/")
        changed = [key for key, body in before.items() if bodies.get(key) != body]
        changed = [key for key in changed if not any(part in key for part in _NEWEST)]
        self.runs.faults += [f"{key} is another one since the machine was lost" for key in changed]
        self.runs.faults += [f"after the restore: {lie}" for lie in find_lies(bodies)]

    def _snapshot(self) -> Path:
        """Stop everything, copy the database's files, let everything go on."""
        for each in self.cluster.containers.values():
            each.freeze()
        stopped = time.time()
        snapshot = self.cluster.postgres.snapshot()
        for each in self.cluster.containers.values():
            each.wake()
        print(f"   copied PostgreSQL's files in {time.time() - stopped:.1f} s", flush=True)
        return snapshot

    def _lose_the_machine(self, snapshot: Path) -> float:
        """Kill everything at once, with the copy in place of the files; returns when."""
        for each in self.cluster.containers.values():
            each.freeze()
        self.cluster.postgres.lose(snapshot)
        for name, each in self.cluster.containers.items():
            if name != "postgres":
                each.kill()
        print("   killed everything, and put the copy in place of PostgreSQL's files", flush=True)
        return time.time()

    def _paused(self) -> dict[str, bool]:
        dags = self.cluster.client.ask("GET", "/dags")["dags"]
        return {dag["dag_id"]: dag["is_paused"] for dag in dags}

    def _names(self, dag_id: str) -> set[str]:
        return {run["dag_run_id"] for run in self.cluster.client.runs(dag_id)}

    def _of(self, dag_id: str, tick: float) -> str:
        return wait_until(
            partial(self.runs.of_tick, dag_id, tick),
            f"{dag_id} has the run of a tick",
            timeout=INTERVAL + _SOON,
        )
