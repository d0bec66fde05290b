# SPDX-License-Identifier: Apache-2.0
"""What the lake needs of an object store; :class:`twitch_provider.aws.store.S3Store` is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object as it lies in the store.

    :param body: its bytes
    :param etag: the store's opaque tag of this version of it, for conditions
    """

    body: bytes
    etag: str


class Stat(NamedTuple):
    """An object without its bytes.

    :param etag: the store's opaque tag of this version of it, for conditions
    :param metadata: what :meth:`Store.put` wrote with it
    """

    etag: str
    metadata: Mapping[str, str]


class Entry(NamedTuple):
    """An object as a listing has it.

    :param key: without the bucket
    :param size: in bytes
    :param etag: the store's opaque tag of this version of it, for conditions
    """

    key: str
    size: int
    etag: str


class Store(Protocol):
    """One bucket. Keys include the lake's prefix; every method raises ``TwitchStoreError`` on failure."""

    def put(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object, replacing what was there, and compare what lies there with what was sent.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        """
        ...

    def create(self, key: str, body: bytes, *, content_type: str) -> bool:
        """Write an object on condition that the key is free, and compare it with what was sent.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :returns: False if it is not. The object there may be this one: after an answer that was lost on the
            way, the client sends the request twice
        """
        ...

    def replace(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str], etag: str | None
    ) -> bool:
        """Write an object on condition that what lies there is what :meth:`stat` saw, and compare it.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        :param etag: of the object that was seen; None where the key was free
        :returns: False if another object, or none, lies there now; a lost answer may also end so
        """
        ...

    def stat(self, key: str) -> Stat | None:
        """Return an object's tag and metadata, None where there is no such key."""
        ...

    def read(self, key: str) -> StoredObject | None:
        """Return an object's bytes and tag, None where there is no such key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is no such key."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects in this order; missing ones are fine."""
        ...

    def delete_unchanged(self, key: str, etag: str) -> bool:
        """Delete an object on condition that it is the one that was seen.

        :param key: without the bucket
        :param etag: of the object that was seen
        :returns: False if another object, or none, lies there now
        """
        ...

    def folders(self, prefix: str) -> list[str]:
        """Return the common prefixes one level below (they end in ``/``), sorted."""
        ...

    def entries(self, prefix: str) -> Sequence[Entry]:
        """Return every object whose key begins with the prefix, sorted by key."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return every key that begins with the prefix, sorted."""
        ...

    def uri(self, key: str) -> str:
        """Return the object's address, for example ``s3://bucket/key``."""
        ...
