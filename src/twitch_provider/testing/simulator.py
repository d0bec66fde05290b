# SPDX-License-Identifier: Apache-2.0
"""The simulator's public face: create a Twitch, serve it, control it, inspect what happened."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Self

from aiohttp import web

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing.app import make_app
from twitch_provider.testing.auth import LIFETIME, Auth, Tokens
from twitch_provider.testing.faults import ELSEWHERE, Fault
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.rate_limit import RateLimit
from twitch_provider.testing.server import HOST, Server
from twitch_provider.testing.twitch import AUTH_ROOT, HELIX_ROOT, Counters, Logged, Twitch
from twitch_provider.testing.world import World, WorldClock


class Simulator:
    """A Twitch on loopback, from ``with`` to the end of the block.

    :param world: what to serve, such as a :class:`CapturedWorld`; None generates a world
    :param seed: of the generated world, and of the default client id and secret
    :param streams: number of live streams in the generated world
    :param lists_ended: the generated world goes on listing streams for 3 to 15 minutes after their end, as
        Twitch does
    :param at: the world's time at the start (aware); None takes the world's own, else now
    :param limit: points of the rate limit, as the headers say
    :param refill_per_minute: points that are added a minute; None means ``limit``
    :param latency_ms: milliseconds that every response takes
    :param compress: compress responses for a client that accepts gzip, as Twitch does
    :param token_lifetime: seconds until a token expires, in the world's time
    :param most_tokens: how many tokens may be valid at once, one more revokes the oldest; None for no cap
    :param client_id: None derives one from ``seed``
    :param client_secret: None derives one from ``seed``
    :param port: 0 chooses a free one
    :param clock: monotonic seconds; the world's time runs with it
    :param routes: of aiohttp, served beside Twitch's: controls for a world of your own
    :raises TwitchConfigError: the start has no time zone
    :raises TwitchParameterError: a size of the generated world or the limit is out of range
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        seed: int = 1,
        streams: int = 6_000,
        lists_ended: bool = False,
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
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        if world is None:
            world = GeneratedWorld(seed, streams=streams, lists_ended=lists_ended)
        starts_at = at or world.starts_at or datetime.now(UTC)
        if starts_at.tzinfo is None:
            raise TwitchConfigError(f"The start must have a time zone, not {starts_at.isoformat()}.")
        self.client_id = client_id or _derived(f"client id {seed}")
        self.client_secret = client_secret or _derived(f"client secret {seed}")
        self.twitch = Twitch(
            world=world,
            clock=WorldClock(starts_at, clock),
            auth=Auth(self.client_id, self.client_secret, Tokens(token_lifetime, most_tokens)),
            rate_limit=RateLimit(limit, refill_per_minute),
        )
        self._make_app = partial(
            make_app, twitch=self.twitch, latency=latency_ms / 1000, compress=compress, routes=routes
        )
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start listening.

        :raises TwitchConfigError: the port is in use
        """
        if self._server is None:
            self._server = Server(self._make_app, port=self._port)

    def close(self) -> None:
        """Stop listening and end the thread; responses that ``hang`` holds back are released."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def url(self) -> str:
        """The root, such as ``http://127.0.0.1:40123``; while it listens.

        :raises TwitchConfigError: it does not listen yet
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
        """A sentence that describes the world."""
        return self.twitch.world.about

    @property
    def counters(self) -> Counters:
        """Requests, statuses, faults and tokens so far."""
        return self.twitch.counters

    @property
    def log(self) -> Sequence[Logged]:
        """The last 1,000 requests, oldest first."""
        return list(self.twitch.log)

    @property
    def now(self) -> datetime:
        """The world's time."""
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
        :param times: how many responses it changes; None for all
        :param start: the first matching request, counted from now on and from 1, that it may change
        :param location: where ``redirect`` leads
        :returns: the fault; its ``applied`` counts the responses it changed
        :raises TwitchParameterError: an unknown fault or endpoint, or a number below 1
        """
        fault = Fault(name, endpoint, times, start, location)
        self.twitch.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.twitch.faults.clear()

    def release(self) -> None:
        """Send the responses that the fault ``hang`` holds back, now and from now on."""
        if self._server is not None:
            self._server.release()

    def advance(self, seconds: float) -> None:
        """Move the time of the world, its rate limit and its tokens forward.

        :param seconds: 0 or more
        :raises TwitchParameterError: seconds is negative
        """
        self.twitch.clock.advance(seconds)

    def revoke_tokens(self) -> None:
        """Revoke every valid token now."""
        self.twitch.auth.tokens.revoke_all()

    def replace_secret(self, client_secret: str | None = None, *, revoke_tokens: bool = False) -> None:
        """Do what *New Secret* of Twitch's console does: the old secret is refused from now on.

        :param client_secret: the new one; None makes one up
        :param revoke_tokens: whether what was issued for the old one becomes invalid, which Twitch does not
            document
        """
        self.client_secret = client_secret or _derived(f"after {self.client_secret}")
        self.twitch.auth.client_secret = self.client_secret
        if revoke_tokens:
            self.revoke_tokens()

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


def _derived(purpose: str) -> str:
    """Thirty letters and digits, as in Twitch's ids and secrets; the same for the same purpose."""
    return hashlib.blake2b(purpose.encode()).hexdigest()[:30]
