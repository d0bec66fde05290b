# SPDX-License-Identifier: Apache-2.0
"""What a soak left in the bucket, read as a stranger would: every object to its end."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from tests.kills.checker import _UNREADABLE, Facts, examine
from tests.metrics.oracle_clock import Seen
from tests.soak.s3 import Stored

from twitch_provider.metrics.snapshots import Found, add_manifest

#: The prefix of the lake.
LAKE = "twitch/"

_TEXTS = ("id", "user_id", "user_login", "user_name", "game_id", "game_name", "title", "language")


@dataclass
class Left:
    """The objects of a bucket.

    :param objects: by their keys
    """

    objects: Mapping[str, Stored]

    def body(self, key: str) -> bytes:
        return self.objects[key].body

    def below(self, folder: str) -> list[str]:
        """Return the keys in a folder of the lake, sorted."""
        return sorted(key for key in self.objects if key.startswith(LAKE + folder))

    @cached_property
    def snapshots(self) -> dict[str, Any]:
        """The manifests of snapshots, by their keys."""
        return {key: json.loads(self.body(key)) for key in self.below("manifests/")}

    @cached_property
    def periods(self) -> dict[str, Any]:
        """The manifests of hours and days, by their keys; a claim of a try that died is not one."""
        found = {key: json.loads(self.body(key)) for key in self.below("metrics/manifests/")}
        return {key: says for key, says in found.items() if "objects" in says}

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """What each object is, read to its end."""
        found = {}
        for key, stored in self.objects.items():
            if (key, stored.sha256) not in _read:
                _read[key, stored.sha256] = _examined(key, stored.body)
            found[key] = _read[key, stored.sha256]
        return found

    def rows(self, key: str) -> list[dict[str, str]]:
        """Return the rows of a CSV."""
        body = self.body(key)
        text = (gzip.decompress(body) if key.endswith(".gz") else body).decode()
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    def table(self, key: str) -> list[dict[str, Any]]:
        """Return the rows of a Parquet file."""
        return list(parquet.read_table(pa.BufferReader(self.body(key))).to_pylist())

    @cached_property
    def seen(self) -> list[Seen]:
        """All snapshots for the oracle, with the columns that it reads."""
        found = Found()
        for key in self.snapshots:
            add_manifest(self.body(key), found, key=key, etag=self.objects[key].etag, place=key)
        if found.refused:
            raise ValueError(f"manifests cannot be read: {found.refused}")
        return [
            Seen(
                each,
                [_seen(row) for row in self.rows(each.table.key)],
                None
                if each.games is None
                else {
                    row["id"]: (int(row["rank"]), row["capped"] == "true")
                    for row in self.rows(each.games.key)
                },
            )
            for each in found.snapshots
        ]


#: What was read before: the tests look at one bucket many times.
_read: dict[tuple[str, str], Facts] = {}
_known: dict[str, Any] = {}


def _same(text: str) -> Any:
    """One object for equal texts: a day repeats most of them."""
    return _known.setdefault(text, text)


def _seen(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        **{name: _same(row[name]) for name in _TEXTS},
        "viewer_count": int(row["viewer_count"]),
        "started_at": _instant(row["started_at"]),
        "tags": _tags(row["tags"]),
    }


def _instant(text: str) -> datetime | None:
    made = _known.get(f"at {text}")
    if made is None and text:
        made = _known[f"at {text}"] = datetime.fromisoformat(text)
    return made


def _tags(text: str) -> Any:
    if (made := _known.get(f"tags {text}")) is None:
        made = _known[f"tags {text}"] = json.loads(text or "[]")
    return made


def _examined(key: str, body: bytes) -> Facts:
    # Those of snapshots and their raw pages are read as by the checker of kills.
    if key.startswith((f"{LAKE}metrics/", f"{LAKE}reports/", f"{LAKE}latest/")):
        facts = examine(key, body) if key.endswith((".csv", ".parquet")) else None
        if facts is not None:
            return facts
        plain = examine(f"{LAKE}latest/any.csv", b"any\n")
        try:
            rows = _rows_of(key, body)
        except _UNREADABLE as error:
            return Facts(len(body), plain.sha256, broken=f"{type(error).__name__}: {error}")
        return Facts(len(body), plain.sha256, rows=rows)
    return examine(key, body)


def _rows_of(key: str, body: bytes) -> int:
    if key.endswith(".html"):
        if not body.rstrip().endswith(b"</html>"):
            raise ValueError("the page does not end")
        return 0
    says = json.loads(gzip.decompress(body) if key.endswith(".gz") else body)
    if "being_written_by" in says:
        raise ValueError("a try has begun to publish this period, and none has ended it")
    return len(says)


def ticks(begin: datetime, end: datetime, step: Any) -> Iterator[datetime]:
    """The ticks that are due in a time."""
    while begin < end:
        yield begin
        begin += step


def tick_in(key: str) -> datetime | None:
    """The tick in a key; None if it has none."""
    found = re.search(r"\d{8}T\d{6}Z", key)
    return None if found is None else datetime.strptime(found[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
