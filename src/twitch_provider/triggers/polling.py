# SPDX-License-Identifier: Apache-2.0
"""The poll that all triggers share: ask who is live, wait, ask again, and know when to give up."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Hashable
from typing import TYPE_CHECKING

from twitch_provider.exceptions import TwitchError, TwitchParameterError
from twitch_provider.triggers import live
from twitch_provider.triggers.live import Observation

if TYPE_CHECKING:
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook

log = logging.getLogger(__name__)

#: What each watcher of this process wants to know: its logins, by the poll that it shares and its own id.
#: Only the loop that runs the triggers touches it.
_WANTED: dict[Hashable, dict[int, frozenset[str]]] = {}


def join(poll: Hashable, watcher: int, logins: Collection[str]) -> None:
    """Have a shared poll ask for a watcher's logins too.

    :param poll: what identifies it
    :param watcher: its id in this process
    :param logins: of its channels
    """
    _WANTED.setdefault(poll, {})[watcher] = frozenset(logins)


def leave(poll: Hashable, watcher: int) -> None:
    """Take back what :func:`join` did; once or more often.

    :param poll: what identifies it
    :param watcher: its id in this process
    """
    watchers = _WANTED.get(poll, {})
    watchers.pop(watcher, None)
    if not watchers:
        _WANTED.pop(poll, None)


def wanted(poll: Hashable) -> frozenset[str]:
    """Return the logins that the watchers of a shared poll want, all together.

    :param poll: what identifies it
    """
    return frozenset().union(*_WANTED.get(poll, {}).values())


class LivePoll:
    """Ask Twitch again and again which of some channels are live.

    One request asks for 100 of them. The connection is looked up for each poll, so that a new secret is
    used from the next one on; tokens and the rate limit are shared with all hooks of the process.

    :param twitch_conn_id: the ``twitch`` connection
    :param poll_interval: seconds from one answer to the next question
    :param max_consecutive_failures: how many polls in a row have to fail until that is an error. Each has the
        hook's own patience with 401, 429, 5xx and time-outs already
    :raises TwitchParameterError: a number is out of range
    """

    def __init__(self, *, twitch_conn_id: str, poll_interval: float, max_consecutive_failures: int) -> None:
        if not isinstance(poll_interval, int | float) or not poll_interval > 0:
            raise TwitchParameterError(
                f"poll_interval wants more than 0 seconds, not {poll_interval!r:.60}",
                parameter="poll_interval",
            )
        if not isinstance(max_consecutive_failures, int) or max_consecutive_failures < 1:
            raise TwitchParameterError(
                f"max_consecutive_failures wants 1 or more, not {max_consecutive_failures!r:.60}",
                parameter="max_consecutive_failures",
            )
        self.twitch_conn_id = twitch_conn_id
        self.poll_interval = poll_interval
        self.max_consecutive_failures = max_consecutive_failures

    async def observations(
        self, logins: Callable[[], Collection[str]], *, linger: bool = False
    ) -> AsyncGenerator[Observation, None]:
        """Yield whole answers only: a poll that failed says nothing of anybody.

        :param logins: whom to ask for, asked before each poll
        :param linger: wait once more before an error is raised. Airflow starts a watcher that failed again at
            once, and Twitch shall not be asked at that pace
        What no retry mends ends the first poll at once. Once a poll went well, such an error is counted like
        any other: while Airflow's API server starts again, a connection looks as if it did not exist.

        :raises TwitchError: no retry mends it, or too many polls failed in a row
        """
        failures, proven = 0, False
        while True:
            try:
                observation = await self.observe(logins())
            except TwitchError as error:
                failures += 1
                if (error.fatal and not proven) or failures >= self.max_consecutive_failures:
                    await self._give_up(error, linger=linger)
                    if error.fatal or failures == 1:
                        raise
                    raise TwitchError(
                        f"{failures} polls in a row failed, the last one with: {error}"
                    ) from error
                log.warning(
                    "Poll failed (%d in a row, %d are too many), next one in %g s: %s",
                    failures,
                    self.max_consecutive_failures,
                    self.poll_interval,
                    error,
                )
            else:
                failures, proven = 0, True
                yield observation
            await self._sleep(self.poll_interval)

    async def observe(self, logins: Collection[str]) -> Observation:
        """Ask once.

        :param logins: whom to ask for; without any, nothing is asked
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        if not logins:  # Get Streams without a filter means every stream of Twitch
            return Observation(self._clock(), frozenset())
        async with await self._hook() as hook:
            streams = [stream async for stream in hook.get_streams(user_logins=sorted(logins))]
        return Observation(self._clock(), frozenset(logins), live.by_login(streams))

    async def warn_of_unknown(self, logins: Collection[str]) -> None:
        """Say in the log which of these channels Twitch does not know.

        :param logins: of the channels; without any, nothing is asked
        """
        if not logins:
            return
        try:
            async with await self._hook() as hook:
                live.require_known(logins, [user async for user in hook.get_users(logins=sorted(logins))])
        except TwitchError as error:
            log.warning("%s", error)

    async def _hook(self) -> TwitchAsyncHook:
        # Parsing a DAG imports this module, and shall not import aiohttp; and the loop shall not stand still
        # for the third of a second that it takes, once.
        module = await asyncio.to_thread(importlib.import_module, "twitch_provider.hooks.twitch_async")
        hook: TwitchAsyncHook = module.TwitchAsyncHook(self.twitch_conn_id)
        return hook

    async def _give_up(self, error: TwitchError, *, linger: bool) -> None:
        if linger:
            log.error("Watching ends, and begins anew in %g s: %s", self.poll_interval, error)
            await self._sleep(self.poll_interval)

    # Time is an argument of all rules; these two are where it comes from.

    def _clock(self) -> float:
        return time.time()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
