# SPDX-License-Identifier: Apache-2.0
"""A server that writes down whatever it is sent: somebody on the way, or at the end of a wrong way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Heard:
    """One request.

    :param method: such as ``CONNECT``
    :param target: as it stood in the request line
    :param headers: names in lower case
    :param body: its bytes
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> bytes:
        """All of it, to be searched."""
        return f"{self.method} {self.target} {dict(self.headers)}".encode() + b"\n" + self.body


#: Status, headers and body for a request.
Answer = tuple[int, dict[str, str], bytes]


class Eavesdropper:
    """Listens on loopback from ``with`` to the end of the block.

    :param answer: what to say to a request; without one, 502
    """

    def __init__(self, answer: Callable[[Heard], Answer] = lambda _: (502, {}, b"")) -> None:
        self.heard: list[Heard] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                heard.append(Heard(self.command, self.path, headers, body))
                status, more, text = answer(heard[-1])
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_CONNECT = _take  # noqa: N815 - as http.server has it

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connection_json(self, secret: str) -> str:
        """Return the Airflow connection that leads here.

        :param secret: the client secret in it
        """
        extra = {"auth_url": f"{self.url}/oauth2", "auth_cache": "none"}
        fields = {"conn_type": "twitch", "login": "an-id", "password": secret, "host": f"{self.url}/helix"}
        return json.dumps({**fields, "extra": extra})

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"
