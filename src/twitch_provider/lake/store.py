# SPDX-License-Identifier: Apache-2.0
"""What the lake needs of an object store; :class:`twitch_provider.aws.store.S3Store` is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Store(Protocol):
    """One bucket. Keys include the lake's prefix; every method raises ``TwitchStoreError`` on failure."""

    def put(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object, replacing what was there.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        """
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the metadata that :meth:`put` wrote with an object, None where there is no such key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is no such key."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects in this order; missing ones are fine."""
        ...

    def folders(self, prefix: str) -> list[str]:
        """Return the common prefixes one level below (they end in ``/``), sorted."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return every key that begins with the prefix, sorted."""
        ...

    def uri(self, key: str) -> str:
        """Return the object's address, for example ``s3://bucket/key``."""
        ...
