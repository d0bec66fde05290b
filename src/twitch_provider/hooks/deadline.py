# SPDX-License-Identifier: Apache-2.0
"""What ``http.client`` lacks: a time-out for a whole answer, and interim answers.

The time-out of ``requests`` is for each read, and never ends a trickle.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import time
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool


def bound_answers(pool: HTTPConnectionPool) -> None:
    """Give a whole answer, headers included, the time that a connection's time-out gives each read."""
    if getattr(pool.ConnectionCls, "response_class", None) is not _Answer:  # not bounded yet
        pool.ConnectionCls = _bounded(pool.ConnectionCls)


class _Reads(io.RawIOBase):
    """What a socket receives before a deadline."""

    def __init__(self, received: socket.socket) -> None:
        self._socket = received
        self._raw = received.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + (received.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Reads(sock))

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status of the final answer: http.client itself passes over ``100 Continue`` only.

        https://www.rfc-editor.org/rfc/rfc9110#section-15.2: a client must parse any number of 1xx before it.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc] # the stubs leave it out
            if not 100 <= status < 200 or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)


@functools.cache
def _bounded(connection: Any) -> Any:
    """Derive from the class that the pool has: that of a SOCKS proxy takes arguments of its own."""
    return type(f"Bounded{connection.__name__}", (connection,), {"response_class": _Answer})
