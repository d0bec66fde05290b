# SPDX-License-Identifier: Apache-2.0
"""A simulated Twitch without a socket, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.testing import Simulator
from twitch_provider.testing.answers import Answer, Request
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import World

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@dataclass
class Client:
    """Asks a simulator that does not listen, with a token of its own."""

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


@pytest.fixture(scope="session")
def small_world() -> GeneratedWorld:
    return GeneratedWorld(7, streams=450, games=30)


@pytest.fixture
def make_client(small_world: GeneratedWorld) -> Callable[..., Client]:
    def make(world: World | None = None, **options: Any) -> Client:
        options.setdefault("at", AT)
        return Client(Simulator(world or small_world, clock=lambda: 0.0, **options))

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real answers and captures, which live beside the checkout where they are at all."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real captures: {folder} is absent")
    return folder
