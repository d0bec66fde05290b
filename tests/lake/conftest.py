# SPDX-License-Identifier: Apache-2.0
"""Pages to clean, and a store in memory that records its calls and can fail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchStoreUnavailableError
from twitch_provider.lake.raw_header import Owner, RawHeader
from twitch_provider.lake.raw_pages import RawPage
from twitch_provider.lake.store import Entry, Stat, StoredObject

#: Recorded answers and a captured day lie beside the checkout where the project is developed.
RECORDED = Path(__file__).parents[3] / "shared" / "data"


class MemoryStore:
    """A store that records every operation."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.address = "memory://"
        self.content_types: dict[str, str] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        #: Whether the store honours conditions on writing and deleting.
        self.conditions = True
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
        self._put(key, body, content_type, metadata)

    def _put(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        self.objects[key] = body
        self.content_types[key] = content_type
        self.metadata[key] = dict(metadata or {})
        self.watch()

    def create(self, key: str, body: bytes, *, content_type: str) -> bool:
        return self.replace(key, body, content_type=content_type, metadata={}, etag=None)

    def replace(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str], etag: str | None
    ) -> bool:
        self._do("put", key)
        if self.conditions and self._etag(key) != etag:
            return False
        self._put(key, body, content_type, metadata)
        return True

    def _etag(self, key: str) -> str | None:
        return hashlib.sha256(self.objects[key]).hexdigest() if key in self.objects else None

    def stat(self, key: str) -> Stat | None:
        self._do("stat", key)
        return Stat(str(self._etag(key)), self.metadata.get(key, {})) if key in self.objects else None

    def read(self, key: str) -> StoredObject | None:
        self._do("get", key)
        return StoredObject(self.objects[key], str(self._etag(key))) if key in self.objects else None

    def get(self, key: str) -> bytes | None:
        self._do("get", key)
        return self.objects.get(key)

    def exists(self, key: str) -> bool:
        return key in self.objects

    def delete_unchanged(self, key: str, etag: str) -> bool:
        self._do("delete", key)
        if self.conditions and self._etag(key) != etag:
            return False
        self.objects.pop(key, None)
        self.watch()
        return True

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._do("delete", key)
            self.objects.pop(key, None)
            self.watch()

    def folders(self, prefix: str) -> list[str]:
        self._do("folders", prefix)
        below = [key.removeprefix(prefix) for key in self.objects if key.startswith(prefix)]
        return sorted({f"{prefix}{rest.split('/')[0]}/" for rest in below if "/" in rest})

    def entries(self, prefix: str) -> Sequence[Entry]:
        return [Entry(key, len(self.objects[key]), str(self._etag(key))) for key in self.list(prefix)]

    def list(self, prefix: str) -> list[str]:
        self._do("list", prefix)
        return sorted(key for key in self.objects if key.startswith(prefix))

    def uri(self, key: str) -> str:
        return f"{self.address}{key}"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def stream_row(**values: Any) -> dict[str, Any]:
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
    received_at: datetime | None = None,
    cursor: str | None = None,
) -> RawPage:
    pagination = {"cursor": cursor} if cursor else {}
    body = json.dumps({"data": rows, "pagination": pagination}).encode()
    return RawPage(endpoint, tuple(params), answered_at, received_at or answered_at, body, rows, cursor)


def _header(**values: Any) -> RawHeader:
    owner = Owner("twitch_top_games", "scheduled__2026-11-23T16:35:00", "extract")
    scope = {"asks": {"games": 20}, "writes": {"file_format": "csv", "compression": "none"}}
    known: dict[str, Any] = {
        "owner": owner,
        "try_id": "0123abcd",
        "scope": scope,
        "adhoc": False,
        "run_type": "scheduled",
        "interval_seconds": 300,
        "provider_version": "1",
        "requests": 2,
        "transport": {"tokens": 1},
        "points_left": 780,
    }
    return RawHeader(**known | values)


@pytest.fixture(scope="session")
def stream() -> Callable[..., dict[str, Any]]:
    """A row of Get Streams with some values changed."""
    return stream_row


@pytest.fixture(scope="session")
def game() -> Callable[..., dict[str, Any]]:
    """A row of Get Top Games with some values changed."""
    return _game


@pytest.fixture(scope="session")
def page() -> Callable[..., RawPage]:
    """A page with these rows, answered two seconds after 16:35."""
    return _page


@pytest.fixture(scope="session")
def header() -> Callable[..., RawHeader]:
    """The header of a raw object, with some values changed."""
    return _header


@pytest.fixture(scope="session")
def run_after() -> datetime:
    return datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded data; the test is skipped without it."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded data beside this checkout (../shared/data)")
    return RECORDED
