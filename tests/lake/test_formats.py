# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.lake.clean import clean_streams
from twitch_provider.lake.csv import csv_bytes
from twitch_provider.lake.formats import COMPRESSIONS, FILE_FORMATS, Format
from twitch_provider.lake.schema import STREAMS

Make = Callable[..., Any]

EVERY = [Format(file_format, compression) for file_format in FILE_FORMATS for compression in COMPRESSIONS]


@pytest.fixture(scope="module")
def table(stream: Make, page: Make) -> pa.Table:
    rows = [stream(id=str(n), title=f'e\u0301, "{n}"\n👩‍👩‍👧', viewer_count=n) for n in range(50)]
    rows += [stream(id="x", tags=None, tag_ids=None, is_mature=None, title="", started_at=None)]
    run_after = datetime(2026, 11, 23, tzinfo=UTC)
    return clean_streams([page("streams", rows)], run_after=run_after, ranks={"509658": 1}).table


def plain(data: bytes, compression: str) -> bytes:
    if compression == "zstd":
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            text: bytes = stream.read()
        return text
    return gzip.decompress(data) if compression == "gzip" else data


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_csv_is_the_same_text_in_every_compression(compression: str, table: pa.Table) -> None:
    data = Format("csv", compression).encode(table, STREAMS)
    assert plain(data, compression) == csv_bytes(table, STREAMS)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_parquet_keeps_types_and_lists(compression: str, table: pa.Table) -> None:
    data = Format("parquet", compression).encode(table, STREAMS)
    back = parquet.read_table(io.BytesIO(data))
    assert back.schema.equals(STREAMS.arrow)
    assert back.equals(table)
    codec = parquet.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0).compression
    assert codec == {"none": "UNCOMPRESSED", "gzip": "GZIP", "zstd": "ZSTD"}[compression]


@pytest.mark.parametrize("made", EVERY, ids=str)
def test_equal_tables_give_equal_bytes(made: Format, table: pa.Table) -> None:
    pieces = pa.concat_tables([table.slice(0, 0), table.slice(0, 3), table.slice(3, 20), table.slice(23)])
    assert pieces.equals(table)
    assert made.encode(pieces, STREAMS) == made.encode(table, STREAMS)
    part = pa.concat_tables([table, table]).slice(len(table))
    assert made.encode(part, STREAMS) == made.encode(table, STREAMS)


@pytest.mark.parametrize("made", EVERY, ids=str)
def test_a_table_without_rows(made: Format) -> None:
    data = made.encode(STREAMS.arrow.empty_table(), STREAMS)
    if made.file_format == "csv":
        assert plain(data, made.compression).decode() == ",".join(STREAMS.names) + "\n"
    else:
        assert parquet.read_table(io.BytesIO(data)).equals(STREAMS.arrow.empty_table())


def test_gzip_does_not_depend_on_the_time(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Format("csv", "gzip").encode(table, STREAMS)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert Format("csv", "gzip").encode(table, STREAMS) == before


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_pandas_reads_it_by_its_suffix(compression: str, table: pa.Table, tmp_path: Any) -> None:
    made = Format("csv", compression)
    path = tmp_path / f"streams{made.suffix}"
    path.write_bytes(made.encode(table, STREAMS))
    assert pd.read_csv(path)["viewer_count"].tolist() == table["viewer_count"].to_pylist()


@pytest.mark.parametrize(
    ("made", "suffix", "content_type"),
    [
        (Format(), ".csv", "text/csv; charset=utf-8"),
        (Format("csv", "gzip"), ".csv.gz", "application/gzip"),
        (Format("csv", "zstd"), ".csv.zst", "application/zstd"),
        (Format("parquet"), ".parquet", "application/vnd.apache.parquet"),
        (Format("parquet", "zstd"), ".parquet", "application/vnd.apache.parquet"),
    ],
    ids=str,
)
def test_suffix_and_media_type(made: Format, suffix: str, content_type: str) -> None:
    assert (made.suffix, made.content_type) == (suffix, content_type)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file_format": "json"}, "file_format must be one of csv, parquet, not 'json'"),
        ({"compression": "snappy"}, "compression must be one of none, gzip, zstd, not 'snappy'"),
        ({"compression": None}, "compression must be one of none, gzip, zstd, not None"),
    ],
)
def test_refuses_what_it_does_not_know(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TwitchParameterError, match=message) as refused:
        Format(**values)
    assert refused.value.parameter == next(iter(values))
