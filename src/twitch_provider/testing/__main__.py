# SPDX-License-Identifier: Apache-2.0
"""``python -m twitch_provider.testing``: play Twitch on loopback until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from twitch_provider.exceptions import TwitchError
from twitch_provider.testing.moving import MovingWorld
from twitch_provider.testing.plays import FAULTS
from twitch_provider.testing.simulator import Simulator

_DESCRIPTION = """\
Play Twitch (Helix and its token endpoint) on 127.0.0.1, for tests and demonstrations.
Once it listens it prints one line of JSON: url, api_url, auth_url, client_id, world.
"""
_EPILOG = """\
for scripts, below the printed url:
  GET    /_simulator/counters                    requests, statuses, tokens, 429s, faults played
  GET    /_simulator/log                         the last requests
  GET    /_simulator/live?since=...&until=...    of a moving world: who was live all that time
  POST   /_simulator/advance {"seconds": 300}    push the world forward
  POST   /_simulator/revoke                      end every token
  POST   /_simulator/faults  {"name": "false_429", "endpoint": "streams", "times": 2, "start": 1}
  GET    /_simulator/faults                      what faults there are
  DELETE /_simulator/faults                      switch them off

faults:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit status."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with _simulator(options) as simulator:
            print(json.dumps(_card(simulator), ensure_ascii=False), flush=True)
            stop.wait()
    except TwitchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _simulator(options: argparse.Namespace) -> Simulator:
    world = None
    if options.moving:
        world = MovingWorld(
            options.seed,
            streams=options.streams,
            starts_at=options.at or datetime.now(UTC),
            churn=options.churn,
            refresh_seconds=options.refresh,
        )
    return Simulator(
        world,
        dataset=options.dataset,
        seed=options.seed,
        streams=options.streams,
        at=options.at,
        limit=options.limit,
        refill_per_minute=options.refill,
        latency_ms=options.latency,
        compress=options.gzip,
        most_tokens=options.most_tokens,
        client_id=options.client_id,
        client_secret=options.client_secret or os.environ.get("TWITCH_SIMULATOR_CLIENT_SECRET"),
        port=options.port,
    )


def _card(simulator: Simulator) -> dict[str, str]:
    """What a script needs to know; the secret is not printed."""
    return {
        "url": simulator.url,
        "api_url": simulator.api_url,
        "auth_url": simulator.auth_url,
        "client_id": simulator.client_id,
        "world": simulator.about,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m twitch_provider.testing",
        description=_DESCRIPTION,
        epilog=_EPILOG + "\n".join(f"  {name:26}{text}" for name, text in FAULTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    world = parser.add_argument_group("the world")
    kind = world.add_mutually_exclusive_group()
    kind.add_argument(
        "--dataset",
        metavar="PATH",
        help="serve a capture: a folder with games_data.csv and streams_data.csv, or recorded Helix answers "
        "(a .json file or a folder of them); without it the world is made up",
    )
    kind.add_argument(
        "--moving",
        action="store_true",
        help="the made-up world moves while it is read, and tells afterwards who was live all along",
    )
    world.add_argument(
        "--churn",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="of the viewers that leave a moving world's streams at every count (default: %(default)s)",
    )
    world.add_argument(
        "--refresh",
        type=int,
        default=60,
        metavar="SECONDS",
        help="from one count of a moving world's stream to its next (default: %(default)s)",
    )
    world.add_argument("--seed", type=int, default=1, help="of the made-up world (default: %(default)s)")
    world.add_argument(
        "--streams", type=int, default=6_000, metavar="N", help="live streams in it (default: %(default)s)"
    )
    world.add_argument(
        "--at",
        type=_instant,
        metavar="INSTANT",
        help="when the world starts, such as 2026-11-23T16:35:00Z "
        "(default: when the capture was taken, else now)",
    )
    server = parser.add_argument_group("the server")
    server.add_argument("--port", type=int, default=0, help="0 takes a free one (default: %(default)s)")
    server.add_argument(
        "--latency", type=float, default=0, metavar="MS", help="of every answer (default: %(default)s)"
    )
    server.add_argument(
        "--gzip", action="store_true", help="gzip answers for a client that accepts it, as Twitch does"
    )
    server.add_argument(
        "--limit", type=int, default=800, metavar="POINTS", help="of the rate limit (default: %(default)s)"
    )
    server.add_argument(
        "--refill", type=float, metavar="POINTS", help="what it really gains a minute (default: the limit)"
    )
    server.add_argument(
        "--most-tokens", type=int, metavar="N", help="tokens valid at once, the oldest dies (default: no cap)"
    )
    server.add_argument("--client-id", metavar="ID", help="default: made up from the seed")
    server.add_argument(
        "--client-secret",
        metavar="SECRET",
        help="better given as TWITCH_SIMULATOR_CLIENT_SECRET in the environment "
        "(default: made up from the seed)",
    )
    return parser


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
