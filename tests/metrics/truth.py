# SPDX-License-Identifier: Apache-2.0
"""How far the metrics of sampled snapshots are from a world of which every second is known.

``python -m tests.metrics.truth --help`` measures larger worlds than the suite does.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from demo.worlds.crowd import Crowd, Movement, stream_id
from tests.metrics.conftest import NOON
from tests.metrics.world import World

from twitch_provider.metrics.clock import COUNTED, make_clock
from twitch_provider.testing.population import Broadcast, Population, made_up_games

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Ticks are counted from the first. Three in a row are missing, and one is late.
MISSING = (9, 10, 11)
LATE = 17
USUAL_DELAY, LATE_DELAY = 2, 150
#: A crawl reads its rows in this number of parts, one after the other.
PARTS = 6
MIDNIGHT = NOON.replace(hour=0)


@dataclass
class Play:
    """A moving world, read every five minutes.

    :param folder: for the tables
    :param streams: how many are live at any instant
    :param hours: from the first tick, which is one of midnight, to the last; less than 24
    :param crawl: seconds from the first row that a snapshot reads to the last
    :param lists_ended: streams are listed for 3 to 15 minutes after their end
    """

    folder: Path
    seed: int = 1
    streams: int = 2_000
    hours: float = 4
    crawl: int = 45
    lists_ended: bool = False
    games: dict[str, Any] = field(default_factory=lambda: made_up_games(120))

    def __post_init__(self) -> None:
        self.population = Population(self.seed, self.games, slots=self.streams, oddities=False)
        movement = Movement(0.05, 60, True, 9_000, self.lists_ended, 7_200)
        self.first = int(MIDNIGHT.timestamp())
        # Some minutes earlier, so that ended streams are in the first snapshot, too.
        self.crowd = Crowd(
            self.seed,
            self.population,
            movement,
            size=self.streams,
            games=self.games,
            second=self.first - 1_200,
        )
        while self.crowd.second < self.first:
            self.crowd.step()
        self.world = World(self.folder)
        ticks = range(round(self.hours * 12) + 1)
        #: Seconds after midnight at which a snapshot begins, with its tick.
        self.plan = {
            300 * tick + (LATE_DELAY if tick == LATE else USUAL_DELAY): tick
            for tick in ticks
            if tick not in MISSING
        }
        self.length = max(self.plan) + self.crawl + 1
        self._rows: dict[int, Row] = {}
        self._watch()

    def _watch(self) -> None:
        """Step through every second: read snapshots, and keep what is true."""
        instants = sorted(self.plan)
        #: For each second, the length of the span of a snapshot that it lies in; 0 where none counts.
        self.span: Integers = np.zeros(self.length, np.int64)
        for instant, following in pairwise(instants):
            until = min(following, instant + 600)
            self.span[instant:until] = until - instant
        distance = [part * self.crawl / (PARTS - 1) for part in range(PARTS)]
        self.distance = float(np.sqrt(np.mean(np.square(distance))))
        #: Viewers of each category at each second, and the variance of its sum.
        self.viewers: Integers = np.zeros((self.length, len(self.games)), np.int64)
        self.variance: Floats = np.zeros(len(self.games))
        crowd = self.crowd
        reading: dict[int, int] = {}
        for second in range(self.length):
            if second:
                before = crowd.viewers.copy(), crowd.games.copy(), crowd.numbers.copy()
                crowd.step()
                self._add_events(second, *before)
            self.viewers[second] = np.bincount(crowd.games, crowd.viewers, len(self.games))
            if second in self.plan:
                reading = {second + round(after): part for part, after in enumerate(distance)}
                rows: list[Row] = []
                begin = second
            if second in reading:
                rows += self._read(reading[second])
                if reading[second] == PARTS - 1:
                    tick = self.plan[begin]
                    minutes = 5 * tick - 720  # the lake's are counted from noon
                    self.world.see(minutes, rows, after=begin - 300 * tick)

    def _add_events(self, second: int, viewers: Integers, games: npt.NDArray[Any], numbers: Integers) -> None:
        """Add the variance of what happened within a second: where it lies in its span is not known."""
        if not self.span[second]:
            return
        crowd, count = self.crowd, len(self.games)
        moved = (crowd.numbers != numbers) | (crowd.games != games)
        squares = np.zeros(count)
        squares += np.bincount(games[moved], viewers[moved].astype(float) ** 2, count)
        squares += np.bincount(crowd.games[moved], crowd.viewers[moved].astype(float) ** 2, count)
        jumped = np.flatnonzero(~moved & (crowd.viewers != viewers))
        jumps = (crowd.viewers[jumped] - viewers[jumped]).astype(float)
        squares += np.bincount(crowd.games[jumped], jumps**2, count)
        self.variance += squares * (self.span[second] ** 2 / 12 + self.distance**2)

    def _read(self, part: int) -> list[Row]:
        """Read one part of the list."""
        crowd = self.crowd
        slots = range(part, self.streams, PARTS)
        rows = [self._row(int(crowd.numbers[k]), crowd.broadcasts[k], int(crowd.viewers[k])) for k in slots]
        ended = [each for each in crowd.still_listed if each.broadcast.slot % PARTS == part]
        return rows + [self._row(each.number, each.broadcast, int(each.score)) for each in ended]

    def _row(self, number: int, broadcast: Broadcast, viewers: int) -> Row:
        known = self._rows.get(number)
        if known is None or known["game_id"] != broadcast.keys.game_id:
            row = self.population.row(broadcast, viewers=0)
            started_at = MIDNIGHT + timedelta(seconds=broadcast.started - self.first)
            known = self._rows[number] = row | {"id": stream_id(number), "started_at": started_at}
        return known | {"viewer_count": viewers}

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """The package's tables of the day."""
        rows = make_clock([seen.snapshot for seen in self.world.lake]).rows
        assert {row.status for row in rows} == {COUNTED}
        return self.world.compute("day", MIDNIGHT)

    @property
    def site(self) -> Row:
        return self.tables["site_day"][0]

    @property
    def site_error(self) -> float:
        """Of the site's hours watched, relative."""
        truth = int(self.viewers[self.span > 0].sum())
        return float(self.site["viewer_seconds"] / truth - 1)

    @cached_property
    def game_errors(self) -> list[tuple[float, float, float]]:
        """Of each category's hours watched, the most watched first: relative, and in standard deviations.

        The third is the second less what does not depend on chance: a snapshot counts for the time after it,
        so a category that gains viewers within a span lacks half of the span times the gain.
        """
        measured = {row["game_id"]: row["viewer_seconds"] for row in self.tables["games_day"]}
        truth = self.viewers[self.span > 0].sum(axis=0)
        expected = np.zeros(len(self.games))
        for instant in self.plan:
            span = int(self.span[instant])
            gained = self.viewers[instant + span] - self.viewers[instant]
            expected -= gained * span / 2
        errors = []
        for code in np.argsort(-truth).tolist():
            if truth[code]:
                error = measured.get(list(self.games)[code], 0) - int(truth[code])
                sigma = float(np.sqrt(self.variance[code]))
                errors.append(
                    (error / int(truth[code]), error / sigma, (error - float(expected[code])) / sigma)
                )
        return errors

    @property
    def top_games(self) -> float:
        """The median of how far the 20 most watched categories are from the truth, relative."""
        return statistics.median(abs(error) for error, _, _ in self.game_errors[:20])

    @cached_property
    def _airtime(self) -> dict[str, tuple[int, int]]:
        """Of each broadcast the covered seconds that it was live, and the longer of the spans of its ends."""
        covered = np.concatenate(([0], np.cumsum(self.span > 0)))
        facts = self.crowd.facts()
        begins, ends = (np.clip(facts[:, column] - self.first, 0, self.length) for column in (3, 4))
        spans = np.append(self.span, 0)
        longest = np.maximum(spans[begins], spans[ends])
        values = zip(facts[:, 0].tolist(), covered[ends] - covered[begins], longest, strict=True)
        return {stream_id(number): (int(live), int(span)) for number, live, span in values}

    @property
    def airtime_error(self) -> float:
        """Of the airtime of all, relative."""
        return float(self.site["airtime_seconds"] / sum(live for live, _ in self._airtime.values()) - 1)

    @property
    def sessions_within(self) -> float:
        """The part of the sessions whose airtime is as near to the truth as snapshots to each other."""
        near = [self._is_near(row) for row in self.tables["sessions"]]
        return sum(near) / len(near)

    def _is_near(self, session: Row) -> bool:
        live, span = self._airtime[session["id"]]
        return bool(abs(session["airtime_seconds"] - live) <= span + self.crawl)

    @property
    def report(self) -> str:
        """The figures, in a line."""
        worst = max(abs(sigmas) for _, sigmas, _ in self.game_errors)
        beyond = sum(abs(sigmas) > 3 for _, sigmas, _ in self.game_errors)
        centred = max(abs(sigmas) for _, _, sigmas in self.game_errors)
        return (
            f"seed {self.seed}: site {self.site_error:+.3%}, top 20 games {self.top_games:.3%} (median), "
            f"worst of {len(self.game_errors)} games {worst:.2f} sigma ({beyond} beyond 3), "
            f"{centred:.2f} without gains, "
            f"airtime {self.airtime_error:+.3%}, {self.sessions_within:.2%} of "
            f"{len(self.tables['sessions']):,} sessions within their bounds"
        )


def main() -> None:
    """Print the figures of some worlds."""
    parser = argparse.ArgumentParser(prog="python -m tests.metrics.truth", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--hours", type=float, default=23)
    parser.add_argument("--crawl", type=int, default=45)
    parser.add_argument("--lists-ended", action="store_true")
    options = vars(parser.parse_args())
    for seed in options.pop("seeds"):
        with tempfile.TemporaryDirectory() as folder:
            print(Play(Path(folder), seed, **options).report, flush=True)


if __name__ == "__main__":
    main()
