# SPDX-License-Identifier: Apache-2.0
"""What a task pays for a crawl, with all that it keeps: CPU of the client a page, and of the two objects.

CPU time, in turns; the least of each counts, since other work of the machine only adds to it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from datetime import datetime

from benchmarks.floors import Answered, two_objects
from benchmarks.local import RUN_AFTER, answers
from benchmarks.report import Entry, Facts, Ratio
from benchmarks.servers import simulated_twitch
from benchmarks.snapshot import in_a_process, raw_header
from twitch_provider.lake.all_streams import transform
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_lines import RawWriter
from twitch_provider.lake.raw_pages import RawBody
from twitch_provider.pipelines.all_streams import HELD_BYTES

#: How many times the CPU of a bare aiohttp loop that only fetches a page may take, with all that is kept.
PAGE_GOAL = 2.5
#: How many times the CPU of a bare script the two objects may take.
OBJECTS_GOAL = 1.5


def measure(streams: int = 20_000, rows: int = 100_000, rounds: int = 10) -> list[Entry]:
    """Measure both.

    :param streams: of the world that is crawled
    :param rows: live streams of the objects
    :param rounds: of everything, in turns
    """
    return [*page_cost(streams, rounds), *objects_cost(rows, rounds)]


def page_cost(streams: int, rounds: int) -> list[Ratio]:
    """Compare the client's CPU time with a bare aiohttp loop that only fetches the same bodies.

    :param streams: of the world
    :param rounds: of all in turns
    """
    with simulated_twitch(streams=streams, moving=True, limit=1_000_000, gzip=True) as twitch:
        taken = {name: each * 1000 for name, each in in_a_process(twitch, "cpu_a_page", rounds).items()}
    note = f"Responses are compressed, as Twitch's are; the best of {rounds} rounds in turns."
    name, bare = "client CPU a page", taken["bare"]
    against = "a bare aiohttp loop that only fetches"
    kept = Ratio(f"{name}, all kept", taken["keep all"], bare, against, "ms", goal=PAGE_GOAL, note=note)
    return [kept, Ratio(f"{name}, nothing kept", taken["only read"], bare, against, "ms", goal=2.0)]


def ours(answered: Sequence[Answered], run_after: datetime) -> tuple[bytes, bytes]:
    """Make the raw object and the gzipped CSV as a task does.

    :param answered: bodies of Get Streams, each with the instant of its response
    :param run_after: the tick of the run
    """
    writer = RawWriter(hold=HELD_BYTES)
    for body, at in answered:
        writer.add(RawBody("streams", (), at, at, body))
    raw = writer.finish(raw_header(None))
    cleaned = transform(raw.bodies(), run_after=run_after)
    return raw.body, Format("csv", "gzip").encode(cleaned.table, cleaned.schema)


def objects_cost(rows: int, rounds: int) -> list[Entry]:
    """Compare with a bare script without cleaning that writes the same two objects.

    :param rows: live streams
    :param rounds: of both in turns
    """
    answered = answers(rows)
    makers = {"ours": ours, "bare script": two_objects}
    taken: dict[str, float] = dict.fromkeys(makers, float("inf"))
    sizes: dict[str, tuple[bytes, bytes]] = {}
    for _ in range(rounds):
        for name, make in makers.items():
            gc.collect()
            cpu = time.process_time()
            sizes[name] = make(answered, RUN_AFTER)
            taken[name] = min(taken[name], time.process_time() - cpu)
    against = "a bare script: json.loads, csv.writer, gzip at our levels"
    name = "bodies → raw object and CSV with gzip: CPU"
    return [
        Ratio(name, taken["ours"], taken["bare script"], against, goal=OBJECTS_GOAL),
        Facts(
            f"The two objects of {rows:,} streams",
            ["made by", "CPU, ms", "raw, MB", "CSV, MB"],
            [[name, taken[name] * 1000, *(len(body) / 1e6 for body in sizes[name])] for name in makers],
            "The bare script neither cleans, nor validates, nor deduplicates, nor sorts.",
        ),
    ]
