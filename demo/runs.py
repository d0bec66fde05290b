# SPDX-License-Identifier: Apache-2.0
"""Run the DAG in a child process, let it play an hour, and print its progress."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.status import Status

from demo.children import Child, shown
from demo.errors import DemoError
from demo.settings import Twitch

#: What is printed for each step of the child.
WORK = {
    "airflow": "Airflow: import",
    "database": "Airflow: create a temporary database",
    "extract": "extract: read Twitch's pages, write them to raw/",
    "transform": "transform: clean the rows",
    "load": "load: write the CSVs, the manifest and latest/",
    "play": "crawl: 13 snapshots of every stream; two ticks in a row are missing, one is late",
    "metrics": "metrics: close its day, write the tables of its hours and of the day as Parquet",
    "report": "report: write what the metrics say as one HTML file",
}


def run_ticks(
    console: Console,
    ticks: Sequence[datetime],
    *,
    hour: datetime | None,
    env: Mapping[str, str],
    log: Path,
    twitch: Twitch,
) -> None:
    """Run the DAG once for each tick, then play an hour.

    :param hour: the beginning of the hour to play; None plays none
    :param env: Airflow's environment
    :param log: for the output of Airflow
    :raises DemoError: a run failed; with its error
    """
    console.print(f"[green]✓[/] Airflow's log: {shown(log)}", soft_wrap=True)
    advance = twitch.simulated.control("advance") if twitch.simulated and twitch.simulated.moves else ""
    receiving, sending = os.pipe()
    command = [
        sys.executable,
        "-m",
        "demo.ticks",
        str(sending),
        advance,
        hour.isoformat() if hour else "",
        *(tick.isoformat() for tick in ticks),
    ]
    try:
        child = Child("Airflow", command, env=env, log=log, inherited=[sending])
    finally:
        os.close(sending)
    with child, os.fdopen(receiving) as pipe, console.status("") as status:
        failure = follow(console, status, map(json.loads, pipe))
        code = child.wait()
    if failure or code:
        raise DemoError(f"{failure or child.last_line()}\nAirflow's log: {shown(log)}")


MARKS = {"success": "[green]✓[/]", "skipped": "[yellow]-[/]", "failed": "[red]✗[/]"}


def follow(console: Console, status: Status, events: Iterable[Mapping[str, str]]) -> str | None:
    """Print each event as it arrives.

    :param events: ``{"tick": …}``, ``{"hour": …}`` and ``{"step": …, "state": …}``, each with an
        optional ``error``
    :returns: the first error, or None
    """
    failure: str | None = None
    since = time.monotonic()
    status.update(f"{WORK['airflow']} …")
    for event in events:
        if tick := event.get("tick"):
            console.print(f"  [bold]Run of the tick {datetime.fromisoformat(tick):%Y-%m-%d %H:%M} UTC[/]")
            continue
        if hour := event.get("hour"):
            begin = datetime.fromisoformat(hour)
            console.print(f"  [bold]A simulated hour, {begin:%Y-%m-%d %H:%M} UTC, played in seconds[/]")
            continue
        failure = failure or event.get("error")
        if "step" not in event:
            continue
        work, state = WORK.get(event["step"], event["step"]), event["state"]
        if state == "running":
            since = time.monotonic()
            status.update(f"{work} …")
            continue
        console.print(f"{MARKS[state]} {work} [dim]({time.monotonic() - since:.1f} s)[/]")
    return failure
