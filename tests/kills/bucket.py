# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.kills.bucket``: an S3 server that outlives its users, and takes its time as S3 does.

moto answers; before it stands what S3 has and moto has not: bodies come in at the pace of a network, half of
one is refused, and every answer takes a while.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

#: Clients with this in their ``User-Agent`` are not slowed down.
CHECKER = "checker"
#: Answers when nobody else waits for an answer, and tells what came.
QUIET = "/-/quiet"

_ANSWER = 0.02
_CHUNK = 1 << 15
#: Some 4 MB a second.
_PAUSE = 0.008
_TIMEOUT = 10.0

Respond = Callable[..., Any]


class Slowly:
    """A WSGI application behind a slow network.

    :param application: what answers
    """

    def __init__(self, application: Callable[[dict[str, Any], Respond], Iterable[bytes]]) -> None:
        self._application = application
        self._asked: Counter[str] = Counter()
        self._open = 0
        self._changed = threading.Condition()

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == QUIET:
            return self._when_quiet(respond)
        if CHECKER in environ.get("HTTP_USER_AGENT", ""):
            return self._application(environ, respond)
        with self._counted(environ["REQUEST_METHOD"]):
            expected = int(environ.get("CONTENT_LENGTH") or 0)
            body = _receive(environ["wsgi.input"], expected)
            if len(body) < expected:
                self._asked["half bodies"] += 1
                respond("400 Bad Request", [])
                return []
            time.sleep(_ANSWER / 2)
            answer = [*self._application({**environ, "wsgi.input": io.BytesIO(body)}, respond)]
            time.sleep(_ANSWER / 2)
            return answer

    @contextmanager
    def _counted(self, method: str) -> Iterator[None]:
        with self._changed:
            self._asked[method] += 1
            self._open += 1
        try:
            yield
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _when_quiet(self, respond: Respond) -> Iterable[bytes]:
        with self._changed:
            quiet = self._changed.wait_for(lambda: not self._open, timeout=_TIMEOUT)
        respond("200 OK" if quiet else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps(self._asked).encode()]


def _receive(file: Any, expected: int) -> bytes:
    """Read a body in pieces; what a killed client did not send is missing at its end."""
    body = b""
    while len(body) < expected:
        try:
            piece = file.read(min(_CHUNK, expected - len(body)))
        except OSError:
            break
        if not piece:
            break
        body += piece
        time.sleep(_PAUSE)
    return body


def main() -> None:
    """Print the address, and serve until somebody ends this process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application = Slowly(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    # A body must not lie in the kernel, whole, while its sender is killed.
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
