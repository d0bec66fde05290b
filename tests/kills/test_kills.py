# SPDX-License-Identifier: Apache-2.0
"""What looks at the lake after a kill finds every lie that is planted there."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.kills import bucket
from tests.kills.checker import examine, lies

PLACE = "dt=2026-11-23/hour=16"
TICK = "20261123T163500Z"
CSV = b'id,title\n1,"a\nb"\n2,c\n'
DATA = f"twitch/all_streams/{PLACE}/streams_data_{TICK}"
RAW = f"twitch/raw/all_streams/{PLACE}/pages_{TICK}.jsonl.gz"
REJECTS = f"twitch/rejects/all_streams/{PLACE}/rejects_{TICK}.csv"
MANIFEST = f"twitch/manifests/mine/{PLACE}/{TICK}.json"

Lake = dict[str, bytes]


def raw(*, complete: bool = True) -> bytes:
    bodies = ['{"data": [{}, {}]}', '{"data": [{}]}']
    lines = [*({"body": body} for body in bodies), {"report": {"complete": complete, "requests": 2}}]
    return gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode(), mtime=0)


def as_parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table({"id": ["1", "2"]}), sink)
    return sink.getvalue()


def lake(*, key: str = f"{DATA}.csv", table: bytes = CSV, complete: bool = True) -> Lake:
    """A run of one table, one reject, and what describes them."""
    objects = {key: table, REJECTS: b"reason,row\nwhy,{}\n", RAW: raw(complete=complete)}
    facts = {key: examine(key, body) for key, body in objects.items()}
    manifest = {
        "complete": complete,
        "counts": {
            "all_streams": {"rows_in": 3, "rows_out": 2, "duplicates": 0, "filtered": 0, "rejects": 1}
        },
        "crawl": {"complete": complete, "requests": 2},
        "objects": [
            {"key": key, "bytes": each.bytes, "sha256": each.sha256, "rows": each.rows}
            for key, each in facts.items()
        ],
    }
    return {**objects, MANIFEST: json.dumps(manifest).encode()}


def found(objects: Lake) -> list[str]:
    return lies({key: examine(key, body) for key, body in objects.items()})


def say(objects: Lake, change: Callable[[Any], Any]) -> None:
    """Alter what the manifest says."""
    manifest = json.loads(objects[MANIFEST])
    change(manifest)
    objects[MANIFEST] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("suffix", "table"),
    [
        (".csv", CSV),
        (".csv.gz", gzip.compress(CSV, mtime=0)),
        (".csv.zst", pa.Codec("zstd").compress(CSV, asbytes=True)),
        (".parquet", as_parquet()),
    ],
)
def test_the_truth_is_no_lie(suffix: str, table: bytes) -> None:
    assert found(lake(key=f"{DATA}{suffix}", table=table)) == []


def test_an_incomplete_table_apart_is_no_lie() -> None:
    key = f"twitch/incomplete/all_streams/{PLACE}/streams_data_{TICK}.csv"
    assert found(lake(key=key, complete=False)) == []


def test_objects_that_no_manifest_describes_are_no_lie() -> None:
    objects = lake()
    del objects[MANIFEST]
    assert found(objects) == []


def test_finds_an_incomplete_table_among_complete_ones() -> None:
    (lie,) = found(lake(complete=False))
    assert lie == f"{MANIFEST} says complete: False of {DATA}.csv"


def test_finds_a_manifest_that_calls_a_lost_crawl_complete() -> None:
    objects = lake()
    objects[RAW] = raw(complete=False)
    assert any("says complete: True of a crawl that says False" in lie for lie in found(objects))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("bytes", 1, f"says bytes 1 of {DATA}.csv, which has {len(CSV)}"),
        ("sha256", "0", "says sha256 0 of"),
        ("rows", 9, f"says rows 9 of {DATA}.csv, which has 2"),
        ("key", f"{DATA}.csv.gz", f"lists {DATA}.csv.gz, which is not there"),
    ],
)
def test_finds_a_lie_about_an_object(field: str, value: Any, sentence: str) -> None:
    objects = lake()
    say(objects, lambda manifest: manifest["objects"][0].update({field: value}))
    assert any(sentence in lie for lie in found(objects))


@pytest.mark.parametrize("field", ["rows_in", "rows_out", "rejects", "duplicates"])
def test_finds_an_account_that_does_not_add_up(field: str) -> None:
    objects = lake()
    say(objects, lambda manifest: manifest["counts"]["all_streams"].update({field: 7}))
    assert found(objects)


def test_finds_another_crawls_raw_object() -> None:
    objects = lake()
    say(objects, lambda manifest: manifest["crawl"].update(requests=3))
    assert found(objects) == [f"{MANIFEST} tells of another crawl than the raw object beside it"]


@pytest.mark.parametrize("key", [RAW, REJECTS, f"{DATA}.csv"])
def test_finds_that_a_described_object_is_gone(key: str) -> None:
    objects = lake()
    del objects[key]
    assert f"{MANIFEST} lists {key}, which is not there" in found(objects)


def test_finds_a_second_copy() -> None:
    objects = lake()
    objects[f"{DATA}.csv.gz"] = gzip.compress(CSV, mtime=0)
    assert found(objects) == [
        f"{DATA}.csv.gz is a second copy of {DATA}.csv",
        f"{MANIFEST} does not list {DATA}.csv.gz, which lies beside it",
    ]


def test_finds_a_second_copy_that_no_manifest_is_beside() -> None:
    objects = {f"{DATA}.csv": CSV, f"{DATA}.parquet": as_parquet()}
    assert found(objects) == [f"{DATA}.parquet is a second copy of {DATA}.csv"]


def test_finds_an_object_that_is_not_listed() -> None:
    objects = lake()
    say(objects, lambda manifest: manifest["objects"].pop(1))
    assert f"{MANIFEST} does not list {REJECTS}, which lies beside it" in found(objects)


def test_finds_an_object_of_another_run_in_a_manifest() -> None:
    objects = lake()
    other = REJECTS.replace("1635", "1640")
    objects[other] = objects.pop(REJECTS)
    say(objects, lambda manifest: manifest["objects"][1].update(key=other))
    assert found(objects) == [f"{MANIFEST} lists an object twice, or one of another tick"]


@pytest.mark.parametrize(
    ("key", "whole"),
    [
        (f"{DATA}.csv", CSV),
        (f"{DATA}.csv.gz", gzip.compress(CSV, mtime=0)),
        (f"{DATA}.csv.zst", pa.Codec("zstd").compress(CSV * 50, asbytes=True)),
        (f"{DATA}.parquet", as_parquet()),
        (RAW, raw()),
        (REJECTS, b"reason,row\nwhy,{}\n"),
        (MANIFEST, lake()[MANIFEST]),
    ],
)
def test_finds_half_an_object(key: str, whole: bytes) -> None:
    assert found({key: whole}) == [] or key == MANIFEST
    (lie,) = found({key: whole[: len(whole) * 2 // 3]})
    assert lie.startswith(f"{key} is half an object: ")


def test_finds_a_raw_object_without_its_last_line() -> None:
    lines = gzip.decompress(raw()).splitlines(keepends=True)[:-1]
    (lie,) = found({RAW: gzip.compress(b"".join(lines))})
    assert "is half an object" in lie


@pytest.mark.parametrize(
    ("sent", "status", "kept"), [(b"whole", "200 OK", [b"whole"]), (b"who", "400 Bad Request", [])]
)
def test_the_bucket_keeps_no_half_body(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, status: str, kept: list[bytes]
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    bodies, answers = [], []

    def keep(environ: Any, respond: Any) -> list[bytes]:
        bodies.append(environ["wsgi.input"].read())
        respond("200 OK", [])
        return []

    request = {
        "PATH_INFO": "/lake/key",
        "REQUEST_METHOD": "PUT",
        "CONTENT_LENGTH": "5",
        "wsgi.input": io.BytesIO(sent),
    }
    bucket.Slowly(keep)(request, lambda status, _headers: answers.append(status))
    assert (answers, bodies) == ([status], kept)
