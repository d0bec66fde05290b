# SPDX-License-Identifier: Apache-2.0
"""A simulated Twitch without a socket, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.testing.client import Client

from twitch_provider.testing import Simulator
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import World

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


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
