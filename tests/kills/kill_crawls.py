# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.kills.kill_crawls`` (``make kill-test``): freeze and kill crawls at random moments.

Each round has one to three workers try one run. At a random moment each is frozen with SIGSTOP, killed with
SIGKILL, or left alone; then the frozen ones are woken in any order, and frozen again, killed or left alone.
Whenever a worker stops, every manifest in the bucket must describe exactly what lies beside it and must have
done so since it was written; no object may have been deleted or replaced by another one; and a worker that
came to its end must have said what lies there.
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
from tests.kills.checker import Facts, changes, lies
from tests.kills.jobs import PHASES, Job, Moment, random_job, random_rerun
from tests.kills.stage import Stage, stage
from tests.kills.tries import Try

INTERVAL = timedelta(minutes=5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Freeze, kill, look, and tell; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills.kill_crawls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of what is drawn (default: another one each time)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    stop_on_signals()
    with stage() as set_up:
        game = Game(set_up, Random(seed))  # noqa: S311 - not for secrets
        print(f"seed {seed}: {options.rounds} rounds", flush=True)
        game.measure()
        for number in range(options.rounds):
            game.play(number + 1)
        return game.tell()


@dataclass
class Game:
    """Plays the rounds and keeps the score.

    :param stage: where
    :param random: of what is drawn
    """

    stage: Stage
    random: Random
    _found: list[str] = field(default_factory=list)
    _tick: datetime = field(init=False)
    #: Seconds from the beginning of a phase to the end of a run that nobody disturbs.
    _left: dict[str, float] = field(default_factory=dict)
    _stopped: Counter[tuple[str, str]] = field(default_factory=Counter)
    _ended: Counter[str] = field(default_factory=Counter)
    _lake: Mapping[str, Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        self._tick = now - timedelta(minutes=now.minute % 5)

    def measure(self) -> None:
        """Time whole runs that nobody disturbs; the second has a snapshot to be compared with."""
        print("     measuring", end="")
        for _ in range(2):
            each = self.stage.begin(Job(self._tick), self._lake)
            self._let_run(each, None, "")
            self._left = {since: each.seconds(since) for since in ("beginning", "crawling", "cleaning")}
            self._next()
        self._tell_faults(0)
        print("    ", ", ".join(f"from {since} {seconds:.2f} s" for since, seconds in self._left.items()))

    def play(self, number: int) -> None:
        """Have one to three workers try a run, and disturb them.

        :param number: of the round
        """
        print(f"{number:3}  {self._tick:%H:%M}", end="", flush=True)
        before, job, frozen = len(self._found), random_job(self.random, self._tick), list[Try]()
        for left in reversed(range(self.random.choices((1, 2, 3), (1, 4, 3))[0])):
            each = self.stage.begin(job, self._lake)
            moment = self._moment() if left or not frozen or self.random.random() < 0.4 else None
            fate = self.random.choices(("frozen", "killed"), (3 if left else 1, 1))[0]
            frozen += self._let_run(each, moment, fate)
            job = random_rerun(self.random, job)
        while frozen:
            each = frozen.pop(self.random.randrange(len(frozen)))
            again = self.random.choices(("", "frozen", "killed"), (6, 2, 1))[0]
            moment = Moment("", self.random.uniform(0, self._left["cleaning"])) if again else None
            frozen += self._let_run(each, moment, again)
        self._tell_faults(before)
        if self.random.random() < 0.8:
            self._next()

    def tell(self) -> int:
        """Print the summary; returns the exit status."""
        print(f"\n{'':14}  frozen  killed")
        for phase in PHASES:
            print(f"  {phase:14}{self._stopped['frozen', phase]:6}{self._stopped['killed', phase]:8}")
        print(f"  {'all':14}{self._sum('frozen'):6}{self._sum('killed'):8}")
        print(f"tries that came to their end: {_listed(self._ended)}")
        print(f"asked of S3: {_listed(self.stage.asked())}")
        manifests = sum("/manifests/" in key for key in self._lake)
        print(f"{len(self._lake)} objects in the lake, {manifests} manifests; {len(self._found)} found wrong")
        return 1 if self._found else 0

    def _tell_faults(self, before: int) -> None:
        print("  ok" if before == len(self._found) else "  WRONG")
        for fault in self._found[before:]:
            print(f"     {fault}", flush=True)

    def _moment(self) -> Moment:
        """Draw a moment, of which more are in short phases than in long ones."""
        since, seconds = self.random.choice(list(self._left.items()))
        return Moment(since, self.random.uniform(0, seconds))

    def _let_run(self, each: Try, moment: Moment | None, fate: str) -> list[Try]:
        """Let a worker run to its end, or to a moment and its fate; then look. Returns it if it is frozen."""
        told, stopped = f"{'woken ' * bool(each.frozen)}{each.job}", self.stage.run(each, moment)
        if stopped and fate == "frozen":
            each.freeze()
        elif stopped:
            each.kill()
        history = self.stage.look()
        self._lake = {key: facts for key, versions in history.items() if (facts := versions[-1].facts)}
        faults = lies(self._lake) + changes(history)
        if stopped and not each.ended:
            self._stopped[fate, each.phase] += 1
            print(f"; {told}: {fate} {each.phase}", end="", flush=True)
        else:
            self._ended[f"{'woken' if each.frozen else 'never frozen'}: {each}"] += 1
            print(f"; {told}: {each}", end="", flush=True)
            faults += after_the_end(each, self._lake)
        if new := [fault for fault in faults if fault not in self._found]:
            self._found += [*new, *(f"the worker said: {line}" for line in each.warnings())]
        return [each] if stopped and fate == "frozen" else []

    def _next(self) -> None:
        self._tick += INTERVAL
        self.stage.twitch.advance(INTERVAL.total_seconds())

    def _sum(self, fate: str) -> int:
        return sum(count for (each, _), count in self._stopped.items() if each == fate)


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "none"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"error: a server or a worker does not answer: {error}")
