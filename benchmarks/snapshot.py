# SPDX-License-Identifier: Apache-2.0
"""Snapshots as a worker takes them, measured: ``python -m benchmarks.snapshot PLAN`` prints them as JSON.

They run in their own process, whose memory and CPU time are measured. The environment has the address of the
simulated Twitch. A plan is a list of steps: the arguments of :func:`take`, and ``after``, the seconds from
the start of the step before. The world's time is moved forward instead of waiting.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.servers import SimulatedTwitch, run_json
from twitch_provider import __version__
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.hooks import sessions
from twitch_provider.hooks.twitch_async import TwitchAsyncHook
from twitch_provider.lake import all_streams
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_lines import RawWriter
from twitch_provider.lake.raw_pages import RawBody
from twitch_provider.pipelines.all_streams import HELD_BYTES


@dataclass(frozen=True)
class Known:
    """The previous state for the next crawl."""

    users: frozenset[str]
    languages: Mapping[str, int]
    checkpoints: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Taken:
    """A snapshot, compared with the world.

    :param report: of the crawl
    :param longest: pages of its longest language walk
    :param live: broadcasters live from its first to its last request
    :param missed: of those, how many it does not have
    :param missed_one_pass: of those, how many its language walks did not find
    :param cpu: seconds of CPU time of the crawl
    :param csv: seconds from the raw object to the bytes of the object
    :param bodies: bytes of the bodies
    :param memory: peak increase of the process, in bytes
    :param resident: bytes of the process at the end
    :param rows: of the object
    """

    report: Mapping[str, Any]
    longest: int
    live: int
    missed: int
    missed_one_pass: int
    cpu: float
    csv: float
    bodies: int
    memory: int
    resident: int
    rows: int


async def take(
    twitch: SimulatedTwitch,
    *,
    known: Known | None = None,
    from_checkpoints: bool = False,
    reserve: float | None = None,
) -> tuple[Taken, Known]:
    """Take a snapshot: crawl, compress, clean, and make the object's bytes.

    :param twitch: the simulated Twitch
    :param known: the previous state
    :param from_checkpoints: start walks at remembered cursors, too
    :param reserve: points of the rate limit to leave to others; None for the default
    """
    listed: list[Sequence[str]] = []
    looked_up: set[str] = set()
    bodies = 0
    memory = Memory()
    writer = RawWriter(hold=HELD_BYTES)

    def keep(page: LightPage) -> None:
        nonlocal bodies
        if any(name == "user_id" for name, _ in page.params):
            looked_up.update(page.users)
        else:
            listed.append(page.users)
        bodies += len(page.body)
        writer.add(page)

    async with opened(twitch, reserve=reserve) as hook:
        since, cpu = twitch.now(), time.process_time()
        report = await hook.crawl(keep, remembered=known, from_checkpoints=from_checkpoints)
        cpu, until = time.process_time() - cpu, twitch.now()
    csv = time.perf_counter()
    raw = writer.finish(raw_header(report))
    cleaned = all_streams.transform(raw.bodies(), run_after=datetime.now(UTC))
    rows = cleaned.table.num_rows
    Format("csv", "gzip").encode(cleaned.table, cleaned.schema)
    csv = time.perf_counter() - csv
    del cleaned
    live = twitch.live(since, until)
    # What was read once more, by a first crawl, comes after the walks.
    walked = len(listed) - (report.second_look.pages_read if report.second_look else 0)
    one_pass = frozenset().union(*listed[:walked])
    everyone = one_pass.union(looked_up, *listed[walked:])
    taken = Taken(
        report=report.as_dict(),
        longest=max(each.pages for each in report.language_walks.values()),
        live=len(live),
        missed=len(live - everyone),
        missed_one_pass=len(live - one_pass),
        cpu=cpu,
        csv=csv,
        bodies=bodies,
        memory=memory.rise(),
        resident=_resident(),
        rows=rows,
    )
    return taken, Known(everyone, report.languages, report.checkpoints)


def raw_header(report: CrawlReport | None) -> RawHeader:
    """Return what the operator's raw object would begin with.

    :param report: of the crawl; None where nothing was crawled
    """
    return RawHeader(
        owner=Owner("benchmark", "snapshot", "crawl"),
        try_id="0" * 8,
        scope={"asks": {"strategy": "languages"}, "writes": {"file_format": "csv", "compression": "gzip"}},
        adhoc=False,
        run_type="manual",
        interval_seconds=None,
        provider_version=__version__,
        loopback=True,
        requests=report.requests if report else 0,
        points_left=report.points_left if report else None,
        report=report.as_dict() if report else None,
    )


@asynccontextmanager
async def opened(twitch: SimulatedTwitch, *, reserve: float | None = None) -> AsyncIterator[TwitchAsyncHook]:
    """Open our hook as in a new worker: without a token and without a rate limit that is known.

    :param twitch: the simulated Twitch
    :param reserve: points of the rate limit to leave to others; None for the default
    """
    sessions.forget_shared()
    connection = json.loads(twitch.connection)
    if reserve is not None:
        connection["extra"]["rate_limit_reserve"] = reserve
    os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = json.dumps(connection)
    async with TwitchAsyncHook() as hook:
        yield hook


async def one_cursor(twitch: SimulatedTwitch) -> dict[str, float]:
    """Read the whole list by one cursor.

    :param twitch: the simulated Twitch
    :returns: seconds, how many were live throughout, and how many of those were missed
    """
    seen: set[str] = set()
    async with opened(twitch) as hook:
        since, wall = twitch.now(), time.perf_counter()
        async for page in hook.pages("streams"):
            seen.update(row["user_id"] for row in page.new_rows)
        wall, until = time.perf_counter() - wall, twitch.now()
    live = twitch.live(since, until)
    return {"wall": wall, "live": len(live), "missed": len(live - seen)}


async def follow(twitch: SimulatedTwitch, plan: Sequence[Mapping[str, Any]]) -> list[Taken]:
    """Take the snapshots of a plan, each with the state of the one before.

    :param twitch: the simulated Twitch
    :param plan: as the module's docstring describes
    """
    await _warm_up(twitch)
    found: list[Taken] = []
    known: Known | None = None
    began = 0.0
    for step in plan:
        options = {name: value for name, value in step.items() if name != "after"}
        if found:
            twitch.advance(max(0.0, step.get("after", 0.0) - (time.monotonic() - began)))
        began = time.monotonic()
        taken, known = await take(twitch, known=known, **options)
        found.append(taken)
    return found


async def _warm_up(twitch: SimulatedTwitch) -> None:
    """Let Airflow and pyarrow load what they load on first use: 100 MB that are not of a snapshot."""
    async with opened(twitch) as hook:
        page = await anext(hook.pages("streams"))
    body = RawBody(page.endpoint, page.params, page.answered_at, page.received_at, page.body)
    cleaned = all_streams.transform([body], run_after=datetime.now(UTC))
    Format("csv", "gzip").encode(cleaned.table, cleaned.schema)


async def cpu_a_page(twitch: SimulatedTwitch, rounds: int) -> dict[str, float]:
    """Crawl, crawl and keep everything, and fetch the same pages by a bare loop, in turns.

    :param twitch: the simulated Twitch; its rate limit is never reached
    :param rounds: how often
    :returns: the least CPU seconds a page of each
    """
    queries: list[Sequence[tuple[str, str]]] = []

    async def ours(keep: Callable[[LightPage], None], finish: Callable[[CrawlReport], Any]) -> float:
        async with opened(twitch) as hook:
            gc.collect()
            cpu = time.process_time()
            report = await hook.crawl(keep)
            finish(report)
            return (time.process_time() - cpu) / report.pages

    async def only_read() -> float:
        queries.clear()
        return await ours(lambda page: queries.append(page.params), lambda report: None)

    async def keep_all() -> float:
        writer = RawWriter(hold=HELD_BYTES)
        return await ours(writer.add, lambda report: writer.finish(raw_header(report)))

    async def bare() -> float:
        gc.collect()
        cpu = time.process_time()
        await fetch(twitch, queries)
        return (time.process_time() - cpu) / len(queries)

    works = {"only read": only_read, "keep all": keep_all, "bare": bare}
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            taken[name].append(await work())
    # The first round loads what is loaded on first use.
    return {name: min(each[1:]) for name, each in taken.items()}


async def fetch(twitch: SimulatedTwitch, queries: Sequence[Sequence[tuple[str, str]]]) -> int:
    """Fetch pages by aiohttp only, 32 at a time; return the number of their bytes.

    :param twitch: the simulated Twitch
    :param queries: of the pages
    """
    import aiohttp

    waiting, size = list(queries), 0
    headers = {"Client-Id": twitch.client_id, "Authorization": f"Bearer {twitch.token()}"}
    connector = aiohttp.TCPConnector(limit=32)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def work() -> None:
            nonlocal size
            while waiting:
                async with session.get(f"{twitch.api_url}/streams", params=waiting.pop()) as answer:
                    answer.raise_for_status()
                    size += len(await answer.read())

        await asyncio.gather(*(work() for _ in range(32)))
    return size


class Memory:
    """The peak increase of this process from here on. Linux only; elsewhere it is 0."""

    def __init__(self) -> None:
        gc.collect()
        with suppress(OSError):
            # https://docs.kernel.org/filesystems/proc.html: 5 resets the peak.
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _status("VmRSS")

    def rise(self) -> int:
        """The peak increase so far, in bytes."""
        return max(0, _status("VmHWM") - self._before)


def _resident() -> int:
    gc.collect()
    return _status("VmRSS")


def _status(name: str) -> int:
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else 0


def in_a_process(twitch: SimulatedTwitch, work: str, argument: Any = None) -> Any:
    """Do one of :data:`WORK` in its own process.

    :param twitch: the simulated Twitch
    :param work: its name
    :param argument: for it
    """
    return run_json(*command(twitch, work, argument))


def command(twitch: SimulatedTwitch, work: str, argument: Any = None) -> tuple[list[str], dict[str, str]]:
    """Return the command that does one of :data:`WORK`, and its environment.

    :param twitch: the simulated Twitch
    :param work: its name
    :param argument: for it
    """
    where = json.dumps([twitch.url, twitch.client_id, twitch.client_secret])
    code = [sys.executable, "-W", "ignore", "-m", "benchmarks.snapshot", work, json.dumps(argument)]
    return code, {"SIMULATED_TWITCH": where}


async def _follow(twitch: SimulatedTwitch, plan: Any) -> Any:
    return [asdict(taken) for taken in await follow(twitch, plan)]


WORK: dict[str, Callable[[SimulatedTwitch, Any], Any]] = {
    "follow": _follow,
    "one_cursor": lambda twitch, _: one_cursor(twitch),
    "cpu_a_page": cpu_a_page,
}


def main(work: str, argument: str) -> None:
    """Do one of :data:`WORK`, and print the result.

    :param work: its name
    :param argument: for it, as JSON
    """
    twitch = SimulatedTwitch(*json.loads(os.environ["SIMULATED_TWITCH"]))
    print("\n" + json.dumps(asyncio.run(WORK[work](twitch, json.loads(argument)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
