# SPDX-License-Identifier: Apache-2.0
"""What a worker is told to do, when it is killed, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

FORMS = [("csv", "none"), ("csv", "gzip"), ("csv", "zstd"), ("parquet", "gzip"), ("parquet", "zstd")]

#: A fault of the simulator that always loses a part of the list.
CERTAIN = "repeated_cursor"
#: What may lose one: that, or an argument that leaves too little time.
MISHAPS = ("", CERTAIN, "too slow")

#: The parts of a run, in their order. It begins with what the last snapshot knew.
PHASES = (
    "beginning",
    "crawling",
    "withdrawing",
    "raw",
    "cleaning",
    "sweeping",
    "table",
    "looking back",
    "manifest",
    "ending",
)


@dataclass(frozen=True)
class Job:
    """One try of one run.

    :param tick: of the run
    :param form: file format and compression
    :param on_incomplete: as the operator takes it
    :param mishap: one of :data:`MISHAPS`
    :param in_parts: objects go up as multipart uploads
    :param late: it must not ask Twitch any more, but build from its raw object
    """

    tick: datetime
    form: tuple[str, str] = ("csv", "gzip")
    on_incomplete: str = "keep"
    mishap: str = ""
    in_parts: bool = False
    late: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The operator's."""
        return {
            "file_format": self.form[0],
            "compression": self.form[1],
            "on_incomplete": self.on_incomplete,
            "crawl_seconds": 1 if self.mishap == "too slow" else 220,
            "aws_conn_id": "aws_parts" if self.in_parts else "aws_default",
        }

    @property
    def suffix(self) -> str:
        """How the key of its table ends."""
        packed = {"none": "", "gzip": ".gz", "zstd": ".zst"}
        return ".parquet" if self.form[0] == "parquet" else f".csv{packed[self.form[1]]}"

    def __str__(self) -> str:
        further = [
            self.mishap.replace("_", " "),
            "fail" * (self.on_incomplete == "fail"),
            "parts" * self.in_parts,
            "late" * self.late,
        ]
        return " ".join(filter(None, ("/".join(self.form), *further)))


@dataclass(frozen=True)
class Moment:
    """When a worker is killed.

    :param since: the phase whose beginning it is counted from
    :param seconds: after that
    """

    since: str
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a worker did.

    :param killed: it did not end by itself
    :param times: when each phase began, in seconds of the machine's clock
    :param ended_at: when it ended, or was killed
    :param reference: what the operator returned
    :param error: what the operator raised: its class and sentence
    :param left: files that it left in its folder for temporary ones
    :param warnings: lines of its log
    """

    killed: bool
    times: Sequence[tuple[str, float]]
    ended_at: float
    reference: Mapping[str, Any] | None = None
    error: str = ""
    left: Sequence[str] = field(default=())
    warnings: Sequence[str] = field(default=(), repr=False)

    @property
    def phase(self) -> str:
        """The phase that it ended in."""
        return self.times[-1][0] if self.times else PHASES[0]

    def seconds(self, since: str) -> float:
        """Return how long it ran, from the beginning of a phase.

        :param since: the phase
        """
        return self.ended_at - next(at for phase, at in self.times if phase == since)


def random_job(random: Random, tick: datetime) -> Job:
    """Draw one that crawls; now and then a part of the list is lost."""
    return Job(
        tick,
        form=random.choice(FORMS),
        on_incomplete=random.choices(("keep", "fail"), (3, 1))[0],
        mishap=random.choices(MISHAPS, (6, 1, 1))[0],
        in_parts=random.random() < 0.3,
    )


def random_moment(random: Random, *, whole: float, publishing: float) -> Moment:
    """Draw one from a whole run or, as that is short, from what follows on its crawl.

    :param whole: seconds that a run takes
    :param publishing: the last of them, after the crawl
    """
    if random.random() < 0.4:
        return Moment("beginning", random.uniform(0, whole))
    return Moment("withdrawing", random.uniform(0, publishing))


def random_rerun(random: Random, job: Job) -> Job:
    """Draw how a killed run is done again: as it was or in another form, crawling or too late for that."""
    again = replace(job, mishap="", late=random.random() < 0.25, in_parts=random.random() < 0.3)
    return again if random.random() < 0.5 else replace(again, form=random.choice(FORMS))
