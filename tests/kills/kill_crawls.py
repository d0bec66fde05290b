# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.kills.kill_crawls`` (``make kill-test``): kill crawls at random moments, and look.

Each round starts a worker for a run and kills it with SIGKILL. After each, every manifest in the bucket must
describe exactly what lies beside it; and a run that is then done again to its end must leave what it would
have left without the kill: the same keys, no half object, no second copy.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from demo.children import stop_on_signals
from tests.kills.aftermath import after_the_end
from tests.kills.checker import Facts, lies, tables, tick_of
from tests.kills.jobs import CERTAIN, PHASES, Job, Outcome, random_job, random_moment, random_rerun
from tests.kills.stage import Stage, stage

INTERVAL = timedelta(minutes=5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, look, and tell; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills.kill_crawls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many kills (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of what is drawn (default: another one each time)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    stop_on_signals()
    with stage() as set_up:
        killer = Killer(set_up, Random(seed))  # noqa: S311 - not for secrets
        print(f"seed {seed}: {options.rounds} kills", flush=True)
        killer.measure()
        while killer.kills < options.rounds:
            killer.play()
        return killer.tell()


@dataclass
class Killer:
    """Plays the rounds and keeps the score.

    :param stage: where
    :param random: of what is drawn
    """

    stage: Stage
    random: Random
    kills: int = 0
    found: list[str] = field(default_factory=list)
    _tick: datetime = field(init=False)
    _whole: float = 0.0
    _publishing: float = 0.0
    _phases: Counter[str] = field(default_factory=Counter)
    _reruns: Counter[str] = field(default_factory=Counter)
    _uploads: set[str] = field(default_factory=set)
    _lake: Mapping[str, Facts] = field(default_factory=dict)
    _undisturbed: set[datetime] = field(default_factory=set)

    def __post_init__(self) -> None:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        self._tick = now - timedelta(minutes=now.minute % 5)

    def measure(self) -> None:
        """Time whole runs that nobody kills; the second has a snapshot to be compared with."""
        for _ in range(2):
            outcome = self.stage.run(job := Job(self._tick))
            self._look("measuring", job, outcome)
            self._time(job, outcome)
            self._next()
        print(f"a whole run takes {self._whole:.2f} s, the last {self._publishing:.2f} s of it to publish")

    def play(self) -> None:
        """Kill one worker; then perhaps do its run again, and perhaps go on to the next."""
        job = random_job(self.random, self._tick)
        moment = random_moment(self.random, whole=self._whole, publishing=self._publishing)
        outcome = self.stage.run(job, moment)
        if outcome.killed:
            self.kills += 1
            self._phases[outcome.phase] += 1
        faults = self._look(f"round {self.kills}", job, outcome)
        line = f"{self.kills:3}  {job.tick:%H:%M}  {job!s:36} {_fate(outcome)}"
        if self.random.random() < 0.5:
            again = random_rerun(self.random, job)
            redone = self.stage.run(again)
            self._time(again, redone)
            faults += self._look(f"rerun {self.kills}", again, redone)
            self._reruns[_end(redone)] += 1
            line += f"; again {again}: {_end(redone)}"
        print(f"{line}  {'WRONG' if faults else 'ok'}", flush=True)
        for fault in faults:
            print(f"     {fault}", flush=True)
        if self.random.random() < 0.5:
            self._next()

    def tell(self) -> int:
        """Print the summary; returns the exit status."""
        print(f"\n{self.kills} kills, by what they broke off:")
        for phase in PHASES:
            print(f"  {phase:14}{self._phases[phase]:4}")
        print(f"{sum(self._reruns.values())} runs done again: {_listed(self._reruns)}")
        print(f"multipart uploads that kills left pending: {len(self._uploads)}")
        print(f"asked of S3: {_listed(self.stage.asked())}")
        manifests = sum("/manifests/" in key for key in self._lake)
        print(f"{len(self._lake)} objects in the lake, {manifests} manifests; {len(self.found)} found wrong")
        return 1 if self.found else 0

    def _time(self, job: Job, outcome: Outcome) -> None:
        """Note how long a whole run takes on this machine, just now."""
        if outcome.reference and not job.late:
            self._whole, self._publishing = outcome.seconds("beginning"), outcome.seconds("withdrawing")

    def _next(self) -> None:
        self._tick += INTERVAL
        self.stage.twitch.advance(INTERVAL.total_seconds())

    def _look(self, when: str, job: Job, outcome: Outcome) -> list[str]:
        """Check the lake as the worker left it, and what became of the run."""
        before, self._lake = self._lake, self.stage.look()
        faults = lies(self._lake)
        faults += [f"{name} was left among temporary files" for name in outcome.left]
        if job.mishap != CERTAIN and not job.late:
            self._undisturbed.add(job.tick)
        if job.tick not in self._undisturbed:
            own = tables(key for key in self._lake if tick_of(key) == f"{job.tick:%Y%m%dT%H%M%SZ}")
            faults += [f"{key} lies among complete ones" for key in own if "/incomplete/" not in key]
        pending = self.stage.uploads() - self._uploads
        self._uploads |= pending
        if not outcome.killed:
            faults += [f"{upload} was left pending" for upload in pending]
            faults += after_the_end(job, outcome, before, self._lake)
        if faults:
            faults += [f"the worker said: {line}" for line in outcome.warnings]
        self.found += [f"{when}: {fault}" for fault in faults]
        return faults


def _fate(outcome: Outcome) -> str:
    if outcome.killed:
        return f"killed {outcome.phase} at {outcome.seconds('beginning'):.2f} s"
    return f"too late to be killed: {_end(outcome)}"


def _end(outcome: Outcome) -> str:
    if outcome.reference is None:
        return outcome.error.partition(":")[0]
    return "complete" if outcome.reference["complete"] else "incomplete"


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "none"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"error: a server or a worker does not answer: {error}")
