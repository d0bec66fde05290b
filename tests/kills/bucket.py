# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.kills.bucket``: an S3 server that outlives its users, and takes its time as S3 does.

moto answers, conditions on writing and deleting included. Before it stands what S3 has and moto has not:
bodies come in at the pace of a network, half of one is refused, every answer takes a while, and no two
requests are decided at the same moment.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

#: Clients with this in their ``User-Agent`` are not slowed down.
CHECKER = "checker"
#: Tells how often what was asked, and the order of all versions: moto's times are whole seconds.
SEEN = "/-/seen"

_ANSWER = 0.02
_CHUNK = 1 << 15
#: Some 4 MB a second.
_PAUSE = 0.008

Respond = Callable[..., Any]


class Slowly:
    """A WSGI application behind a slow network.

    :param application: what answers
    """

    def __init__(self, application: Callable[[dict[str, Any], Respond], Iterable[bytes]]) -> None:
        self._application = application
        self._asked: Counter[str] = Counter()
        self._versions: list[str] = []
        # moto looks at a condition and then writes: nobody may write in between.
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == SEEN:
            respond("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({"asked": self._asked, "versions": self._versions}).encode()]
        if CHECKER in environ.get("HTTP_USER_AGENT", ""):
            return self._decide(environ, respond)
        self._asked[environ["REQUEST_METHOD"]] += 1
        expected = int(environ.get("CONTENT_LENGTH") or 0)
        body = _receive(environ["wsgi.input"], expected)
        if len(body) < expected:
            self._asked["half bodies"] += 1
            respond("400 Bad Request", [])
            return []

        def note(status: str, headers: list[tuple[str, str]], *arguments: Any) -> Any:
            if status.startswith("412"):
                self._asked["unmet conditions"] += 1
            if environ["REQUEST_METHOD"] in {"PUT", "DELETE"}:
                self._versions += [value for name, value in headers if name.lower() == "x-amz-version-id"]
            return respond(status, headers, *arguments)

        time.sleep(_ANSWER / 2)
        answer = self._decide({**environ, "wsgi.input": io.BytesIO(body)}, note)
        time.sleep(_ANSWER / 2)
        return answer

    def _decide(self, environ: dict[str, Any], respond: Respond) -> list[bytes]:
        with self._one_at_a_time:
            return [*self._application(environ, respond)]


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
