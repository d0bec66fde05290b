# SPDX-License-Identifier: Apache-2.0
"""The simulator as a thing to hold: make a Twitch, serve it, steer it, look at what happened."""

from __future__ import annotations

import hashlib
import json
import string
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing.auth import Auth
from twitch_provider.testing.bucket import Bucket
from twitch_provider.testing.dataset import read_dataset
from twitch_provider.testing.faults import Fault
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.plays import ELSEWHERE
from twitch_provider.testing.server import HOST, Server
from twitch_provider.testing.tokens import LIFETIME, Tokens
from twitch_provider.testing.twitch import AUTH_ROOT, HELIX_ROOT, Counters, Logged, Twitch
from twitch_provider.testing.world import World, WorldClock

_LETTERS = string.ascii_lowercase + string.digits


class Simulator:
    """A Twitch of your own, from ``with`` to the end of the block.

    :param world: what to serve, such as a :class:`twitch_provider.testing.MovingWorld`; without one it is
        ``dataset``, or else a generated world
    :param dataset: a capture: see :func:`twitch_provider.testing.dataset.read_dataset`
    :param seed: of the generated world, and of the made-up client id and secret
    :param streams: how many streams are live in the generated world
    :param at: the instant (aware) at which the world starts; else the capture's own, else now
    :param limit: points in the rate limit's bucket, as the headers say
    :param refill_per_minute: what the bucket really gains a minute; None means ``limit``
    :param latency_ms: milliseconds that every answer takes
    :param compress: whole answers are gzipped for a client that accepts it, as Twitch's are
    :param token_lifetime: seconds until a token expires, in the world's time
    :param most_tokens: how many tokens may be valid at once, the oldest dies; None for no cap
    :param client_id: None makes one up
    :param client_secret: None makes one up
    :param port: 0 takes a free one
    :param clock: seconds that only go up; the world's time runs with it
    :raises TwitchConfigError: the dataset cannot be read, or ``at`` has no time zone
    :raises TwitchParameterError: a size of the generated world or the limit is out of range
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        dataset: str | Path | None = None,
        seed: int = 1,
        streams: int = 6_000,
        at: datetime | None = None,
        limit: int = 800,
        refill_per_minute: float | None = None,
        latency_ms: float = 0.0,
        compress: bool = False,
        token_lifetime: int = LIFETIME,
        most_tokens: int | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if at is not None and at.tzinfo is None:
            raise TwitchConfigError(
                f"The instant {at.isoformat()} needs a time zone, such as a Z at its end."
            )
        if world is None:
            world = GeneratedWorld(seed, streams=streams) if dataset is None else read_dataset(dataset)
        self.client_id = client_id or _made_up(f"client id {seed}")
        self.client_secret = client_secret or _made_up(f"client secret {seed}")
        self.twitch = Twitch(
            world=world,
            clock=WorldClock(at or world.starts_at or datetime.now(UTC), clock),
            auth=Auth(self.client_id, self.client_secret, Tokens(token_lifetime, most_tokens)),
            bucket=Bucket(limit, refill_per_minute),
        )
        self._latency = latency_ms / 1000
        self._compress = compress
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen.

        :raises TwitchConfigError: the port is taken
        """
        if self._server is None:
            self._server = Server(
                self.twitch, latency=self._latency, compress=self._compress, port=self._port
            )

    def close(self) -> None:
        """Stop listening and end the thread; held answers are let go."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def url(self) -> str:
        """The root, such as ``http://127.0.0.1:40123``; known while it listens.

        :raises TwitchConfigError: it does not listen
        """
        if self._server is None:
            raise TwitchConfigError("The simulator does not listen yet: use it as a context manager.")
        return f"http://{HOST}:{self._server.port}"

    @property
    def api_url(self) -> str:
        """The root of Helix."""
        return self.url + HELIX_ROOT.rstrip("/")

    @property
    def auth_url(self) -> str:
        """The root of ``token``, ``validate`` and ``revoke``."""
        return self.url + AUTH_ROOT.rstrip("/")

    @property
    def about(self) -> str:
        """What is served, in a sentence."""
        return self.twitch.world.about

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        return self.twitch.counters

    @property
    def log(self) -> Sequence[Logged]:
        """The last 1,000 requests, oldest first."""
        return list(self.twitch.log)

    @property
    def now(self) -> datetime:
        """The world's present instant."""
        return self.twitch.clock.now()

    def fault(
        self,
        name: str,
        *,
        endpoint: str | None = None,
        times: int | None = 1,
        start: int = 1,
        location: str = ELSEWHERE,
    ) -> Fault:
        """Switch a fault on; several may be on at once.

        :param name: one of :data:`twitch_provider.testing.FAULTS`
        :param endpoint: such as ``streams``, ``games/top`` or ``token``; None for every Helix endpoint
        :param times: how many answers it spoils; None for ever
        :param start: the first matching request from now on that it may spoil, counted from 1
        :param location: where ``redirect`` leads
        :returns: the fault: its ``played`` counts
        :raises TwitchParameterError: there is no such fault or endpoint, or a number is below 1
        """
        fault = Fault(name, endpoint, times, start, location)
        self.twitch.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.twitch.faults.clear()

    def release(self) -> None:
        """Let the answers go that the fault ``hang`` holds back, now and from now on."""
        if self._server is not None:
            self._server.release()

    def advance(self, seconds: float) -> None:
        """Push the world, its bucket and its tokens forward in time.

        :param seconds: from 0 up
        :raises TwitchParameterError: seconds is negative
        """
        self.twitch.clock.advance(seconds)

    def revoke_tokens(self) -> None:
        """End every valid token now."""
        self.twitch.auth.tokens.revoke_all()

    def connection_json(self) -> str:
        """The value for ``AIRFLOW_CONN_TWITCH_DEFAULT``."""
        return json.dumps(
            {
                "conn_type": "twitch",
                "login": self.client_id,
                "password": self.client_secret,
                "host": self.api_url,
                "extra": {"auth_url": self.auth_url},
            }
        )


def _made_up(purpose: str) -> str:
    """Thirty letters and digits, as Twitch's own ids and secrets have; the same for the same purpose."""
    number = int.from_bytes(hashlib.blake2b(purpose.encode()).digest(), "big")
    text = ""
    while len(text) < 30:
        number, place = divmod(number, len(_LETTERS))
        text += _LETTERS[place]
    return text
