# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.run_cluster`` (``make cluster-test``): the compose file's cluster, no Docker.

PostgreSQL, the API server, the scheduler, the dag-processor, the triggerer and, with the CeleryExecutor,
Redis and two workers run as processes of this machine with the environment of ``deploy/compose.yaml``,
against a simulated Twitch and an AWS of moto. The DAGs run on schedule. What runs tasks is killed with
SIGKILL, and frozen with SIGSTOP where another worker is there, in the middle of extract, load and crawl.
So is every service while both DAGs run; AWS is away for a whole interval; the machine is lost, and a
snapshot of its volume restored. After each, every service must be well by itself within two minutes and the
runs a success within five. At the end every interval has a true manifest, or metrics name it as missing; one
token has served everybody, and no secret lies anywhere.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random

from demo.children import stop_on_signals
from demo.errors import DemoError
from tests.cluster import ending
from tests.cluster.client import GoneWrongError
from tests.cluster.cluster import Cluster, set_up, start
from tests.cluster.outages import Outages
from tests.cluster.playing import Play
from tests.cluster.restore import Restore
from tests.cluster.runs import Runs
from tests.cluster.tidying import maintain, search


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up, play, look, tell; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.run_cluster", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=1, help="or freezes at random, beyond the plan (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="of what is drawn (default: another one each time)")
    parser.add_argument(
        "--executor", default="LocalExecutor", choices=("CeleryExecutor", "LocalExecutor"), help="of Airflow"
    )
    parser.add_argument(
        "--only", metavar="TEXT", help="play only those parts of the plan whose name has this in it"
    )
    parser.add_argument(
        "--keep", action="store_true", help="wait for Enter before all of it is ended and deleted"
    )
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    stop_on_signals()
    begun = time.monotonic()
    faults: list[str] = []
    with ExitStack() as stack:
        try:
            play(stack, options, seed, faults)
        except GoneWrongError as error:
            faults.append(str(error))
        if options.keep:
            input("Enter ends it: ")
    print(f"\n{len(faults)} found wrong, after {time.monotonic() - begun:.0f} s")
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


def play(stack: ExitStack, options: argparse.Namespace, seed: int, faults: list[str]) -> None:
    """Do all of it; what is found wrong is added to the faults."""
    with phase("PostgreSQL, Redis, AWS, Twitch and the database of Airflow"):
        cluster = set_up(stack, options.executor)
        tell(cluster)
    with phase("the services are up and well"):
        start(stack, cluster)
    random = Random(seed)  # noqa: S311 - not for secrets
    runs = Runs(cluster, faults)
    outages = Outages(cluster, runs)
    game = Play(cluster, runs, outages, random)
    with phase("the DAGs are unpaused"):
        game.unpause()
    if not options.only:
        with phase("both DAGs on schedule, and metrics"):
            game.on_schedule()
    plan = {**game.planned, **outages.planned, **Restore(cluster, runs, outages).planned}
    chosen = {name: act for name, act in plan.items() if (options.only or "") in name}
    for name, act in chosen.items():
        with phase(name):
            act()
    for number in range(0 if options.only else options.kills):
        with phase(f"freeze or kill at random {number + 1} of {options.kills} (seed {seed})"):
            game.disturb_at_random()
    with phase("what all of it left"):
        ending.look(runs, whole=not options.only)
        ending.look_at_metrics(runs)
    if not options.only:
        with phase("a day is closed"):
            ending.close_a_day(runs)
        with phase("the maintenance of the compose file, once"):
            faults += maintain(cluster)
    with phase("search for secrets"):
        faults += search(cluster)


def tell(cluster: Cluster) -> None:
    """Say what is not as in the file, and where the logs are."""
    print(f"   logs: {cluster.folder}")
    for there, here in cluster.native.replaced().items():
        print(f"   {there} -> {here}")
    added = sorted(cluster.native.added("x").keys() - {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"})
    print(f"   added: {', '.join(added)}", flush=True)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Print how long a part took."""
    print(f"== {name}", flush=True)
    begun = time.monotonic()
    yield
    print(f"-- {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (DemoError, OSError) as error:
        sys.exit(f"error: {error}")
