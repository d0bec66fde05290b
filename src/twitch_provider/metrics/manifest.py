# SPDX-License-Identifier: Apache-2.0
"""The manifest of an hour or a day of metrics: what was published, and from which snapshots.

It has no time of its own writing: equal inputs give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.shapes import require_plain, require_shape
from twitch_provider.metrics.clock import COUNTED, Period


@dataclass(frozen=True)
class MetricsObject:
    """One table of a period.

    :param key: without the bucket
    :param bytes: its size
    :param sha256: of its bytes, in hex
    :param rows: how many
    :param table: its name, for example ``games_hour``
    """

    key: str
    bytes: int
    sha256: str
    rows: int
    table: str


@dataclass(frozen=True)
class MetricsManifest:
    """What was published of one hour or day.

    It is true as long as its tables lie as listed; snapshots may have expired since.

    :param period: ``hour`` or ``day``
    :param begin: of it, UTC, for example ``2026-11-23T12:00:00Z``
    :param digest: of all that the tables are a function of; each table has it in its metadata, too
    :param scopes: for each scope ``samples``, ``covered_seconds`` and ``missing_seconds``
    :param inputs: keys of the snapshots' manifests, with their entity tags, sorted
    :param refused: keys of manifests that cannot be read, whose snapshots are left out; of a day
    :param objects: the tables, by key
    """

    period: str
    begin: str
    digest: str
    scopes: Mapping[str, Mapping[str, int]]
    inputs: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]
    objects: tuple[MetricsObject, ...]

    def to_json(self) -> bytes:
        """Return it for people and programs: indented, keys in a fixed order."""
        values = asdict(self) | {"inputs": [{"manifest": key, "etag": tag} for key, tag in self.inputs]}
        text = json.dumps(values, indent=2, ensure_ascii=False)
        return f"{text}\n".encode(errors="backslashreplace")

    @classmethod
    def from_json(cls, data: bytes) -> MetricsManifest:
        """Read a manifest of this version or another.

        :param data: the object's bytes
        :raises TwitchDataError: it is not one of this version's
        """
        try:
            values = json.loads(data)
            values["inputs"] = tuple((each["manifest"], each["etag"]) for each in values["inputs"])
            values["refused"] = tuple(values["refused"])
            values["objects"] = tuple(MetricsObject(**each) for each in values["objects"])
            manifest = cls(**{field.name: values[field.name] for field in fields(cls)})
            require_shape(manifest, cls)
            require_plain(*(name for each in manifest.objects for name in (each.key, each.table)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise TwitchDataError(
                "This is not a manifest of metrics of this version's: the period is computed again."
            ) from None
        return manifest


def scopes_of(period: Period) -> dict[str, dict[str, int]]:
    """Return how much of a period each scope covers.

    :param period: of the clock
    """
    length = round((period.end - period.begin).total_seconds())
    scopes = sorted({row.scope for row in period.rows} | {part.scope for part in period.parts})
    return {scope: _coverage(period, scope, length) for scope in scopes}


def _coverage(period: Period, scope: str, length: int) -> dict[str, int]:
    covered = sum(part.seconds for part in period.parts if part.scope == scope)
    samples = sum((row.scope, row.status) == (scope, COUNTED) for row in period.rows)
    return {"samples": samples, "covered_seconds": covered, "missing_seconds": length - covered}
