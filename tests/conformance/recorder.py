# SPDX-License-Identifier: Apache-2.0
"""A web server that records each request as sent over the wire, and answers as Twitch would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

_ANSWERS: dict[str, Any] = {
    "/oauth2/token": {"access_token": "token-1", "expires_in": 5011271, "token_type": "bearer"},
    "/oauth2/validate": {"client_id": "client-id", "scopes": [], "expires_in": 5011271},
}
_FIRST_PAGE = {"total": 8, "data": [], "pagination": {"cursor": "eyJi+/="}}
_LAST_PAGE = {"total": 8, "data": [], "pagination": {}}


@dataclass(frozen=True)
class Recorded:
    """A request, nothing in it decoded.

    :param headers: names in lower case
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True, strict_parsing=bool(self.query))


@contextmanager
def recording() -> Iterator[tuple[str, list[Recorded]]]:
    """Serve; yields the address and the list of recorded requests."""
    recorded: list[Recorded] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            recorded.append(Recorded(self.command, path, query, headers, body))
            answer = _ANSWERS.get(path) or (_LAST_PAGE if "after=" in query else _FIRST_PAGE)
            sent = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", recorded
        finally:
            server.shutdown()
            thread.join()
