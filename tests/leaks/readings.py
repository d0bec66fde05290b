# SPDX-License-Identifier: Apache-2.0
"""Every way by which the hooks send something: for tasks, for triggers, for code that knows ``HttpHook``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from twitch_provider.exceptions import TwitchConnectionError
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook


@dataclass(frozen=True)
class Reader:
    """A way.

    :param name: what to call it
    :param read: reads something, or raises one of our errors
    """

    name: str
    read: Callable[[], object]


def _hook() -> object:
    return list(TwitchHook().get_top_games(max_items=5))


def _async_hook() -> object:
    async def read() -> object:
        async with TwitchAsyncHook() as hook:
            return [game async for game in hook.get_top_games(max_items=5)]

    return asyncio.run(read())


def _get_conn() -> object:
    hook = TwitchHook()
    with hook.get_conn({"Authorization": "Bearer theirs"}, {"allow_redirects": True}) as session:
        return session.get(hook.url_from_endpoint("games/top"), allow_redirects=True).json()


def _run() -> object:
    options = {"allow_redirects": True, "verify": False, "cert": "/nonexistent/client.pem"}
    return TwitchHook().run("games/top", extra_options=options).json()


def _button() -> object:
    return _said(TwitchHook().test_connection())


def _said(answer: tuple[bool, str]) -> object:
    works, sentence = answer
    if not works:
        raise TwitchConnectionError(sentence)
    return sentence


READERS = [
    Reader("hook", _hook),
    Reader("asynchronous hook", _async_hook),
    Reader("get_conn", _get_conn),
    Reader("run", _run),
    Reader("Test button", _button),
]
