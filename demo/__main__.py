# SPDX-License-Identifier: Apache-2.0
"""``python -m demo``: run the pipeline twice, from a simulated Twitch into a lake here, then play an hour."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo.bucket import reader
from demo.children import ROOT, stop_on_signals
from demo.errors import DemoError
from demo.hour import hour_files, read_hour, render_hour, report_file
from demo.report import files, introduce, render
from demo.runs import run_ticks
from demo.services import new_keys, start_lake, start_twitch, tokens_minted
from demo.settings import airflow_environment, connection_variables, hour_to_play, last_ticks
from demo.summary import read_snapshot


def main() -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--dataset", type=Path, metavar="PATH", help="replay a capture")
    options = parser.parse_args()
    console = Console(highlight=False)
    stop_on_signals()
    try:
        run(console, os.environ, dataset=options.dataset, now=datetime.now(UTC))
    except DemoError as error:
        console.print(f"[bold red]The demo failed.[/] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
        return 130
    return 0


def run(console: Console, caller: Mapping[str, str], *, dataset: Path | None, now: datetime) -> None:
    """Start the servers, run the DAG for two ticks, play an hour, show what the lake holds, stop everything.

    :param caller: the environment of the caller
    :param dataset: a capture to replay
    :param now: the current instant (aware)
    :raises DemoError: something failed
    """
    started = time.monotonic()
    place = ROOT / ".demo" / f"{now:%Y%m%dT%H%M%SZ}"
    logs = place / "logs"
    ticks = last_ticks(now, 2)
    keys = new_keys()
    with ExitStack() as stack:
        twitch = start_twitch(stack, logs, keys, caller, dataset=dataset, begin=ticks[0])
        lake = start_lake(stack, place / "s3", logs, keys, caller)
        console.print(introduce(twitch, lake), soft_wrap=True)
        env = airflow_environment(place / "airflow", ROOT / "dags", lake, caller=caller)
        env |= connection_variables(twitch, lake)
        # Into a real bucket nothing is played.
        hour = hour_to_play(ticks[0]) if lake.folder else None
        run_ticks(console, ticks, hour=hour, env=env, log=logs / "airflow.log", twitch=twitch)
        get = reader(lake)
        snapshots = [read_snapshot(get, lake.prefix, tick) for tick in ticks]
        tokens = tokens_minted(twitch)
        metrics = read_hour(get, hour) if hour else None
    console.print(render(snapshots, twitch, tokens))
    console.print()
    console.print(files(snapshots, lake), soft_wrap=True)
    if metrics:
        console.print()
        console.print(render_hour(metrics))
        console.print(hour_files(metrics, lake), soft_wrap=True)
    console.print(
        f"\nDone in {time.monotonic() - started:.0f} s; nothing is left running. What next:\n"
        "  make airflow    the DAGs in a local Airflow with its UI\n"
        "  README.md       how to install it in your own Airflow",
        soft_wrap=True,
    )
    if hour:
        console.print()
        console.print(report_file(hour, lake), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
