# SPDX-License-Identifier: Apache-2.0
"""Bodies → CSV: ours against the floor and the usual way, in time and in memory.

Time: one process, in turns. Memory: one process each, ``python -m benchmarks.local SUBJECT COMPRESSION
FILE``, which prints its peak increase in bytes for each snapshot.
"""

from __future__ import annotations

import gc
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.floors import Answered, floor, usual
from benchmarks.report import Entry, Facts, Ratio
from twitch_provider.lake.all_streams import transform
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_pages import RawBody
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.population import mix

RUN_AFTER = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
PAGE = 100
#: Every hundredth page comes twice: a list that changes while it is read repeats about 1 % of its rows.
REPEATED = 100

Subject = Callable[[Sequence[Answered], datetime, str], bytes]


def answers(rows: int, *, seed: int = 1) -> list[Answered]:
    """Return the pages of a generated world, each with the instant of its response.

    Titles are as diverse as real ones.

    :param rows: live streams, without those that are not live and those that come twice
    :param seed: of the world
    """
    streams = GeneratedWorld(seed, streams=rows).at(RUN_AFTER).streams
    pages: list[Answered] = []
    for start in range(0, rows, PAGE):
        page = [_with_own_title(dict(stream.row)) for stream in streams[start : start + PAGE]]
        envelope = {"data": page, "pagination": {"cursor": f"{mix(start):064d}"}}
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
        pages.append((body, RUN_AFTER + timedelta(seconds=2 + start / PAGE / 20)))
        if start % (PAGE * REPEATED) == 0:
            pages.append((body, pages[-1][1] + timedelta(seconds=1)))
    return pages


def _with_own_title(row: dict[str, Any]) -> dict[str, Any]:
    """Make four of five titles unique."""
    draw = mix(int(row["user_id"]))
    return row | {"title": f"{row['title']} | {draw % 99_991} {draw % 97}"} if draw % 5 else row


def ours(answered: Sequence[Answered], run_after: datetime, compression: str) -> bytes:
    """Make the object as ``load`` does.

    :param answered: bodies of Get Streams, each with the instant of its response
    :param run_after: the tick of the run
    :param compression: ``none``, ``gzip`` or ``zstd``
    """
    bodies = (RawBody("streams", (), at, at, body) for body, at in answered)
    cleaned = transform(bodies, run_after=run_after)
    return Format("csv", compression).encode(cleaned.table, cleaned.schema)


SUBJECTS: dict[str, Subject] = {"ours": ours, "floor": floor, "usual": usual}
#: Subject and compression; pandas needs another package for zstd.
Made = tuple[str, str]
MADE: list[Made] = [
    *((subject, "none") for subject in SUBJECTS),
    *((subject, "gzip") for subject in SUBJECTS),
    ("ours", "zstd"),
    ("floor", "zstd"),
]
#: Snapshots in one process, to see whether its memory grows with their number.
SNAPSHOTS = 6


def check(answered: Sequence[Answered]) -> None:
    """Check that ours and the floor make the same bytes.

    :param answered: bodies of Get Streams, each with the instant of its response
    :raises ValueError: they do not
    """
    plain = floor(answered, RUN_AFTER, "none")
    zipped = [gzip.decompress(make(answered, RUN_AFTER, "gzip")) for make in (ours, floor)]
    if any(made != plain for made in (ours(answered, RUN_AFTER, "none"), *zipped)):
        raise ValueError("ours and the floor do not make the same bytes")


def measure(rows: int = 100_000, rounds: int = 5) -> list[Entry]:
    """Measure time and memory.

    :param rows: live streams
    :param rounds: how often each is timed; the median is taken
    """
    answered = answers(rows)
    check(answered)
    size = sum(len(body) for body, _ in answered)
    seconds, sizes = _timed(answered, rounds)
    with tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-") as folder:
        file = Path(folder) / "bodies"
        file.write_bytes(b"\n".join(body for body, _ in answered))
        rises = {made: _rises(*made, file) for made in MADE if made[1] != "zstd"}
    return [*_time_ratios(seconds), *_memory_ratios(rises, size), _table(seconds, rises, sizes, size)]


def _timed(answered: Sequence[Answered], rounds: int) -> tuple[dict[Made, float], dict[Made, int]]:
    """Seconds and bytes of each, measured in turns."""
    seconds: dict[Made, list[float]] = {made: [] for made in MADE}
    sizes: dict[Made, int] = {}
    for _ in range(rounds):
        for made in MADE:
            subject, compression = made
            gc.collect()
            began = time.perf_counter()
            sizes[made] = len(SUBJECTS[subject](answered, RUN_AFTER, compression))
            seconds[made].append(time.perf_counter() - began)
    return {made: median(taken) for made, taken in seconds.items()}, sizes


def _rises(subject: str, compression: str, file: Path) -> list[int]:
    command = [sys.executable, "-m", "benchmarks.local", subject, compression, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rises: list[int] = json.loads(done.stdout)
    return rises


def main(subject: str, compression: str, file: Path, snapshots: int = SNAPSHOTS) -> None:
    """Make snapshots from a file of bodies, and print the peak increase of this process for each.

    :param subject: of :data:`SUBJECTS`
    :param compression: of the object
    :param file: a body a line
    :param snapshots: how many
    """
    answered = [(body, RUN_AFTER + timedelta(seconds=2)) for body in file.read_bytes().split(b"\n")]
    gc.collect()
    before = _memory("VmRSS")
    rises = []
    for _ in range(snapshots):
        # Reset the peak: https://docs.kernel.org/filesystems/proc.html (clear_refs).
        Path("/proc/self/clear_refs").write_text("5")
        SUBJECTS[subject](answered, RUN_AFTER, compression)
        rises.append(_memory("VmHWM") - before)
    print(json.dumps(rises))


def _memory(name: str) -> int:
    """Bytes of this process, by the kernel's name."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _time_ratios(seconds: Mapping[Made, float]) -> list[Ratio]:
    names = {"none": "plain CSV", "gzip": "CSV with gzip", "zstd": "CSV with zstd"}
    entries = []
    for compression, name in names.items():
        mine = seconds["ours", compression]
        other = seconds["floor", compression]
        entries.append(Ratio(f"bodies → {name}", mine, other, "floor", goal=1.3))
        if usual_way := seconds.get(("usual", compression)):
            entries.append(Ratio(f"bodies → {name}", mine, usual_way, "the usual way", goal=1 / 8))
    return entries


def _memory_ratios(rises: Mapping[Made, Sequence[int]], size: int) -> list[Ratio]:
    entries = []
    for compression, name in {"none": "plain CSV", "gzip": "CSV with gzip"}.items():
        first, *_, last = rises["ours", compression]
        mega = [value / 1e6 for value in (max(rises["ours", compression]), size, last, first)]
        what = f"peak memory above the bodies, {name}"
        entries += [
            Ratio(what, mega[0], mega[1], "bodies", unit="MB", goal=4),
            Ratio(f"{what}: the last of {SNAPSHOTS} snapshots", mega[2], mega[3], "the first", unit="MB"),
        ]
    return entries


def _table(
    seconds: Mapping[Made, float], rises: Mapping[Made, Sequence[int]], sizes: Mapping[Made, int], size: int
) -> Facts:
    rows = [
        [*made, taken * 1000, sizes[made] / 1e6, max(rises[made]) / 1e6 if made in rises else None]
        for made, taken in seconds.items()
    ]
    return Facts(
        f"Bodies of {size / 1e6:.0f} MB",
        ["made by", "compression", "ms", "MB", "peak, MB above the bodies"],
        rows,
        "Medians. The usual way compresses at pandas' default level (9), ours and the floor at level 3.",
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
