# SPDX-License-Identifier: Apache-2.0
"""Whether a lake tells the truth: every manifest describes exactly what lies beside it, and always did.

It reads as a stranger would, with nothing of the package that wrote it.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

_TICK = re.compile(r"\d{8}T\d{6}Z")

#: What a body that breaks off makes its reader raise.
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, EOFError, csv.Error, zlib.error, pa.ArrowException)


@dataclass(frozen=True)
class Facts:
    """What an object is.

    :param bytes: its size
    :param sha256: of its bytes, in hex
    :param rows: of a table; pages of a raw object
    :param broken: why it cannot be read to its end; empty where it can
    :param says: a manifest's fields, or the first line of a raw object
    :param streams: rows that the pages of a raw object hold
    """

    bytes: int
    sha256: str
    rows: int = 0
    broken: str = ""
    says: Mapping[str, Any] = field(default_factory=dict, repr=False)
    streams: int = 0


class Version(NamedTuple):
    """What lay under a key at some time.

    :param since: the number of the write or the deletion, over all keys
    :param facts: None: it was deleted
    """

    since: int
    facts: Facts | None


def examine(key: str, body: bytes) -> Facts:
    """Read an object to its end.

    :param key: of the object; its ending says how it is read
    :param body: its bytes
    """
    found = len(body), hashlib.sha256(body).hexdigest()
    try:
        return Facts(*found, **_read(key, body))
    except _UNREADABLE as error:
        return Facts(*found, broken=f"{type(error).__name__}: {error}")


def lies(objects: Mapping[str, Facts]) -> list[str]:
    """Say in a sentence each what is wrong with a lake; nothing where it tells the truth.

    :param objects: all there are, by key
    """
    by_tick: dict[str, set[str]] = defaultdict(set)
    for key in objects:
        by_tick[tick_of(key)].add(key)
    return [
        *(f"{key} is half an object: {facts.broken}" for key, facts in objects.items() if facts.broken),
        *(lie for keys in by_tick.values() for lie in _second_copies(keys)),
        *(
            lie
            for key, facts in objects.items()
            if "/manifests/" in key and not facts.broken
            for lie in (
                *_lies_of(key, facts.says, objects),
                *_unlisted(key, facts.says, by_tick[tick_of(key)]),
            )
        ),
    ]


def changes(history: Mapping[str, Sequence[Version]]) -> list[str]:
    """Say in a sentence each what no order of a run's tries may have done to a lake.

    All tries of a run write the same bytes, and delete nothing; only a crawl that lost a part has other
    objects, and a manifest that a complete one may replace.

    :param history: what lay under each key, oldest first
    """
    found = []
    for key, versions in history.items():
        facts = [version.facts for version in versions]
        if None in facts:
            found.append(f"{key} was deleted")
        for before, after in itertools.pairwise(filter(None, facts)):
            if before != after and not (
                "/manifests/" in key and after.says["complete"] > before.says["complete"]
            ):
                found.append(f"{key} was replaced by something else")
        if "/manifests/" in key:
            found += [lie for version in versions for lie in _lies_then(key, version, history)]
    return found


def _lies_then(key: str, version: Version, history: Mapping[str, Sequence[Version]]) -> Iterator[str]:
    """Say what was wrong with a manifest when it was written."""
    there = {
        other: facts
        for other, versions in history.items()
        for since, facts in versions[:1]
        if facts is not None and since <= version.since
    }
    if version.facts is not None:
        yield from _lies_of(key, version.facts.says, there)


def tables(keys: Iterable[str]) -> list[str]:
    """Return those keys that are tables, sorted.

    :param keys: of any objects
    """
    return sorted(key for key in keys if "_data_" in key)


def tick_of(key: str) -> str:
    """Return the tick in a key; empty if it has no tick.

    :param key: of any object
    """
    found = _TICK.search(key)
    return found[0] if found else ""


def _read(key: str, body: bytes) -> dict[str, Any]:
    if "/manifests/" in key:
        manifest = json.loads(body)
        # Whatever is not there is a KeyError: half a manifest.
        _ = [manifest[name] for name in ("complete", "counts", "crawl", "scope")]
        _ = [entry[name] for entry in manifest["objects"] for name in ("key", "bytes", "sha256", "rows")]
        return {"says": manifest}
    if key.endswith(".jsonl.gz"):
        header, *pages = [json.loads(line) for line in gzip.decompress(body).split(b"\n")[:-1]]
        _ = [header[name] for name in ("owner", "try_id", "scope", "report")]
        streams = sum(len(json.loads(page["body"])["data"]) for page in pages)
        return {"rows": len(pages), "streams": streams, "says": header}
    if key.endswith(".parquet"):
        return {"rows": parquet.read_table(pa.BufferReader(body)).num_rows}
    header, *rows = csv.reader(io.StringIO(_plain(key, body).decode(), newline=""), strict=True)
    if any(len(row) != len(header) for row in rows):
        raise ValueError("a row is shorter or longer than the header")
    return {"rows": len(rows)}


def _plain(key: str, body: bytes) -> bytes:
    if key.endswith(".gz"):
        return gzip.decompress(body)
    if key.endswith(".zst"):
        plain: bytes = pa.CompressedInputStream(pa.BufferReader(body), "zstd").read()
        return plain
    if not body.endswith(b"\n"):
        raise ValueError("it does not end with a line")
    return body


def _second_copies(keys: Iterable[str]) -> Iterator[str]:
    # A crawl that lost a part has keys of its own.
    first, *others = tables(key for key in keys if "/incomplete/" not in key) or [""]
    for other in others:
        yield f"{other} is a second copy of {first}"


def _unlisted(manifest: str, says: Mapping[str, Any], beside: Iterable[str]) -> Iterator[str]:
    """Say what a complete crawl's manifest leaves out; tries that lost a part may lie beside it."""
    listed = {manifest, *(entry["key"] for entry in says["objects"])}
    for key in sorted(set(beside) - listed) if says["complete"] else ():
        if "/incomplete/" not in key:
            yield f"{manifest} does not list {key}, which lies beside it"


def _lies_of(manifest: str, says: Mapping[str, Any], objects: Mapping[str, Facts]) -> Iterator[str]:
    listed = [entry["key"] for entry in says["objects"]]
    for entry in says["objects"]:
        key, facts = entry["key"], objects.get(entry["key"])
        if facts is None:
            yield f"{manifest} lists {key}, which is not there"
            continue
        for name in ("bytes", "sha256", "rows"):
            if entry[name] != getattr(facts, name):
                yield f"{manifest} says {name} {entry[name]} of {key}, which has {getattr(facts, name)}"
    if len(set(listed)) != len(listed) or {tick_of(key) for key in listed} != {tick_of(manifest)}:
        yield f"{manifest} lists an object twice, or one of another tick"
    raw = [objects[key] for key in listed if "/raw/" in key and key in objects]
    if len(raw) != 1 or len(tables(listed)) != 1:
        yield f"{manifest} lists {len(raw)} raw objects and {len(tables(listed))} tables, not one of each"
        return
    yield from _lies_about_rows(manifest, says, raw[0])


def _lies_about_rows(manifest: str, says: Mapping[str, Any], raw: Facts) -> Iterator[str]:
    (table,) = [entry for entry in says["objects"] if "_data_" in entry["key"]]
    (counts,) = says["counts"].values()
    parts = sum(counts[name] for name in ("rows_out", "duplicates", "filtered", "rejects"))
    rejects = sum(entry["rows"] for entry in says["objects"] if "/rejects/" in entry["key"])
    for name, said, real in (
        ("rows_in", counts["rows_in"], raw.streams),
        ("rows_in", counts["rows_in"], parts),
        ("rows_out", counts["rows_out"], table["rows"]),
        ("rejects", counts["rejects"], rejects),
    ):
        if said != real:
            yield f"{manifest} says {name} {said} where there are {real}"
    header = raw.says
    if says["crawl"] != header["report"] or says["scope"] != header["scope"]:
        yield f"{manifest} tells of another crawl than the raw object beside it"
    if says["complete"] is not header["report"]["complete"]:
        yield f"{manifest} says complete: {says['complete']}, and its raw object says otherwise"
    key, writes = table["key"], says["scope"]["writes"]
    suffix = {"none": ".csv", "gzip": ".csv.gz", "zstd": ".csv.zst"}[writes["compression"]]
    if not key.endswith(".parquet" if writes["file_format"] == "parquet" else suffix):
        yield f"{key} has another form than its raw object says"
    of_try = "" if says["complete"] else header["try_id"]
    for entry in says["objects"]:
        if ("/incomplete/" in entry["key"]) is says["complete"] or of_try not in entry["key"]:
            yield f"{manifest} says complete: {says['complete']} of {entry['key']}"
