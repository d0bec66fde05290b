# SPDX-License-Identifier: Apache-2.0
"""The PyPI clients ``twitchAPI`` and ``TwitchIO`` compared with ours: every live stream, and two faults.

``python -m benchmarks.clients READER MOST_ROWS`` reads once, in its own process, and prints the outcome as
JSON.

Neither can fetch its token here: both put the client secret into the query of the token request (twitchAPI
4.5.0 ``Twitch._generate_app_token``, TwitchIO 3.3.2 ``OAuth._create_params``), where proxies log it; the
simulator reads the form of the guide. So they are given a token.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.report import Entry, Facts, Ratio
from benchmarks.servers import SimulatedTwitch, run_json, simulated_twitch

#: Streams of the world that is read whole: 300 pages, 45 s at 150 ms.
STREAMS = 30_000
LATENCY = 150

Reader = Callable[[SimulatedTwitch], AsyncIterator[str]]


@dataclass(frozen=True)
class Outcome:
    """How a reading ended.

    :param ids: of the broadcasters, in the order of arrival
    :param wall: seconds from the first row on
    :param cpu: seconds of this process, from the first row on
    :param end: ``the list ended``, the error's name, or ``stopped``
    """

    ids: Sequence[str]
    wall: float
    cpu: float
    end: str


async def ours(twitch: SimulatedTwitch) -> AsyncIterator[str]:
    """Read with our hook: one cursor, rows as dicts.

    :param twitch: the simulated Twitch
    """
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook

    os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = twitch.connection
    async with TwitchAsyncHook() as hook:
        async for stream in hook.get_streams():
            yield stream["user_id"]


async def twitch_api(twitch: SimulatedTwitch) -> AsyncIterator[str]:
    """Read with twitchAPI.

    :param twitch: the simulated Twitch
    """
    from twitchAPI.twitch import Twitch

    client = await Twitch(
        twitch.client_id,
        twitch.client_secret,
        authenticate_app=False,
        base_url=f"{twitch.api_url}/",
        auth_base_url=f"{twitch.auth_url}/",
    )
    client._app_auth_token, client._has_app_auth = twitch.token(), True  # noqa: SLF001 - no public way
    async for stream in client.get_streams(first=100):
        yield stream.user_id


async def twitch_io(twitch: SimulatedTwitch) -> AsyncIterator[str]:
    """Read with TwitchIO.

    :param twitch: the simulated Twitch
    """
    import twitchio
    from twitchio.http import Route

    Route.BASE = f"{twitch.api_url}/"
    async with twitchio.Client(client_id=twitch.client_id, client_secret=twitch.client_secret) as client:
        await client.login(token=twitch.token(), load_tokens=False, save_tokens=False)
        async for stream in client.fetch_streams(first=100):
            yield stream.user.id


async def crawl(twitch: SimulatedTwitch) -> AsyncIterator[str]:
    """Read with our crawl: a walk for each language.

    :param twitch: the simulated Twitch
    """
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook

    os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = twitch.connection
    async with TwitchAsyncHook() as hook:
        arrived: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        crawling = asyncio.ensure_future(hook.crawl(lambda page: arrived.put_nowait(page.users)))
        crawling.add_done_callback(lambda _: arrived.put_nowait(()))
        while not (crawling.done() and arrived.empty()):
            for user_id in await arrived.get():
                yield user_id
        await crawling


#: By one cursor each, which is all that the others offer.
READERS: dict[str, Reader] = {"ours": ours, "twitchAPI": twitch_api, "TwitchIO": twitch_io}
EVERYONE: dict[str, Reader] = {**READERS, "our crawl": crawl}


async def read(reader: Reader, twitch: SimulatedTwitch, most_rows: int) -> Outcome:
    """Read the whole list once.

    :param reader: the client
    :param twitch: the simulated Twitch
    :param most_rows: stop after this many rows
    """
    ids: list[str] = []
    end = "the list ended"
    async with aclosing(reader(twitch)) as rows:  # type: ignore[type-var]
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            async for user_id in rows:
                if not ids:
                    # Its libraries are loaded and page one has arrived: from here on only pages are measured.
                    wall, cpu = time.perf_counter(), time.process_time()
                ids.append(user_id)
                if len(ids) >= most_rows:
                    end = "stopped"
                    break
        except Exception as error:
            end = type(error).__name__
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Outcome(ids, wall, cpu, end)


def measure(streams: int = STREAMS, latency: float = LATENCY) -> list[Entry]:
    """Read the same world with every client, then with two faults.

    :param streams: live in the world
    :param latency: milliseconds of a response
    """
    with simulated_twitch(streams=streams, latency=latency, moving=True) as twitch:
        whole = {name: _whole(name, twitch, streams) for name in EVERYONE}
    mine = whole["ours"]
    ratios: list[Entry] = [
        Ratio(f"CPU a page: ours to {name}", mine["cpu_ms"], other["cpu_ms"], name, "ms")
        for name, other in whole.items()
        if name in READERS and name != "ours"
    ]
    headings = ["requests", "429s", "rows", "duplicates", "missed", "CPU a page, ms", "wall, s", "end"]
    keys = ["requests", "too_many", "rows", "duplicates", "missed", "cpu_ms", "wall", "end"]
    facts = Facts(
        f"{streams:,} streams, {latency:g} ms a response",
        ["client", *headings],
        [[name, *(figures[key] for key in keys)] for name, figures in whole.items()],
        "Missed: broadcasters live throughout and not in the list. One cursor misses some in every client.",
    )
    return [*ratios, facts, with_faults()]


def _whole(name: str, twitch: SimulatedTwitch, streams: int) -> dict[str, Any]:
    before, since = twitch.counters(), twitch.now()
    outcome = _in_a_process(name, twitch, most_rows=2 * streams)
    after, until = twitch.counters(), twitch.now()
    requests = after["requests"]["streams"] - before["requests"].get("streams", 0)
    seen = set(outcome.ids)
    return {
        "requests": requests,
        "too_many": after["rate_limited"] - before["rate_limited"],
        "rows": len(outcome.ids),
        "twice": len(outcome.ids) - len(seen),
        "missed": len(twitch.live(since, until) - seen),
        "cpu_ms": outcome.cpu * 1000 / (requests - 1),
        "wall": outcome.wall,
        "end": outcome.end,
    }


#: Fault -> its description in the table.
FAULTS = {
    "false_429": "one 429 on page 5 of 20",
    "repeated_cursor": "a cursor that always leads back to its own page",
}


def with_faults(streams: int = 2_000, read_one: Callable[..., Outcome] | None = None) -> Facts:
    """Read with each client under each fault.

    :param streams: of the world; a client that reads three times as many rows is stopped
    :param read_one: as :func:`_in_a_process`, which is the default
    """
    rows: list[list[str | float | None]] = []
    for fault, description in FAULTS.items():
        for name in READERS:
            with simulated_twitch(streams=streams) as twitch:
                twitch.fault(fault, endpoint="streams", start=5, times=1 if fault == "false_429" else None)
                outcome = (read_one or _in_a_process)(name, twitch, most_rows=3 * streams)
                requests = twitch.counters()["requests"]["streams"]
            distinct = len(set(outcome.ids))
            rows.append([description, name, requests, distinct, len(outcome.ids) - distinct, outcome.end])
    note = f"{streams:,} streams are live. A list that ends early without an error is an unnoticed loss."
    return Facts("Two faults", ["fault", "client", "requests", "rows", "duplicates", "end"], rows, note)


def _in_a_process(name: str, twitch: SimulatedTwitch, *, most_rows: int) -> Outcome:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.clients", name, str(most_rows)]
    where = json.dumps([twitch.url, twitch.client_id, twitch.client_secret])
    return Outcome(**run_json(command, {"SIMULATED_TWITCH": where}))


def main(name: str, most_rows: str) -> None:
    """Read once and print the outcome.

    :param name: of :data:`EVERYONE`
    :param most_rows: stop after this many rows
    """
    twitch = SimulatedTwitch(*json.loads(os.environ["SIMULATED_TWITCH"]))
    outcome = asyncio.run(read(EVERYONE[name], twitch, int(most_rows)))
    print("\n" + json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main(*sys.argv[1:])
