# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.run_cluster`` (``make cluster-test``): the compose file's cluster, no Docker.

PostgreSQL, Redis, the API server, the scheduler, the dag-processor, the triggerer and two Celery workers
run as processes of this machine with the environment of ``deploy/compose.yaml``, against a simulated Twitch
and an AWS of moto. Both DAGs run on schedule; workers are killed with SIGKILL and frozen with SIGSTOP until
others have done their work, by plan and at random; afterwards every manifest must be true, one token must
have served everybody, and no secret may lie anywhere.
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
from tests.cluster.client import GoneWrongError
from tests.cluster.cluster import Cluster, set_up, start
from tests.cluster.playing import Play
from tests.cluster.runs import Runs
from tests.cluster.tidying import maintain, search


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up, play, look, tell; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.run_cluster", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=1, help="or freezes at random, beyond the plan (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="of what is drawn (default: another one each time)")
    parser.add_argument("--executor", default="CeleryExecutor", choices=("CeleryExecutor", "LocalExecutor"))
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
            play(stack, options.executor, options.kills, seed, faults)
        except GoneWrongError as error:
            faults.append(str(error))
        if options.keep:
            input("Enter ends it: ")
    print(f"\n{len(faults)} found wrong, after {time.monotonic() - begun:.0f} s")
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


def play(stack: ExitStack, executor: str, kills: int, seed: int, faults: list[str]) -> None:
    """Do all of it; what is found wrong is added to the faults."""
    with phase("PostgreSQL, Redis, AWS, Twitch and the database of Airflow"):
        cluster = set_up(stack, executor)
        tell(cluster)
    with phase("the services are up and well"):
        start(stack, cluster)
    game = Play(cluster, Runs(cluster, faults), Random(seed))  # noqa: S311 - not for secrets
    with phase("both DAGs on schedule"):
        game.on_schedule()
    for name in game.planned:
        with phase(name):
            game.do(name)
    for number in range(kills):
        with phase(f"freeze or kill at random {number + 1} of {kills} (seed {seed})"):
            game.disturb_at_random()
    with phase("what all of it left"):
        game.look_at_the_end()
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
