# SPDX-License-Identifier: Apache-2.0
"""Running the DAG in a child process, and telling the person how far it is."""

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

#: What each step of the child means to a person.
WORK = {
    "airflow": "Airflow loads its libraries",
    "database": "Airflow makes a throw-away database",
    "extract": "extract: ask Twitch, keep every answer in raw/",
    "transform": "transform: check and clean every row",
    "load": "load: write the CSVs, latest/ and the manifest",
}


def run_ticks(
    console: Console, ticks: Sequence[datetime], *, env: Mapping[str, str], log: Path, twitch: Twitch
) -> None:
    """Run the DAG once for each tick.

    :param env: Airflow's environment
    :param log: for everything that Airflow prints
    :raises DemoError: a run failed: the sentence of its error
    """
    console.print(f"[green]✓[/] Airflow's own log goes to {shown(log)}", soft_wrap=True)
    advance = twitch.simulated.control("advance") if twitch.simulated and twitch.simulated.moves else ""
    receiving, sending = os.pipe()
    command = [
        sys.executable,
        "-m",
        "demo.ticks",
        str(sending),
        advance,
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
    """Show each event as it comes.

    :param events: ``{"tick": …}``, ``{"step": …, "state": …}``; an ``error`` may stand in any
    :returns: the first error's sentence, None where there was none
    """
    failure: str | None = None
    since = time.monotonic()
    status.update(f"{WORK['airflow']} …")
    for event in events:
        if tick := event.get("tick"):
            console.print(f"  [bold]Run of the tick {datetime.fromisoformat(tick):%Y-%m-%d %H:%M} UTC[/]")
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
