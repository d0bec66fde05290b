# SPDX-License-Identifier: Apache-2.0
"""Services that are killed or frozen while runs load, and AWS that is away: what follows, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.cluster.channels import LOGINS
from tests.cluster.client import DONE, GoneWrongError
from tests.cluster.cluster import Cluster
from tests.cluster.native import wait_until
from tests.cluster.runs import ALERT, ALL, INTERVAL, TOP, Runs, instant
from tests.cluster.truth import find_lies, manifests

#: Longer than a task's heartbeat may be missing, and than a scheduler's or triggerer's.
FROZEN = 70.0
#: After a kill, or after it wakes, every service is well by then.
WELL = 120.0
#: And both runs have ended as a success: a heartbeat that is missed, and a retry or two.
HEALED = 300.0
#: AWS is silent first, then refuses connections; a whole interval in all.
SILENT, REFUSED = 60.0, INTERVAL - 30.0

_SOON = 90.0
_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
}


@dataclass
class Outages:
    """Plays them, and keeps what it found wrong.

    :param cluster: with all services up
    :param runs: of its DAGs
    """

    cluster: Cluster
    runs: Runs
    _to_go_live: list[str] = field(default_factory=lambda: [*LOGINS])

    @property
    def planned(self) -> dict[str, Callable[[], None]]:
        """All of them, by name."""
        plan: dict[str, Callable[[], None]] = {}
        for names in (
            ["postgres"],
            ["redis"],
            ["airflow-apiserver"],
            ["airflow-scheduler"],
            ["airflow-triggerer", "airflow-dag-processor"],
        ):
            if names[0] in self.cluster.containers:
                what = " and ".join(names)
                plan[f"kill {what} while both DAGs run"] = partial(self._disturb, names)
                plan[f"freeze {what} while both DAGs run"] = partial(self._disturb, names, freezes=True)
        plan["freeze airflow-scheduler's main process alone"] = partial(
            self._disturb, ["airflow-scheduler"], freezes=True, main_only=True
        )
        if "redis" in self.cluster.containers:
            plan["fill redis"] = self._fill_redis
        plan["AWS away for a whole interval"] = self._without_aws
        return plan

    def _disturb(self, names: list[str], *, freezes: bool = False, main_only: bool = False) -> None:
        """Kill or freeze services in the middle of a load, beside a crawl.

        :param names: of the containers
        :param freezes: for :data:`FROZEN` seconds; else it is killed
        :param main_only: the service's own process alone
        """
        containers = [self.cluster.containers[name] for name in names]
        goes_live = "airflow-triggerer" in names
        if goes_live:
            # Only what was not live before is told. It begins to ask when the DAG's file is parsed again.
            wait_until(self.runs.watched, "the triggerer has asked who is live", timeout=INTERVAL + _SOON)
        announced = self._announced()
        begun = self.runs.begin(TOP, ALL)
        self.cluster.aws.hold("twitch/top_games/")
        wait_until(self.cluster.aws.held, f"{TOP} waits for S3", timeout=_SOON, every=0.05)
        for each in containers:
            count = (each.freeze if freezes else each.kill)(main_only=main_only)
            print(f"   {'froze' if freezes else 'killed'} {each.name} ({count} processes)", flush=True)
        since = time.time()
        if goes_live:
            self.cluster.channels.go_live(self._to_go_live.pop(), self.cluster.twitch.now)
        self.cluster.aws.release(store=True)
        if freezes:
            time.sleep(FROZEN)
            for each in containers:
                each.wake()
            since = time.time()
            print(f"   woke {' and '.join(names)} after {FROZEN:.0f} s", flush=True)
        self.recover(begun, since)
        if goes_live:
            self._expect_alert(announced, since)

    def recover(self, begun: dict[str, str], since: float) -> None:
        """Wait until every service is well and the runs are a success, and say how long that took.

        :param begun: the runs' names by DAG
        :param since: Unix time of the kill, or of waking up
        """
        self.wait_until_well(since)
        for dag_id, run_id in begun.items():
            self.runs.heal(dag_id, run_id, since, within=HEALED)

    def wait_until_well(self, since: float) -> None:
        """Wait until every service passes its health check, and has sent a heartbeat.

        :param since: Unix time; heartbeats before it do not count
        """
        slow: dict[str, float] = {}

        def well() -> bool:
            for name in self.cluster.containers:
                if not self.cluster.is_well(name):
                    slow[name] = time.time() - since
                    return False
            try:
                health = self.cluster.client.health()
            except GoneWrongError:
                return False
            for part, key in _HEARTBEATS.items():
                beat = health[part][key]
                if health[part]["status"] != "healthy" or instant(beat) < since:
                    slow[part] = time.time() - since
                    return False
            return bool(health["metadatabase"]["status"] == "healthy")

        wait_until(well, "every service is well", timeout=WELL, every=1.0)
        last = ", ".join(f"{name} {after:.0f} s" for name, after in slow.items())
        print(f"   all is well {time.time() - since:.0f} s later ({last or 'at once'})", flush=True)

    def _announced(self) -> int:
        return len(self.cluster.client.runs(ALERT))

    def _expect_alert(self, before: int, since: float) -> None:
        """What went live while the triggerer was away is announced, once."""
        wait_until(
            lambda: self._announced() > before and all(each["state"] in DONE for each in self._alerts()),
            f"{ALERT} has a run",
            timeout=HEALED,
        )
        print(f"   {ALERT} ended {time.time() - since:.0f} s later", flush=True)
        if self._announced() != before + 1:
            self.runs.faults.append(f"{self._announced() - before} runs of {ALERT} for one channel")

    def _alerts(self) -> list[dict[str, Any]]:
        return self.cluster.client.runs(ALERT)

    def _fill_redis(self) -> None:
        """Have Redis refuse every write, while runs are due, for as long as a freeze."""
        with self._away():
            begun = self.runs.begin(TOP, ALL)
            self.cluster.redis_command("CONFIG", "SET", "maxmemory", "1")
            print("   Redis refuses writes", flush=True)
            time.sleep(FROZEN)
            self.cluster.redis_command("CONFIG", "SET", "maxmemory", "0")
            since = time.time()
        self.recover(begun, since)

    def _without_aws(self) -> None:
        """S3 and Secrets Manager do not answer, then refuse connections, and are back after an interval."""
        begun = self.runs.begin(TOP, ALL)
        self.cluster.aws.hold("twitch/top_games/")
        wait_until(self.cluster.aws.held, f"{TOP} waits for S3", timeout=_SOON, every=0.05)
        with self._away():
            self.cluster.aws.freeze()
            print("   AWS does not answer", flush=True)
            time.sleep(SILENT)
            self.cluster.aws.wake()
            self.cluster.aws.refuse()
            self.cluster.aws.release(store=False)
            print("   AWS refuses connections", flush=True)
            time.sleep(REFUSED)
            self.cluster.aws.accept()
            since = time.time()
        print(f"   AWS is back after {SILENT + REFUSED:.0f} s", flush=True)
        self.wait_until_well(since)
        for dag_id, run_id in begun.items():
            self._await_end(dag_id, run_id)
        tick = (since // INTERVAL + 1) * INTERVAL
        for dag_id in (TOP, ALL):
            run_id = wait_until(
                partial(self.runs.of_tick, dag_id, tick),
                f"{dag_id} has its next run",
                timeout=INTERVAL + _SOON,
            )
            self.runs.heal(dag_id, run_id, tick, within=HEALED)

    @contextmanager
    def _away(self) -> Iterator[None]:
        """Runs that are under way in the block may fail: that is an explicit gap."""
        begun = time.time()
        yield
        self.runs.excused.append((begun, time.time()))

    def _await_end(self, dag_id: str, run_id: str) -> None:
        """Wait for the end of a run that may fail: if it did, it has no manifest, and all others are true."""
        run = self.runs.end(dag_id, run_id)
        bodies = self.cluster.aws.objects("twitch/")
        self.runs.faults += [f"after {dag_id} {run_id}: {lie}" for lie in find_lies(bodies)]
        has = run_id in manifests(bodies, dag_id)
        print(f"   {dag_id}: {run['state']}, {'a' if has else 'no'} manifest", flush=True)
        if has != (run["state"] == "success"):
            self.runs.faults.append(f"{dag_id} {run_id} is {run['state']}, and its manifest says otherwise")
