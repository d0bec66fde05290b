# SPDX-License-Identifier: Apache-2.0
"""``python -m demo.local_airflow``: an Airflow on this machine that runs the reference DAGs.

Not by ``airflow standalone``, which leaves child processes behind when it ends.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from cryptography.fernet import Fernet
from rich.console import Console

from demo.children import ROOT, Child, shown, stop_on_signals
from demo.errors import DemoError
from demo.report import introduce
from demo.services import new_keys, random_key, show_lake, start_lake, start_twitch
from demo.settings import DAG_ID, Lake, airflow_environment, connections

HOME = ROOT / ".airflow"
LOGS = HOME / "logs"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
READY = 240.0
#: What `make airflow` runs, and when.
DAGS = {
    DAG_ID: "every five minutes: the top games and their streams",
    "twitch_all_streams": "every five minutes: every live stream",
    "twitch_viewers_by_language": "when twitch_top_games has published a snapshot",
    "twitch_metrics": "after a snapshot, and every quarter of an hour: the hours that changed",
    "twitch_rebuild": "by hand: builds snapshots of past days again from raw/",
    "twitch_alert_notify": "when twitch_metrics has alerts or all-clears: writes them to its log",
    "twitch_daily": "twenty minutes after midnight: closes the day",
    "twitch_live_alert": "when one of its CHANNELS goes live",
}


def main() -> int:
    """Run a local Airflow until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.local_airflow", description=__doc__)
    parser.add_argument("--dataset", type=Path, metavar="PATH", help="replay a capture")
    parser.add_argument(
        "--port", type=int, default=8080, help="port of the UI (default: %(default)s or the next free one)"
    )
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    stop_on_signals()
    try:
        with ExitStack() as stack:
            start(console, stack, os.environ, dataset=options.dataset, port=options.port)
    except DemoError as error:
        console.print(f"[bold red]Airflow stopped.[/] {error}")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running; the next `make airflow` continues from here.")
        return 130
    return 0


def start(
    console: Console, stack: ExitStack, caller: Mapping[str, str], *, dataset: Path | None, port: int
) -> None:
    """Start everything, print where it is, and watch it until one component ends.

    :param stack: stops what was started
    :param caller: the environment of the caller
    :param dataset: a capture to replay
    :param port: preferred one of the UI
    :raises DemoError: a component could not start, or ended
    """
    HOME.mkdir(exist_ok=True)
    lock_state(stack, HOME / "lock")
    keys = load_keys(HOME / "keys.json")
    twitch = start_twitch(stack, LOGS, keys, caller, dataset=dataset)
    lake = start_lake(stack, HOME / "s3", LOGS, keys, caller)
    console.print(introduce(twitch, lake))

    port = free_port(port)
    env = airflow_environment(HOME / "airflow", ROOT / "dags", lake, caller=caller)
    settings = component_settings(keys, port)
    env |= settings | show_lake(stack, lake, LOGS, caller)
    with console.status("Preparing Airflow's database …"):
        prepare(env | {"CONNECTIONS": json.dumps(connections(twitch, lake))})
    with console.status("Starting Airflow: API server, scheduler, dag-processor, triggerer …"):
        parts = [
            stack.enter_context(
                Child(name, [sys.executable, "-m", "airflow", name], env=env, log=LOGS / f"{name}.log")
            )
            for name in COMPONENTS
        ]
        wait_until_healthy(parts, f"http://127.0.0.1:{port}")
    console.print(describe(lake, settings))
    watch(parts)


def describe(lake: Lake, settings: Mapping[str, str]) -> str:
    """Return what runs and where, for the person at the terminal.

    :param settings: as of :func:`component_settings`
    """
    url = settings["AIRFLOW__API__BASE_URL"]
    ports = [settings[f"AIRFLOW__LOGGING__{name}_LOG_SERVER_PORT"] for name in ("WORKER", "TRIGGER")]
    dags = "".join(f"    {name:<28}{what}\n" for name, what in DAGS.items())
    return (
        f"[green]✓[/] Airflow is ready, without a password: [bold]{url}/dags/{DAG_ID}[/]\n"
        f"  It runs the DAGs in {shown(ROOT / 'dags')}/:\n{dags}"
        f"  What they publish: {url}/plugin/twitch (Browse, Twitch)\n"
        f"  CSVs: {shown(lake.where(lake.prefix))}\n"
        f"  Logs: {shown(LOGS)}. Everything is kept in {shown(HOME)} until `make clean`.\n"
        f"  The UI listens on 127.0.0.1 only. Airflow's log servers ({' and '.join(ports)}) listen on all\n"
        "  interfaces, which no setting of Airflow changes; they refuse requests that are not signed by it.\n"
        "  Ctrl-C stops all of it."
    )


def component_settings(keys: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the settings that Airflow's components share, beyond those of a single process.

    :param keys: as of :func:`load_keys`
    :param port: of the API server
    """
    url = f"http://127.0.0.1:{port}"
    logs_of_workers = free_port(8793)
    settings = {
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__API__SECRET_KEY": keys["api_secret_key"],
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "AIRFLOW__CORE__PARALLELISM": 4,
        # The default ports may be in use by another Airflow of this machine.
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": logs_of_workers,
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(logs_of_workers + 1),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": False,
    }
    return {name: str(value) for name, value in settings.items()}


def load_keys(path: Path) -> dict[str, str]:
    """Return this Airflow's keys; they are created once, and only their owner can read them."""
    if not path.exists():
        keys = {
            **new_keys(),
            "fernet_key": Fernet.generate_key().decode(),
            "jwt_secret": random_key(64),
            "api_secret_key": random_key(64),
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(keys, file)
    found: dict[str, str] = json.loads(path.read_text())
    return found


def lock_state(stack: ExitStack, path: Path) -> None:
    """Keep a second Airflow from using the same state.

    :raises DemoError: another one runs
    """
    lock = stack.enter_context(path.open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoError("`make airflow` already runs in this checkout: stop it with Ctrl-C first.") from None


def free_port(preferred: int) -> int:
    """Return the first free port from ``preferred`` on.

    :raises DemoError: the next twenty are in use
    """
    for port in range(preferred, preferred + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoError(f"All ports from {preferred} to {port} are in use: choose another with PORT=.")


def prepare(env: Mapping[str, str], *, log: Path = LOGS / "prepare.log") -> None:
    """Migrate the database and save the connections in it.

    :param env: with ``CONNECTIONS``, as of :mod:`demo.prepare`
    :raises DemoError: that failed
    """
    command = [sys.executable, "-m", "demo.prepare"]
    with Child("The database", command, env=env, log=log) as child:
        if child.wait():
            raise DemoError(f"Airflow's database: {child.last_line()} (log: {shown(child.log)})")


def wait_until_healthy(parts: list[Child], url: str) -> None:
    """Return when the API server reports all components as healthy.

    :raises DemoError: a component ended, or it took too long
    """
    deadline = time.monotonic() + READY
    while not is_healthy(f"{url}/api/v2/monitor/health"):
        check(parts)
        if time.monotonic() > deadline:
            raise DemoError(f"Airflow was not ready after {READY:.0f} s; its logs are in {shown(LOGS)}.")
        time.sleep(0.5)


def is_healthy(url: str) -> bool:
    """Return whether the API server reports all components as healthy."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return all(part["status"] == "healthy" for part in json.load(answer).values())
    except OSError:
        return False


def watch(parts: list[Child]) -> None:
    """Check the components every second, endlessly.

    :raises DemoError: one of them ended
    """
    while True:
        check(parts)
        time.sleep(1)


def check(parts: list[Child]) -> None:
    """Check that all components run.

    :raises DemoError: one of them ended
    """
    for part in parts:
        if not part.running:
            raise DemoError(f"The {part.name} ended: {part.last_line()} (log: {shown(part.log)})")


if __name__ == "__main__":
    sys.exit(main())
