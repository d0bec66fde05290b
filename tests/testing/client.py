# SPDX-License-Identifier: Apache-2.0
"""A client of a simulator that does not listen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.testing import Simulator
from twitch_provider.testing.answers import Answer, Request


@dataclass
class Client:
    """Sends requests with a token of its own."""

    simulator: Simulator
    token: str = field(default="")

    def __post_init__(self) -> None:
        self.token = self.simulator.twitch.auth.tokens.mint(self.simulator.now.timestamp())

    def send(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, **form: str
    ) -> Answer:
        path, _, query = path.partition("?")
        pairs = tuple((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&")))
        signed = {"authorization": f"Bearer {self.token}", "client-id": self.simulator.client_id}
        return self.simulator.twitch.answer(
            Request(method, path, pairs, signed if headers is None else headers, form)
        )

    def get(self, endpoint: str) -> Answer:
        return self.send(f"/helix/{endpoint}")

    def data(self, endpoint: str) -> Any:
        answer = self.get(endpoint)
        assert answer.status == 200, answer
        return answer.payload["data"]

    def pages(self, endpoint: str, most: int = 500) -> Iterator[Answer]:
        """Follow the cursor to the end of the list."""
        after = ""
        for _ in range(most):
            answer = self.get(f"{endpoint}&after={after}")
            yield answer
            pagination = answer.payload.get("pagination") if isinstance(answer.payload, dict) else None
            after = (pagination or {}).get("cursor") or ""
            if not after:
                return

    def rows(self, endpoint: str) -> list[dict[str, Any]]:
        return [row for page in self.pages(endpoint) for row in page.payload["data"]]
