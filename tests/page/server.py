# SPDX-License-Identifier: Apache-2.0
"""A small server that serves the page as Airflow's API server does: gzipped, with its policy, at a path."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from twitch_provider import page
from twitch_provider.metrics.overview.encode import encode

#: What stands around the page in Airflow: a root with the class of the theme, a sandboxed frame.
FRAME = (
    '<!doctype html><html class="light" lang="en"><title>Airflow</title><body style="margin: 0">'
    '<iframe src="/base/twitch/" title="Twitch" style="border: 0; width: 100%; height: 100vh" '
    'sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe></body></html>'
)


@dataclass
class Site:
    """What is served, and what has been sent.

    :param overview: what the data route answers, if it is not told to refuse
    :param refusal: status and body of the data route instead
    :param sent: bytes of bodies as they went over the wire, by path
    """

    address: str = ""
    overview: bytes = b""
    refusal: tuple[int, bytes] | None = None
    sent: dict[str, int] = field(default_factory=dict)
    #: Further answers, by path: status, body.
    others: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def show(self, overview: dict[str, Any]) -> None:
        """Serve an overview."""
        self.overview = encode(overview)
        self.refusal = None

    def refuse(self, status: int, code: str, sentence: str) -> None:
        """Answer as the data route does when it has no overview."""
        self.refusal = status, json.dumps({"error": {"code": code, "sentence": sentence}}).encode()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, media type and body."""
        name = path.removeprefix("/base/twitch/static/")
        if path == "/base/twitch/":
            name = "index.html"
        if name in page.FILES and path.startswith("/base/twitch/"):
            return HTTPStatus.OK, page.FILES[name], page.content(name)
        if path == "/base/twitch/overview.json":
            status, body = self.refusal or (HTTPStatus.OK, self.overview)
            return status, "application/json", body
        if path.startswith("/base/plugin/twitch"):
            return HTTPStatus.OK, "text/html", FRAME.encode()
        status, body = self.others.get(path, (HTTPStatus.NOT_FOUND, b'{"detail":"Not Found"}'))
        return status, "application/json", body


@contextmanager
def serving(port: int = 0) -> Iterator[Site]:
    """Serve until the end of the block."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, media_type, body = site.answer(path)
            body = gzip.compress(body, 5)
            site.sent[path] = site.sent.get(path, 0) + len(body)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "private, no-cache")
            if path.startswith("/base/twitch/"):
                self.send_header("Content-Security-Policy", page.CONTENT_SECURITY_POLICY)
                self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}/base"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
