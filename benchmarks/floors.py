# SPDX-License-Identifier: Apache-2.0
"""The programs that bodies → CSV, and bodies → both objects, are compared with.

:func:`floor` makes the same bytes as fast as we know how: one pyarrow script that raises on any unusual
value.
:func:`usual` is what people write, and :func:`two_objects` the shortest script. None uses code of ours.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import json as pa_json

#: A body and the instant of its response.
Answered = tuple[bytes, datetime]

SENT = {
    "id": pa.string(),
    "user_id": pa.string(),
    "user_login": pa.string(),
    "user_name": pa.string(),
    "game_id": pa.string(),
    "game_name": pa.string(),
    "type": pa.string(),
    "title": pa.string(),
    "viewer_count": pa.int64(),
    "started_at": pa.string(),
    "language": pa.string(),
    "thumbnail_url": pa.string(),
    "tag_ids": pa.list_(pa.string()),
    "tags": pa.list_(pa.string()),
    "is_mature": pa.bool_(),
}
TEXT = [name for name, kind in SENT.items() if kind == pa.string()]
LISTS = ["tag_ids", "tags"]
INSTANT = r"^(?:19|20|21)\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$"
GZIP_LEVEL, RAW_LEVEL = 3, 2


def floor(answers: Sequence[Answered], run_after: datetime, compression: str) -> bytes:
    """Make the CSV of the lake.

    :param answers: bodies of Get Streams, each with the instant of its response
    :param run_after: the tick of the run
    :param compression: ``none``, ``gzip`` or ``zstd``
    :raises ValueError: a value is unusual
    """
    joined = b"\n".join([body for body, _ in answers])
    envelopes = pa_json.read_json(
        pa.BufferReader(joined),
        pa_json.ReadOptions(block_size=1 << 22),
        pa_json.ParseOptions(
            explicit_schema=pa.schema([("data", pa.list_(pa.struct(list(SENT.items()))))]),
            unexpected_field_behavior="ignore",
        ),
    )
    data = envelopes["data"].combine_chunks()
    _require(len(data) == len(answers) and not data.null_count)
    counts = pc.list_value_length(data).to_numpy()
    rows = pa.Table.from_struct_array(data.flatten())
    columns = {name: rows[name].combine_chunks() for name in SENT}

    for name in TEXT:
        columns[name] = _clean(columns[name])
        empty = pc.equal(columns[name], "")
        if pc.any(empty).as_py():
            columns[name] = pc.if_else(empty, None, columns[name])
    for name in LISTS:
        lists = columns[name]
        _require(not lists.values.null_count)
        columns[name] = pa.ListArray.from_arrays(lists.offsets, _clean(lists.values), mask=lists.is_null())

    for name in ("id", "user_id", "viewer_count"):
        _require(not columns[name].null_count)
    _require(pc.min(columns["viewer_count"]).as_py() >= 0)
    started_at = columns["started_at"]
    _require(pc.all(pc.match_substring_regex(started_at, INSTANT)).as_py())
    started = pc.utf8_slice_codeunits(started_at, 0, 19).cast(pa.timestamp("s")).cast(pa.int64())
    page = pa.array(np.repeat(np.arange(len(answers)), counts))
    texts = pa.array([at.strftime("%Y-%m-%dT%H:%M:%SZ") for _, at in answers])
    answered = pa.array([int(at.timestamp()) for _, at in answers]).take(page)
    uptime = pc.subtract(answered, started)
    _require(pc.min(uptime).as_py() >= -300)
    columns["snapshot_at"] = texts.take(page)
    columns["run_after"] = pa.repeat(run_after.strftime("%Y-%m-%dT%H:%M:%SZ"), len(rows))
    columns["game_rank"] = pa.nulls(len(rows), pa.int64())
    columns["uptime_minutes"] = pc.divide(pc.max_element_wise(uptime, 0, skip_nulls=False), 60)
    table = pa.table(columns)

    table = table.filter(pc.equal(table["type"], "live"))
    codes = table["user_id"].combine_chunks().dictionary_encode()
    last = np.zeros(len(codes.dictionary), np.int64)
    last[codes.indices.to_numpy()] = np.arange(len(codes))
    last.sort()
    table = table.take(last[np.argsort(-table["viewer_count"].to_numpy()[last], kind="stable")])

    for name in LISTS:
        table = table.set_column(
            table.schema.get_field_index(name), name, _json(table[name].combine_chunks())
        )
    sink = pa.BufferOutputStream()
    sink.write(f"{','.join(table.column_names)}\n".encode())
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False))
    return _compressed(sink.getvalue(), compression)


def _require(good: bool) -> None:
    if not good:
        raise ValueError("a value is unusual: the floor has no slow path")


def _clean(text: pa.Array) -> pa.Array:
    odd = pc.invert(pc.ascii_is_printable(text))
    if not pc.any(odd).as_py():
        return text
    distinct = text.filter(odd).dictionary_encode()
    bare = pc.replace_substring_regex(
        distinct.dictionary, r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x{84}\x{86}-\x{9f}]+", ""
    )
    spaced = pc.replace_substring_regex(bare, r"[\t-\r\x1c-\x1e\x{85}\x{2028}\x{2029}]+", " ").to_pylist()
    composed = pa.array([unicodedata.normalize("NFC", item) for item in spaced], pa.string())
    return pc.replace_with_mask(text, pc.fill_null(odd, fill_value=False), composed.take(distinct.indices))


def _json(lists: pa.ListArray) -> pa.Array:
    items = lists.values.dictionary_encode()
    quoted = pa.array(
        [json.dumps(item, ensure_ascii=False) for item in items.dictionary.to_pylist()], pa.string()
    )
    inner = pc.binary_join(pa.ListArray.from_arrays(lists.offsets, quoted.take(items.indices)), ",")
    return pc.if_else(lists.is_null(), None, pc.binary_join_element_wise("[", inner, "]", ""))


def _compressed(plain: pa.Buffer, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(plain, GZIP_LEVEL, mtime=0)
    if compression == "zstd":
        zstd: bytes = pa.Codec("zstd", 3).compress(plain, asbytes=True)
        return zstd
    text: bytes = plain.to_pybytes()
    return text


def two_objects(answers: Sequence[Answered], run_after: datetime) -> tuple[bytes, bytes]:
    """Make a raw object and a CSV of the same rows with the standard library: nothing is cleaned.

    :param answers: bodies of Get Streams, each with the instant of its response
    :param run_after: the tick of the run
    """
    raw, text = io.BytesIO(), io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*SENT, "snapshot_at", "run_after"])
    with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=RAW_LEVEL, mtime=0) as lines:
        for body, at in answers:
            page = {"endpoint": "streams", "params": [], "answered_at": at.isoformat(), "body": body.decode()}
            lines.write(f"{json.dumps(page, ensure_ascii=False)}\n".encode())
            for row in json.loads(body)["data"]:
                table.writerow([*row.values(), at.isoformat(), run_after.isoformat()])
    return raw.getvalue(), gzip.compress(text.getvalue().encode(), GZIP_LEVEL, mtime=0)


def usual(answers: Sequence[Answered], run_after: datetime, compression: str) -> bytes:
    """Make a CSV of the same rows in the usual way: nothing is validated or cleaned, lists are Python's.

    :param answers: bodies of Get Streams, each with the instant of its response
    :param run_after: the tick of the run
    :param compression: ``none`` or ``gzip``, at pandas' default level
    """
    rows = []
    for body, at in answers:
        rows += [row | {"snapshot_at": at.isoformat()} for row in json.loads(body)["data"]]
    frame = pd.json_normalize(rows)
    frame = frame[frame["type"] == "live"].drop_duplicates("user_id", keep="last")
    frame = frame.sort_values("viewer_count", ascending=False, kind="stable")
    sink = io.BytesIO()
    frame.assign(run_after=run_after.isoformat()).to_csv(
        sink, index=False, compression="gzip" if compression == "gzip" else None
    )
    return sink.getvalue()
