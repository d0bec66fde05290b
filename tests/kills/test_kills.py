# SPDX-License-Identifier: Apache-2.0
"""What looks at the lake after a freeze or a kill finds every lie that is planted there."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyarrow import parquet
from tests.kills import bucket
from tests.kills.checker import Version, changes, examine, lies

PLACE = "dt=2026-11-23/hour=16"
TICK = "20261123T163500Z"
CSV = b'id,title\n1,"a\nb"\n2,c\n'
DATA = f"twitch/all_streams/{PLACE}/streams_data_{TICK}"
RAW = f"twitch/raw/all_streams/{PLACE}/pages_{TICK}.jsonl.gz"
REJECTS = f"twitch/rejects/all_streams/{PLACE}/rejects_{TICK}.csv"
MANIFEST = f"twitch/manifests/mine/{PLACE}/{TICK}.json"
FORMS = {
    ".csv": ("csv", "none"),
    ".csv.gz": ("csv", "gzip"),
    ".csv.zst": ("csv", "zstd"),
    ".parquet": ("parquet", "zstd"),
}

Lake = dict[str, bytes]


def apart(key: str) -> str:
    """The same object of a crawl that lost a part."""
    return key.replace("twitch/", "twitch/incomplete/").replace(TICK, f"{TICK}_0123abcd")


def scope(suffix: str) -> dict[str, Any]:
    file_format, compression = FORMS[suffix]
    return {"asks": {}, "writes": {"file_format": file_format, "compression": compression}}


def raw(suffix: str = ".csv", *, complete: bool = True) -> bytes:
    report = {"complete": complete, "requests": 2}
    header = {"owner": {}, "try_id": "0123abcd", "scope": scope(suffix), "report": report}
    bodies = ['{"data": [{}, {}]}', '{"data": [{}]}']
    lines = [header, *({"body": body} for body in bodies)]
    return gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode(), mtime=0)


def as_parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table({"id": ["1", "2"]}), sink)
    return sink.getvalue()


def lake(suffix: str = ".csv", table: bytes = CSV, *, complete: bool = True) -> Lake:
    """A run of one table, one reject, and what describes them."""
    place = str if complete else apart
    objects = {
        place(f"{DATA}{suffix}"): table,
        place(REJECTS): b"reason,row\nwhy,{}\n",
        place(RAW): raw(suffix, complete=complete),
    }
    facts = {key: examine(key, body) for key, body in objects.items()}
    manifest = {
        "complete": complete,
        "counts": {
            "all_streams": {"rows_in": 3, "rows_out": 2, "duplicates": 0, "filtered": 0, "rejects": 1}
        },
        "crawl": {"complete": complete, "requests": 2},
        "scope": scope(suffix),
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
    assert found(lake(suffix, table)) == []


def test_crawls_that_lost_a_part_are_no_lie() -> None:
    incomplete = lake(complete=False)
    assert found(incomplete) == []
    # Other tries leave theirs beside it, and beside a complete one.
    other = {key.replace("0123abcd", "4567cdef"): body for key, body in incomplete.items() if key != MANIFEST}
    assert found({**incomplete, **other}) == []
    assert found({**other, **lake()}) == []


def test_objects_that_no_manifest_describes_are_no_lie() -> None:
    objects = lake()
    del objects[MANIFEST]
    assert found(objects) == []


def test_finds_an_incomplete_table_among_complete_ones() -> None:
    objects = lake(complete=False)
    objects[f"{DATA}.csv"] = objects.pop(apart(f"{DATA}.csv"))
    say(objects, lambda manifest: manifest["objects"][0].update(key=f"{DATA}.csv"))
    assert found(objects) == [f"{MANIFEST} says complete: False of {DATA}.csv"]


def test_finds_a_manifest_of_another_try_than_its_objects() -> None:
    objects = lake(complete=False)
    key = apart(f"{DATA}.csv")
    other = key.replace("0123abcd", "4567cdef")
    objects[other] = objects.pop(key)
    say(objects, lambda manifest: manifest["objects"][0].update(key=other))
    assert found(objects) == [f"{MANIFEST} says complete: False of {other}"]


def test_finds_a_manifest_that_calls_a_lost_crawl_complete() -> None:
    objects = lake()
    objects[RAW] = raw(complete=False)
    assert f"{MANIFEST} says complete: True, and its raw object says otherwise" in found(objects)


def test_finds_a_table_in_another_form_than_the_try_that_asked() -> None:
    objects = lake()
    objects[RAW] = raw(".parquet")
    say(objects, lambda manifest: manifest.update(scope=scope(".parquet")))
    assert f"{DATA}.csv has another form than its raw object says" in found(objects)


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


def test_finds_a_raw_object_without_its_first_line() -> None:
    lines = gzip.decompress(raw()).splitlines(keepends=True)[1:]
    (lie,) = found({RAW: gzip.compress(b"".join(lines))})
    assert "is half an object" in lie


def over_time(*lakes: Mapping[str, bytes | None]) -> list[str]:
    """What is wrong with a lake in which these were written one after the other; None: it was deleted."""
    history: dict[str, list[Version]] = {}
    for number, objects in enumerate(lakes):
        for key, body in objects.items():
            facts = None if body is None else examine(key, body)
            history.setdefault(key, []).append(Version(number, facts))
    return changes(history)


def test_the_same_bytes_twice_and_a_complete_crawl_after_a_lost_one_are_no_fault() -> None:
    incomplete, complete = lake(complete=False), lake()
    assert over_time(incomplete, complete, {key: complete[key] for key in (RAW, REJECTS)}) == []


@pytest.mark.parametrize("key", [RAW, f"{DATA}.csv", MANIFEST])
def test_finds_a_deletion(key: str) -> None:
    assert over_time(lake(), {key: None}) == [f"{key} was deleted"]
    assert over_time(lake(), {key: None}, lake()) == [f"{key} was deleted"]


def test_finds_an_object_that_was_replaced() -> None:
    assert over_time(lake(), {f"{DATA}.csv": CSV + b"3,d\n"}, lake()) == [
        f"{DATA}.csv was replaced by something else",
        f"{DATA}.csv was replaced by something else",
    ]


def test_finds_a_complete_manifest_that_an_incomplete_one_replaced() -> None:
    found = over_time(lake(), lake(complete=False))
    assert found == [f"{MANIFEST} was replaced by something else"]


def test_finds_a_manifest_that_was_written_before_its_table() -> None:
    objects = lake()
    table = {f"{DATA}.csv": objects.pop(f"{DATA}.csv")}
    assert over_time(objects, table) == [f"{MANIFEST} lists {DATA}.csv, which is not there"]


@pytest.mark.parametrize("method", ["put_object", "delete_object"])
def test_the_bucket_honours_conditions(s3: Any, method: str) -> None:
    s3.create_bucket(Bucket="lake")
    tag = s3.put_object(Bucket="lake", Key="key", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="lake", Key="key", Body=b"2", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        getattr(s3, method)(Bucket="lake", Key="key", IfMatch='"another"')
    getattr(s3, method)(Bucket="lake", Key="key", IfMatch=tag)


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
        respond("200 OK", [("x-amz-version-id", "1")])
        return []

    request = {
        "PATH_INFO": "/lake/key",
        "REQUEST_METHOD": "PUT",
        "CONTENT_LENGTH": "5",
        "wsgi.input": io.BytesIO(sent),
    }
    server = bucket.Slowly(keep)
    server(request, lambda status, _headers: answers.append(status))
    assert (answers, bodies) == ([status], kept)
    seen = json.loads(b"".join(server({"PATH_INFO": bucket.SEEN}, lambda *_: None)))
    assert seen["versions"] == ["1"] * len(kept)
