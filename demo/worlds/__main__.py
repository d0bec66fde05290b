# SPDX-License-Identifier: Apache-2.0
"""``python -m demo.worlds``: simulate Twitch with a capture or a moving world."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from demo.worlds.live import live_route
from demo.worlds.moving import MovingWorld
from demo.worlds.recordings import read_dataset
from twitch_provider.testing.__main__ import make_parser, make_simulator, serve
from twitch_provider.testing.simulator import Simulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal arrives; return the exit status."""
    parser = make_parser("python -m demo.worlds")
    world = parser.add_argument_group("other worlds")
    kind = world.add_mutually_exclusive_group()
    kind.add_argument(
        "--dataset",
        metavar="PATH",
        help="serve a capture: a folder with games_data.csv and streams_data.csv, or recorded Helix answers "
        "(a .json file or a folder of them)",
    )
    kind.add_argument(
        "--moving",
        action="store_true",
        help="serve a world that moves while it is read; GET /_simulator/live?since=...&until=... returns "
        "who was live all that time",
    )
    world.add_argument(
        "--churn",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="share of the viewers that leave a moving world's streams at every count (default: %(default)s)",
    )
    world.add_argument(
        "--refresh",
        type=int,
        default=60,
        metavar="SECONDS",
        help="seconds from one count of a moving world's stream to its next (default: %(default)s)",
    )
    return serve(parser.parse_args(arguments), make)


def make(options: argparse.Namespace) -> Simulator:
    """Return the simulator of the chosen world; it does not listen yet.

    :param options: the parsed command line
    :raises TwitchConfigError: the dataset cannot be read
    :raises TwitchParameterError: a number is out of range
    """
    if options.moving:
        world = MovingWorld(
            options.seed,
            streams=options.streams,
            starts_at=options.at or datetime.now(UTC),
            churn=options.churn,
            refresh_seconds=options.refresh,
            lists_ended=options.lists_ended,
        )
        return make_simulator(options, world, routes=[live_route(world)])
    return make_simulator(options, read_dataset(options.dataset) if options.dataset else None)


if __name__ == "__main__":
    sys.exit(main())
