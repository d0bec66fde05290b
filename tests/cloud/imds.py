# SPDX-License-Identifier: Apache-2.0
"""The metadata service of an EC2 instance, on loopback, as far as boto3 asks it for a role.

It is version 2 alone, as with ``HttpTokens: required``: without a session token it answers 401.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
moto's own returns a key that none of moto's policies knows.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

ROLES = "/latest/meta-data/iam/security-credentials/"


class MetadataService:
    """Answers while it is open.

    :param region: of the instance
    """

    def __init__(self, region: str) -> None:
        self.region = region
        #: The role's name and its session credentials: None for an instance without a profile.
        self.role: tuple[str, Mapping[str, str]] | None = None
        self.tokens: set[str] = set()
        #: What was asked for: method, path, status.
        self.asked: list[tuple[str, str, int]] = []

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer(*service.token(self.path, dict(self.headers)))

            def do_GET(self) -> None:
                self._answer(*service.data(self.path, self.headers.get("X-aws-ec2-metadata-token")))

            def _answer(self, status: int, body: str) -> None:
                service.asked.append((self.command, self.path, status))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """Answer a PUT."""
        sent = {name.lower(): value for name, value in headers.items()}
        if path != "/latest/api/token":
            return 404, ""
        seconds = sent.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if not (seconds.isdecimal() and 1 <= int(seconds) <= 21600):
            return 400, ""
        token = secrets.token_urlsafe(40)
        self.tokens.add(token)
        return 200, token

    def data(self, path: str, token: str | None) -> tuple[int, str]:
        """Answer a GET."""
        if token not in self.tokens:
            return 401, ""
        found = {
            "/latest/meta-data/placement/availability-zone/": f"{self.region}a",
            "/latest/meta-data/placement/region": self.region,
        }
        if self.role:
            name, credentials = self.role
            found |= {ROLES: name, ROLES + name: json.dumps({"Code": "Success", **credentials})}
        return (200, found[path]) if path in found else (404, "")
