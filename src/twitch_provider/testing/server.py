# SPDX-License-Identifier: Apache-2.0
"""A thread with its own event loop that serves one simulated Twitch on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from aiohttp import web

from twitch_provider.exceptions import TwitchConfigError

HOST = "127.0.0.1"

#: How long open connections may take to end, in seconds.
_GRACE = 0.1


class Server:
    """A server that listens from its construction until it is closed.

    :param make_app: makes the app, given the event that releases the responses which ``hang`` holds back
    :param port: 0 chooses a free one; the attribute ``port`` is the chosen one
    :raises TwitchConfigError: the port is in use
    """

    def __init__(self, make_app: Callable[[asyncio.Event], web.Application], *, port: int) -> None:
        self._make_app = make_app
        self._listening: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(port,), name="twitch-simulator", daemon=True)
        self._thread.start()
        try:
            self.port = self._listening.result()
        except (OSError, OverflowError) as error:
            self._thread.join()
            raise TwitchConfigError(
                f"The simulator cannot listen on {HOST}:{port}: {error}; port 0 chooses a free one."
            ) from error

    def release(self) -> None:
        """Send the responses that are held back, now and from now on."""
        self._loop.call_soon_threadsafe(self._released.set)

    def close(self) -> None:
        """Stop listening, release what is held back, end the thread."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self, port: int) -> None:
        try:
            asyncio.run(self._serve(port))
        except Exception as error:
            self._listening.set_exception(error)

    async def _serve(self, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing, self._released = asyncio.Event(), asyncio.Event()
        app = self._make_app(self._released)
        # Without handler_cancellation, a held response would outlive a client that gives up.
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
            self._listening.set_result(runner.addresses[0][1])
            await self._closing.wait()
        finally:
            self._released.set()
            await runner.cleanup()
