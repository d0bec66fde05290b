# SPDX-License-Identifier: Apache-2.0
"""``python -m twitch_provider.testing``: simulate Twitch on loopback until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from twitch_provider.exceptions import TwitchError
from twitch_provider.testing.faults import FAULTS
from twitch_provider.testing.simulator import Simulator
from twitch_provider.testing.world import World

_DESCRIPTION = """\
Simulate Twitch (Helix and its token endpoint) on 127.0.0.1, for tests and demonstrations.
Once it listens it prints one line of JSON: url, api_url, auth_url, client_id, world. Unless the client
secret is yours, the second line is for your shell: it sets AIRFLOW_CONN_TWITCH_DEFAULT.
"""
_EPILOG = """\
controls over HTTP, below the printed url:
  GET    /_simulator/counters                    requests, statuses, tokens, 429s, faults
  GET    /_simulator/log                         the last requests
  POST   /_simulator/advance {"seconds": 300}    move the world's time forward
  POST   /_simulator/revoke                      revoke every token
  POST   /_simulator/faults  {"name": "false_429", "endpoint": "streams", "times": 2, "start": 1}
  GET    /_simulator/faults                      the names of all faults
  DELETE /_simulator/faults                      switch all faults off

faults:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the generated world until a signal arrives; return the exit status."""
    return serve(make_parser("python -m twitch_provider.testing").parse_args(arguments))


def serve(options: argparse.Namespace, make: Callable[[argparse.Namespace], Simulator] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    :param options: the parsed command line
    :param make: makes the simulator from them; by default :func:`make_simulator`
    :returns: the exit status; 2 after an error, which is printed
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with (make or make_simulator)(options) as simulator:
            names = ("url", "api_url", "auth_url", "client_id")
            address = {name: getattr(simulator, name) for name in names} | {"world": simulator.about}
            lines = [json.dumps(address, ensure_ascii=False)]
            # Not a secret of the caller's: the output may end up in a log.
            if not _given_secret(options):
                lines.append(f"export AIRFLOW_CONN_TWITCH_DEFAULT={shlex.quote(simulator.connection_json())}")
            print(*lines, sep="\n", flush=True)
            stop.wait()
    except TwitchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def make_simulator(
    options: argparse.Namespace, world: World | None = None, routes: Sequence[web.RouteDef] = ()
) -> Simulator:
    """Return the simulator that the command line describes; it does not listen yet.

    :param options: the parsed command line
    :param world: what to serve instead of the generated world
    :param routes: as :class:`Simulator` takes them
    :raises TwitchParameterError: a number is out of range
    """
    return Simulator(
        world,
        seed=options.seed,
        streams=options.streams,
        lists_ended=options.lists_ended,
        at=options.at,
        limit=options.limit,
        refill_per_minute=options.refill,
        latency_ms=options.latency,
        compress=options.gzip,
        most_tokens=options.most_tokens,
        client_id=options.client_id,
        client_secret=_given_secret(options),
        port=options.port,
        routes=routes,
    )


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    :param prog: the command, for the help
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG + "\n".join(f"  {name:26}{text}" for name, text in FAULTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    world = parser.add_argument_group("the world")
    world.add_argument("--seed", type=int, default=1, help="of the generated world (default: %(default)s)")
    world.add_argument(
        "--streams",
        type=int,
        default=6_000,
        metavar="N",
        help="number of live streams (default: %(default)s)",
    )
    world.add_argument(
        "--lists-ended",
        action="store_true",
        help="go on listing streams for 3 to 15 minutes after their end, as Twitch does",
    )
    world.add_argument(
        "--at",
        type=_instant,
        metavar="INSTANT",
        help="the world's time at the start, such as 2026-11-23T16:35:00Z (default: now)",
    )
    server = parser.add_argument_group("the server")
    server.add_argument("--port", type=int, default=0, help="0 chooses a free one (default: %(default)s)")
    server.add_argument(
        "--latency", type=float, default=0, metavar="MS", help="of every response (default: %(default)s)"
    )
    server.add_argument(
        "--gzip",
        action="store_true",
        help="compress responses for a client that accepts gzip, as Twitch does",
    )
    server.add_argument(
        "--limit", type=int, default=800, metavar="POINTS", help="of the rate limit (default: %(default)s)"
    )
    server.add_argument(
        "--refill", type=float, metavar="POINTS", help="points added a minute (default: the limit)"
    )
    server.add_argument(
        "--most-tokens",
        type=int,
        metavar="N",
        help="tokens valid at once; one more revokes the oldest (default: no cap)",
    )
    server.add_argument("--client-id", metavar="ID", help="default: derived from the seed")
    server.add_argument(
        "--client-secret",
        metavar="SECRET",
        help="better set as TWITCH_SIMULATOR_CLIENT_SECRET in the environment "
        "(default: derived from the seed)",
    )
    return parser


def _given_secret(options: argparse.Namespace) -> str | None:
    return options.client_secret or os.environ.get("TWITCH_SIMULATOR_CLIENT_SECRET")


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
