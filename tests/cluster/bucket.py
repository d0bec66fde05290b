# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.bucket``: an S3 server, and all of AWS that moto has, that can hold a write back.

``POST /-/hold?match=top_streams/``: the next object whose key has that in it is held back with its whole body
read; ``GET /-/held`` tells how many are; ``POST /-/release?store=yes`` lets them go, ``store=no`` has them
refused and not stored. ``POST /-/refuse`` closes the port of all of AWS, ``POST /-/accept`` opens it again.
All of these are served on a port of their own, too.
"""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.cluster.backing import free_port
from werkzeug.serving import BaseWSGIServer, make_server

Respond = Callable[..., Any]

#: The longest that a request is held: longer than a frozen worker's task takes to be done by another one.
_TIMEOUT = 600.0


class Holding:
    """A WSGI application that can be told to hold a write back.

    :param application: what answers
    """

    def __init__(self, application: Callable[[dict[str, Any], Respond], Iterable[bytes]]) -> None:
        self._application = application
        self._changed = threading.Condition()
        #: What has to be in the key of a write that is to be held; empty: none is.
        self.waits_for = ""
        #: What else can be told, by path.
        self.doors: Mapping[str, Callable[[], None]] = {}
        self._held = 0
        self._round = 0
        self._store = True

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        path = unquote(environ["PATH_INFO"])
        if path.startswith("/-/"):
            return self._steer(path, parse_qs(environ.get("QUERY_STRING", "")), respond)
        if environ["REQUEST_METHOD"] == "PUT" and (begun := self._take(path)) is not None:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ = {**environ, "wsgi.input": io.BytesIO(body)}
            if not self._wait(begun):
                respond("503 Slow Down", [("Content-Type", "application/xml")])
                return [b"<Error><Code>SlowDown</Code><Message>held back</Message></Error>"]
        return self._application(environ, respond)

    def wait_until_held(self) -> bool:
        """Return when a write is held; False where none came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._held > 0, _TIMEOUT)

    def _steer(self, path: str, query: dict[str, list[str]], respond: Respond) -> Iterable[bytes]:
        if path in self.doors:
            self.doors[path]()
        with self._changed:
            if path == "/-/hold":
                self.waits_for = query["match"][0]
            elif path == "/-/release":
                self.waits_for, self._store = "", query["store"] == ["yes"]
                self._round += 1
                self._changed.notify_all()
            answer = {"held": self._held}
        respond("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _take(self, path: str) -> int | None:
        """Hold a write, and return the round that it waits out; None where it may go on."""
        with self._changed:
            if not self.waits_for or self.waits_for not in path:
                return None
            self.waits_for = ""
            self._held += 1
            self._changed.notify_all()
            return self._round

    def _wait(self, begun: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._round != begun, timeout=_TIMEOUT)
            self._held -= 1
            return self._store


class Door:
    """A port that an application is served at, and that can be closed.

    :param application: what answers there
    :param port: of loopback
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], port: int) -> None:
        self._application = application
        self._port = port
        self._serving: tuple[BaseWSGIServer, threading.Thread] | None = None

    def open(self) -> None:
        """Accept connections."""
        if self._serving is None:
            server = make_server("127.0.0.1", self._port, self._application, threaded=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            self._serving = server, thread

    def close(self) -> None:
        """Refuse connections. What has begun is answered."""
        if self._serving is not None:
            server, thread = self._serving
            server.shutdown()
            # It closes the port as it ends: before that, a connection could still get in, and be reset.
            thread.join()
            self._serving = None


def main() -> None:
    """Print the addresses, and serve until somebody ends this process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    port = free_port()
    holding = Holding(DomainDispatcherApplication(create_backend_app))
    door = Door(holding, port)
    door.open()
    holding.doors = {"/-/refuse": door.close, "/-/accept": door.open}
    desk = make_server("127.0.0.1", free_port(), holding, threaded=True)
    said = {
        "url": f"http://127.0.0.1:{port}",
        "desk": f"http://127.0.0.1:{desk.server_port}",
        "pid": os.getpid(),
    }
    print(json.dumps(said), flush=True)
    desk.serve_forever()


if __name__ == "__main__":
    main()
