# SPDX-License-Identifier: Apache-2.0
"""Pages to clean, and a store in memory that records its calls and can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchStoreUnavailableError
from twitch_provider.lake.raw_lines import RawPage

#: Recorded answers and a captured day lie beside the checkout where the project is developed.
RECORDED = Path(__file__).parents[3] / "shared" / "data"


class MemoryStore:
    """A store that records every operation."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.calls: list[tuple[str, str]] = []
        #: The number (from 1) of the operation that fails; it then has no effect.
        self.fail_at: int | None = None
        #: Called after every change.
        self.watch: Callable[[], object] = lambda: None

    def _do(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        if len(self.calls) == self.fail_at:
            raise TwitchStoreUnavailableError("the store fails here", key=key)

    def put(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._do("put", key)
        self.objects[key] = body
        self.content_types[key] = content_type
        self.tags[key] = dict(metadata or {})
        self.watch()

    def metadata(self, key: str) -> Mapping[str, str] | None:
        self._do("metadata", key)
        return self.tags.get(key, {}) if key in self.objects else None

    def get(self, key: str) -> bytes | None:
        self._do("get", key)
        return self.objects.get(key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._do("delete", key)
            self.objects.pop(key, None)
            self.watch()

    def folders(self, prefix: str) -> list[str]:
        self._do("folders", prefix)
        below = [key.removeprefix(prefix) for key in self.objects if key.startswith(prefix)]
        return sorted({f"{prefix}{rest.split('/')[0]}/" for rest in below if "/" in rest})

    def list(self, prefix: str) -> list[str]:
        self._do("list", prefix)
        return sorted(key for key in self.objects if key.startswith(prefix))

    def uri(self, key: str) -> str:
        return f"memory://{key}"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def _stream(**values: Any) -> dict[str, Any]:
    return {
        "id": "40863565093",
        "user_id": "44748026",
        "user_login": "stintik",
        "user_name": "Stintik",
        "game_id": "509658",
        "game_name": "Just Chatting",
        "type": "live",
        "title": "2 часа стрима",
        "viewer_count": 4109,
        "started_at": "2026-11-23T14:35:02Z",
        "language": "ru",
        "thumbnail_url": "https://static-cdn.jtvnw.net/previews-ttv/live_user_stintik-{width}x{height}.jpg",
        "tag_ids": [],
        "tags": ["Русский"],
        "is_mature": False,
    } | values


def _game(**values: Any) -> dict[str, Any]:
    art = "https://static-cdn.jtvnw.net/ttv-boxart/509658-{width}x{height}.jpg"
    return {"id": "509658", "name": "Just Chatting", "box_art_url": art, "igdb_id": ""} | values


def _page(
    endpoint: str,
    rows: list[Any],
    *,
    params: Iterable[tuple[str, str]] = (),
    answered_at: datetime = datetime(2026, 11, 23, 16, 35, 2, tzinfo=UTC),
    cursor: str | None = None,
) -> RawPage:
    pagination = {"cursor": cursor} if cursor else {}
    body = json.dumps({"data": rows, "pagination": pagination}).encode()
    return RawPage(endpoint, tuple(params), answered_at, body, rows, cursor)


@pytest.fixture(scope="session")
def stream() -> Callable[..., dict[str, Any]]:
    """A row of Get Streams with some values changed."""
    return _stream


@pytest.fixture(scope="session")
def game() -> Callable[..., dict[str, Any]]:
    """A row of Get Top Games with some values changed."""
    return _game


@pytest.fixture(scope="session")
def page() -> Callable[..., RawPage]:
    """A page with these rows, answered two seconds after 16:35."""
    return _page


@pytest.fixture(scope="session")
def run_after() -> datetime:
    return datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded data; the test is skipped without it."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded data beside this checkout (../shared/data)")
    return RECORDED
