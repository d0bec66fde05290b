# SPDX-License-Identifier: Apache-2.0
"""The rows of a table to a file, of which no more than a row group is in memory."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from twitch_provider.exceptions import TwitchConfigError

_ROW_GROUP = 131_072
_LEVEL = 3


def write_table(rows: pa.RecordBatchReader, path: Path, metadata: Mapping[str, str]) -> int:
    """Write a table as Parquet: equal rows give equal bytes, however they arrive.

    :param rows: of :meth:`.Engine.compute`, or of another table of metrics
    :param path: of the file
    :param metadata: of the file
    :returns: how many rows there are
    :raises TwitchConfigError: the disk is full
    """
    written = 0
    schema = rows.schema.with_metadata(dict(metadata))
    with (
        on_disk(path),
        parquet.ParquetWriter(path, schema, compression="zstd", compression_level=_LEVEL) as writer,
    ):
        for group in _groups(rows):
            writer.write_table(group)
            written += len(group)
    return written


def _groups(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Tables of as many rows each, whatever the batches have; the last one has the others."""
    held = rows.schema.empty_table()
    for batch in rows:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        while len(held) >= _ROW_GROUP:
            yield held.slice(0, _ROW_GROUP).combine_chunks()
            held = held.slice(_ROW_GROUP)
    if len(held):
        yield held.combine_chunks()


@contextmanager
def on_disk(target: Path, needs: str = "") -> Iterator[None]:
    """Say that the disk is full.

    :param target: the file that is written
    :param needs: how much space it needs, for the sentence
    :raises TwitchConfigError: the disk is full
    :raises OSError: it failed otherwise
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise TwitchConfigError(
            f"{target.name} needs more disk space than this worker has left{needs}."
        ) from None
