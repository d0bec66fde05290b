# SPDX-License-Identifier: Apache-2.0
"""The poll that all triggers share: read which channels are live, wait, repeat, and give up on failures."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twitch_provider.exceptions import TwitchAuthError, TwitchError, TwitchNotFoundError, TwitchParameterError
from twitch_provider.rows import is_live
from twitch_provider.triggers.channels import Names, Row, unknown_logins

if TYPE_CHECKING:
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook

log = logging.getLogger(__name__)

#: The logins of each watcher of this process, by the poll that it shares and its own id. Only the event loop
#: that runs the triggers accesses it.
_WATCHED: dict[Hashable, dict[int, frozenset[str]]] = {}


def join(poll: Hashable, watcher: int, logins: Collection[str]) -> None:
    """Add a watcher's logins to a shared poll."""
    _WATCHED.setdefault(poll, {})[watcher] = frozenset(logins)


def leave(poll: Hashable, watcher: int) -> None:
    """Undo :func:`join`; may be called more than once."""
    watchers = _WATCHED.get(poll, {})
    watchers.pop(watcher, None)
    if not watchers:
        _WATCHED.pop(poll, None)


def watched(poll: Hashable) -> frozenset[str]:
    """Return the logins of all watchers of a shared poll."""
    return frozenset().union(*_WATCHED.get(poll, {}).values())


@dataclass(frozen=True)
class Observation:
    """One complete answer to which channels are live.

    :param at: seconds since 1970
    :param asked: the logins it is about
    :param live: the rows of those that are live, by login
    :param unknown: the logins that Twitch does not know, and refuses a request for
    """

    at: float
    asked: frozenset[str]
    live: Mapping[str, Row] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


class LivePoll:
    """Polls Twitch for which of some channels are live.

    One request covers 100 of them. The connection is looked up for each poll, so a new secret is used from
    the next one on; tokens and the rate limit are shared with all hooks of the process.

    :param twitch_conn_id: the ``twitch`` connection
    :param poll_interval: seconds from one answer to the next request
    :param max_consecutive_failures: how many polls in a row must fail before that is an error. Each poll
        already includes the hook's retries on 401, 429, 5xx and timeouts
    :raises TwitchParameterError: a number is out of range
    """

    def __init__(self, *, twitch_conn_id: str, poll_interval: float, max_consecutive_failures: int) -> None:
        if not isinstance(poll_interval, int | float) or not poll_interval > 0:
            raise TwitchParameterError(
                f"poll_interval must be more than 0 seconds, not {poll_interval!r:.60}",
                parameter="poll_interval",
            )
        if not isinstance(max_consecutive_failures, int) or max_consecutive_failures < 1:
            raise TwitchParameterError(
                f"max_consecutive_failures must be 1 or more, not {max_consecutive_failures!r:.60}",
                parameter="max_consecutive_failures",
            )
        self.twitch_conn_id = twitch_conn_id
        self.poll_interval = poll_interval
        self.max_consecutive_failures = max_consecutive_failures
        self._names = Names()
        self._unknown: list[str] = []  # logins that made Twitch refuse a request

    async def observations(
        self, logins: Callable[[], Collection[str]], *, persistent: bool = False
    ) -> AsyncGenerator[Observation, None]:
        """Yield complete answers only: a failed poll says nothing about any channel.

        An error that a retry cannot fix ends the first poll at once, and so does a refused secret, which the
        task's next try may find replaced. After a successful poll, it is counted like any other: while
        Airflow's API server restarts, a connection seems not to exist.

        :param logins: returns the logins to ask for; called before each poll
        :param persistent: for a watcher. Logins that Twitch does not know are left out of the requests
            instead of failing them; and there is one more wait before an error is raised: Airflow restarts a
            failed watcher at once, and Twitch must not be polled at that pace
        :raises TwitchError: a retry cannot fix it, or too many polls failed in a row
        """
        failures, proven = 0, False
        while True:
            try:
                observation = await self.observe(logins(), without_unknown=persistent)
            except TwitchError as error:
                failures += 1
                hopeless = error.fatal or isinstance(error, TwitchAuthError)
                if (hopeless and not proven) or failures >= self.max_consecutive_failures:
                    await self._give_up(error, linger=persistent)
                    if error.fatal or failures == 1:
                        raise
                    raise TwitchError(
                        f"{failures} polls in a row failed, the last one with: {error}"
                    ) from error
                log.warning(
                    "Poll failed (%d in a row of at most %d), next one in %g s: %s",
                    failures,
                    self.max_consecutive_failures,
                    self.poll_interval,
                    error,
                )
            else:
                failures, proven = 0, True
                yield observation
            await self._sleep(self.poll_interval)

    async def observe(self, logins: Collection[str], *, without_unknown: bool = False) -> Observation:
        """Poll once.

        :param logins: of the channels
        :param without_unknown: repeat a request that fails only because Twitch does not know one of them
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        streams: list[Row] = []
        async with await self._hook() as hook:
            # A channel may come back, and one answer of Get Users may be wrong.
            if left_out := sorted(frozenset(self._unknown).intersection(logins)):
                self._unknown = unknown_logins(
                    left_out, [user async for user in hook.get_users(logins=left_out)]
                )
            # Get Streams without a filter means every stream of Twitch.
            while asked := sorted(frozenset(logins).difference(self._unknown)):
                try:
                    rows = [row async for row in hook.get_streams(user_logins=asked)]
                    streams = [row for row in rows if is_live(row)]
                    break
                except TwitchNotFoundError as error:
                    if not (without_unknown and error.unknown):
                        raise
                    self._unknown += error.unknown
            if nameless := self._names.to_look_up(asked, streams):
                self._names.learn([user async for user in hook.get_users(logins=nameless)], streams)
        return Observation(
            self._clock(),
            frozenset(logins),
            self._names.by_login(streams),
            frozenset(self._unknown).intersection(logins),
        )

    async def unknown(self, logins: Collection[str]) -> list[str]:
        """Return those of some logins that Twitch does not know; an error is only logged."""
        if not logins:
            return []
        try:
            async with await self._hook() as hook:
                users = [user async for user in hook.get_users(logins=sorted(logins))]
        except TwitchError as error:
            log.warning("%s", error)
            return []
        return unknown_logins(sorted(logins), users)

    async def _hook(self) -> TwitchAsyncHook:
        # Parsing a DAG imports this module and must not import aiohttp, whose import must not block the
        # event loop for the third of a second that it takes.
        module = await asyncio.to_thread(importlib.import_module, "twitch_provider.hooks.twitch_async")
        hook: TwitchAsyncHook = module.TwitchAsyncHook(self.twitch_conn_id)
        return hook

    async def _give_up(self, error: TwitchError, *, linger: bool) -> None:
        if linger:
            log.error("Watching failed, Airflow restarts it in %g s: %s", self.poll_interval, error)
            await self._sleep(self.poll_interval)

    # Time is an argument everywhere else; these two provide it.

    def _clock(self) -> float:
        return time.time()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
