# SPDX-License-Identifier: Apache-2.0
"""A time-out for a whole answer. That of ``requests`` is for each read, and lets a trickle go on for ever."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any, Self

from requests.adapters import BaseAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_running = threading.local()


class Watchdog:
    """Cuts the connection of the request that is made inside of it, when its time is over.

    :param seconds: from the beginning of the block to the end of the answer
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _running.watchdog = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        del _running.watchdog

    def watch(self, opened: socket.socket) -> None:
        """Cut this connection, too, when the time is over; at once where it is.

        :param opened: what the answer comes from
        """
        with self._lock:
            self._socket = opened
            if self.expired:
                self._cut()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                # Below TLS, which would want to say goodbye. Who reads finds the end of the stream.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watched:
    """A connection that shows its socket to the watchdog before it waits for an answer."""

    sock: Any

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        watchdog: Watchdog | None = getattr(_running, "watchdog", None)
        if watchdog is not None and self.sock is not None:
            watchdog.watch(self.sock)
        return super().getresponse(*arguments, **options)  # type: ignore[misc]


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


def guard(adapter: BaseAdapter) -> None:
    """Have the connections of an adapter show themselves to watchdogs, also those to a proxy.

    :param adapter: of ``requests``; one that has no pools of connections stays as it is
    """
    manager = getattr(adapter, "poolmanager", None)
    if manager is None or manager.pool_classes_by_scheme is _POOLS:
        return
    manager.pool_classes_by_scheme = _POOLS
    made: Any = adapter
    proxy_manager_for = made.proxy_manager_for

    def guarded(proxy: str, **options: Any) -> Any:
        found = proxy_manager_for(proxy, **options)
        found.pool_classes_by_scheme = _POOLS
        return found

    made.proxy_manager_for = guarded
