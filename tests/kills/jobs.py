# SPDX-License-Identifier: Apache-2.0
"""What a worker is told to do, and when it is frozen or killed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

FORMS = [("csv", "none"), ("csv", "gzip"), ("csv", "zstd"), ("parquet", "gzip"), ("parquet", "zstd")]

#: A fault of the simulator that always loses a part of the list.
CERTAIN = "repeated_cursor"
#: What may lose one: that, or an argument that leaves too little time.
MISHAPS = ("", CERTAIN, "too slow")

#: The parts of a run, in their order. It begins with what it has already, and what the last snapshot knew.
PHASES = (
    "beginning",
    "crawling",
    "cleaning",
    "raw",
    "making way",
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
    :param late: it was cleared too late to ask Twitch
    """

    tick: datetime
    form: tuple[str, str] = ("csv", "gzip")
    on_incomplete: str = "keep"
    mishap: str = ""
    late: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The operator's."""
        return {
            "file_format": self.form[0],
            "compression": self.form[1],
            "on_incomplete": self.on_incomplete,
            "crawl_seconds": 1 if self.mishap == "too slow" else 220,
        }

    def __str__(self) -> str:
        further = [self.mishap.replace("_", " "), "fail" * (self.on_incomplete == "fail"), "late" * self.late]
        return " ".join(filter(None, ("/".join(self.form), *further)))


@dataclass(frozen=True)
class Moment:
    """When a worker is frozen or killed.

    :param since: the phase whose beginning it is counted from; empty: from now
    :param seconds: after that
    """

    since: str
    seconds: float


def random_job(random: Random, tick: datetime) -> Job:
    """Draw one that crawls; now and then a part of the list is lost."""
    return Job(
        tick,
        form=random.choice(FORMS),
        on_incomplete=random.choices(("keep", "fail"), (3, 1))[0],
        mishap=random.choices(MISHAPS, (6, 2, 1))[0],
    )


def random_rerun(random: Random, job: Job) -> Job:
    """Draw another try of a run: in the same form or another, one that may ask Twitch or is too late."""
    again = replace(random_job(random, job.tick), late=random.random() < 0.25)
    return again if random.random() < 0.5 else replace(again, form=job.form)
