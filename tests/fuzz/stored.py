# SPDX-License-Identifier: Apache-2.0
"""What lies in the lake and is read back: raw pages, manifests, tables, and what tasks pass on."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import pyarrow as pa
from tests.fuzz.mutate import gzipped, json_document, json_lines, of_bytes
from tests.fuzz.target import SECRET, Target, values
from tests.lake.conftest import MemoryStore, _game, _header, _page, stream_row

from twitch_provider.crawl.checkpoints import segments
from twitch_provider.crawl.plan import Crawl
from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.hooks.encryption import TokenCipher
from twitch_provider.lake import all_streams, top_games
from twitch_provider.lake.extract import Extract, find_incomplete, keep, read
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest, describe, find_previous
from twitch_provider.lake.previous import read_previous
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_header import Owner
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.schema import SCHEMAS
from twitch_provider.lake.tables import CleanTable

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
KEYS = SnapshotKeys("twitch", "twitch_all_streams", TICK)
OWNER = Owner("twitch_all_streams", "scheduled__2026-11-23T16:35:00", "crawl")
CRAWL = {
    "complete": True,
    "languages": {"ru": 1, "en": 1},
    "checkpoints": {"ru": ["a", "b"]},
    "completeness": 1,
}


def _streams() -> list[dict[str, Any]]:
    return [stream_row(), stream_row(id="2", user_id="3", user_login="x", language="en", tags=["=1"])]


@cache
def _raw() -> RawObject:
    pages = [_page("streams", _streams(), cursor="c", params=[("language", "en")]), _page("streams", [])]
    return RawObject.of(pages, _header(owner=OWNER, report=CRAWL, scope=_scope()))


def _scope() -> dict[str, Any]:
    return {"asks": {"strategy": "languages"}, "writes": {"file_format": "csv", "compression": "none"}}


@cache
def _raw_of_games() -> RawObject:
    pages = [
        _page("games/top", [_game()]),
        _page("streams", _streams(), params=[("game_id", "509658")]),
    ]
    return RawObject.of(pages, _header(owner=OWNER))


@cache
def _published() -> tuple[dict[str, bytes], str]:
    """The objects of a snapshot, and the key of its manifest."""
    store = MemoryStore()
    extract = keep(store, KEYS, "all_streams", _raw())
    table = all_streams.transform(extract.bodies(store), run_after=TICK)
    publish(store, KEYS, {"all_streams": table}, extract=extract, published_at=TICK)
    return store.objects, KEYS.manifest


def raw_object(data: bytes) -> None:
    """The account of its rows adds up, or it is refused whole."""
    store = MemoryStore()
    key = KEYS.raw("all_streams")
    store.objects[key] = data
    store.objects[KEYS.incomplete_raw("all_streams", "0123abcd")] = data
    find_incomplete(store, KEYS, "all_streams", OWNER)
    extract = read(store, key, "all_streams")
    assert extract is not None
    extract.header.owner.require(extract.header.owner, key)
    again = Extract.from_xcom(json.loads(json.dumps(extract.as_xcom())))
    assert again.raw == extract.raw
    table = all_streams.transform(extract.bodies(store), run_after=TICK)
    bodies = [json.loads(each.body) for each in extract.bodies(store)]
    assert table.rows_in == sum(len(each["data"]) for each in bodies)
    pages = extract.pages(store)
    assert table.rows_in == sum(len(each.rows) for each in pages)
    tables = top_games.transform(pages, run_after=TICK)
    rows_in = sum(each.rows_in for each in tables.values())
    assert rows_in == sum(len(each.rows) for each in pages if each.endpoint in {"games/top", "streams"})
    publish(store, KEYS, {"all_streams": table}, extract=extract, published_at=TICK)


def _manifests() -> list[bytes]:
    objects, key = _published()
    manifest = Manifest.from_json(objects[key])
    previous = {"manifest": "a.json", "run_after": "2026-11-23T16:30:00Z", "gap_seconds": 300}
    return [
        objects[key],
        json.dumps({**json.loads(manifest.to_json()), "previous": previous}).encode(),
        replace(manifest, complete=False, crawl=None).to_json(),
    ]


def manifest(data: bytes) -> None:
    """What a manifest says can be used wherever it is, or it is refused; a crawl goes on without it."""
    objects, key = _published()
    store = MemoryStore()
    store.objects = {**objects, key: data}
    later = SnapshotKeys("twitch", "twitch_all_streams", TICK + timedelta(minutes=5))
    known = read_previous(store, later, "all_streams", within=timedelta(minutes=30))
    if known is not None:
        _crawl(known)
    before = find_previous(store, later)
    read_manifest = Manifest.from_json(data)
    assert Manifest.from_json(read_manifest.to_json()) == read_manifest
    after = read_manifest.after(before)
    assert after.missed in {True, False}
    assert read_manifest.cut_short in {True, False}
    read_manifest.table("all_streams")
    read_manifest.require_owner(OWNER, "all_streams", key)


def _crawl(known: Any) -> None:
    """Plan a crawl from what is known."""
    crawl = Crawl(known, from_checkpoints=True)
    for language, count in known.languages.items():
        crawl.walks += segments(language, count, known.checkpoints.get(language, ()))
    crawl.walks.sort(key=lambda walk: -walk.expected)
    crawl.missing_batches()
    json.dumps(crawl.report(seconds=1.0, stats={}, points_left=1).as_dict())


def _tables() -> list[bytes]:
    objects, key = _published()
    entry = Manifest.from_json(objects[key]).table("all_streams")
    assert entry is not None
    return [objects[entry.key]]


def _table(suffix: str) -> Callable[[bytes], None]:
    """A table whose manifest lists exactly these bytes."""

    def run(data: bytes) -> None:
        objects, key = _published()
        published = Manifest.from_json(objects[key])
        entry = published.table("all_streams")
        assert entry is not None
        place = entry.key.removesuffix(".csv") + suffix
        described = describe(place, data, rows=entry.rows, kind="table", dataset="all_streams")
        store = MemoryStore()
        store.objects = {place: data, key: replace(published, objects=(described,)).to_json()}
        later = SnapshotKeys("twitch", "twitch_all_streams", TICK + timedelta(minutes=5))
        known = read_previous(store, later, "all_streams", within=timedelta(minutes=30))
        assert known is not None  # At least the languages, from the manifest.
        _crawl(known)

    return run


def _encoded(file_format: str, compression: str) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        table = all_streams.transform(_raw().bodies(), run_after=TICK)
        return [Format(file_format, compression).encode(table.table, SCHEMAS["streams"])]

    return seeds


def _xcoms() -> list[bytes]:
    tables = top_games.transform(_page_list(), run_after=TICK)
    return [json.dumps(each.as_xcom()).encode() for each in tables.values()]


def _page_list() -> list[Any]:
    return Extract.of("k", "d", _raw_of_games()).pages(MemoryStore())


def xcom_table(data: bytes) -> None:
    """The account of its rows adds up after the way through XCom."""
    table = CleanTable.from_xcom(values(data))
    rows_in, *accounted = table.counts.values()
    assert rows_in == sum(accounted)
    json.dumps([table.figures, table.rejected])


def _references() -> list[bytes]:
    return [json.dumps(Extract.of("twitch/raw/a.gz", "all_streams", _raw()).as_xcom()).encode()]


def xcom_extract(data: bytes) -> None:
    """A reference to raw pages finds its object, or says what to clear."""
    extract = Extract.from_xcom(values(data))
    store = MemoryStore()
    store.objects["twitch/raw/a.gz"] = _raw().body
    assert len(extract.pages(store)) == 2
    assert json.loads(json.dumps(extract.as_xcom()))["raw"] == asdict(extract.raw)
    assert extract.clock_difference == timedelta(seconds=extract.clock_difference_seconds)
    extract.header.owner.require(OWNER, "here")


CIPHER = TokenCipher(Credentials("id", SECRET), "https://a", "https://b", now=lambda: TICK)


def _kept_tokens() -> list[bytes]:
    return [
        CIPHER.encrypt(AppToken(SECRET, TICK + timedelta(days=60))).encode(),
        CIPHER.encrypt(AppToken(SECRET)).encode(),
        CIPHER.encrypt(AppToken(SECRET, TICK)).encode(),
    ]


def cached_token(data: bytes) -> None:
    """Only what was encrypted with this secret is a token."""
    found = CIPHER.decrypt(data.decode(errors="surrogateescape"))
    assert found is None or (found.value == SECRET and SECRET not in repr(found))


def _inside_base64(random: Random, data: bytes) -> bytes:
    """Mutate a table in base64, or what is around it."""
    try:
        value = json.loads(data)
        name = random.choice(("table", "rejects"))
        value[name] = base64.b64encode(of_bytes(random, base64.b64decode(value[name]))).decode()
        return json.dumps(value).encode() if random.randrange(2) else json_document(random, data)
    except (ValueError, TypeError, KeyError, RecursionError):
        return json_document(random, data)


def _lines(random: Random, data: bytes) -> bytes:
    return json_lines(random, data)


def as_parquet(data: bytes) -> None:
    _table(".parquet")(data)


TARGETS: tuple[Target, ...] = (
    Target("raw_object", raw_object, lambda: [_raw().body, _raw_of_games().body], gzipped(_lines)),
    Target("manifest", manifest, _manifests),
    Target("table_csv", _table(".csv"), _tables, of_bytes),
    Target("table_csv_gz", _table(".csv.gz"), lambda: [gzip.compress(_tables()[0])], gzipped(of_bytes)),
    Target(
        "table_csv_zst",
        _table(".csv.zst"),
        lambda: [pa.Codec("zstd").compress(_tables()[0], asbytes=True)],
        of_bytes,
    ),
    Target("table_parquet", _table(".parquet"), _encoded("parquet", "zstd"), of_bytes),
    Target("xcom_table", xcom_table, _xcoms, _inside_base64),
    Target("xcom_extract", xcom_extract, _references),
    Target("cached_token", cached_token, _kept_tokens, of_bytes),
)
