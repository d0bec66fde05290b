# SPDX-License-Identifier: Apache-2.0
"""A clean table, with an account of every row that is not in it, and its form in XCom."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from twitch_provider.exceptions import TwitchDataError, TwitchParameterError
from twitch_provider.lake.schema import REJECTS, SCHEMAS, Schema
from twitch_provider.lake.shapes import require_shape

#: Of a table in XCom. The metadata database keeps each one, and the API server holds it whole.
MAX_TABLE_BYTES = 5_000_000


@dataclass(frozen=True)
class CleanTable:
    """A clean table and what became of the rows that are not in it.

    :param schema: of the table
    :param table: the rows, in the schema
    :param rejects: the refused rows with their reasons, in :data:`~twitch_provider.lake.schema.REJECTS`
    :param rows_in: rows that arrived
    :param duplicates: earlier observations of an id that came again
    :param filtered: rows that do not belong in the table, by reason
    :raises TwitchDataError: a row is unaccounted for
    """

    schema: Schema
    table: pa.Table = field(repr=False)
    rejects: pa.Table = field(repr=False)
    rows_in: int
    duplicates: int
    filtered: Mapping[str, int]

    def __post_init__(self) -> None:
        rows_in, *accounted = self.counts.values()
        if rows_in != sum(accounted):
            raise TwitchDataError(
                f"{self.schema.name}: rows are unaccounted for ({self.counts}), so nothing is published: "
                "report this."
            )

    @property
    def counts(self) -> dict[str, int]:
        """The account: ``rows_in`` is the sum of the others."""
        return {
            "rows_in": self.rows_in,
            "rows_out": len(self.table),
            "duplicates": self.duplicates,
            "filtered": sum(self.filtered.values()),
            "rejects": len(self.rejects),
        }

    @property
    def rejected(self) -> dict[str, int]:
        """How many rows were refused, by reason, in order of arrival."""
        return dict(Counter(self.rejects["reason"].to_pylist()))

    @property
    def figures(self) -> dict[str, Any]:
        """What tells a sound table from a broken one: viewers, missing values, duplicate keys.

        - ``viewers``: the sum of ``viewer_count``; None where the table has no such column
        - ``missing``: how many rows have no value, by column, without the columns that are whole
        - ``duplicate_keys``: rows whose key an earlier row has
        """
        viewers = None
        if "viewer_count" in self.table.column_names:
            # Arrow's sum of 64-bit integers wraps around.
            total = pc.sum(self.table["viewer_count"].cast(pa.decimal128(38)), min_count=0)
            viewers = int(total.as_py())
        nulls = {name: self.table[name].null_count for name in self.schema.names}
        keys = self.table[self.schema.key] if self.schema.key else None
        return {
            "viewers": viewers,
            "missing": {name: count for name, count in nulls.items() if count},
            "duplicate_keys": 0 if keys is None else len(keys) - len(pc.unique(keys)),
        }

    def as_xcom(self, *, max_bytes: int | None = MAX_TABLE_BYTES) -> dict[str, Any]:
        """Return it as plain texts and numbers, which every XCom backend carries: Parquet in base64.

        :param max_bytes: how large the texts may be together; None where XComs do not go into Airflow's
            metadata database
        :raises TwitchParameterError: they are larger
        """
        texts = {"table": _to_text(self.table), "rejects": _to_text(self.rejects)}
        size = sum(map(len, texts.values()))
        if max_bytes is not None and size > max_bytes:
            raise TwitchParameterError(
                f"{self.schema.name}: {len(self.table):,} rows are {size:,} bytes, and XComs in the metadata "
                f"database must be at most {max_bytes:,}: ask for fewer streams, set [core] xcom_backend to "
                "XComObjectStorageBackend, or use TwitchTopGamesOperator, which passes no table through XCom."
            )
        return {
            "schema": self.schema.name,
            **texts,
            "counts": self.counts,
            "filtered": dict(self.filtered),
        }

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> CleanTable:
        """Restore what :meth:`as_xcom` returned.

        :raises TwitchDataError: it is of another version, or rows were lost on the way
        """
        try:
            schema, counts = SCHEMAS[value["schema"]], value["counts"]
            require_shape([counts, value["filtered"]], list[Mapping[str, int]])
            return cls(
                schema=schema,
                table=_from_text(value["table"], schema),
                rejects=_from_text(value["rejects"], REJECTS),
                rows_in=counts["rows_in"],
                duplicates=counts["duplicates"],
                filtered=value["filtered"],
            )
        except (KeyError, TypeError, AttributeError, ValueError, OSError, pa.ArrowException):
            raise TwitchDataError(
                "What transform left in XCom is not a table of this version of the package: clear transform, "
                "too."
            ) from None


def _to_text(table: pa.Table) -> str:
    sink = io.BytesIO()
    # The reader knows the schema, and reads all of it: without both, a small table takes half as much.
    parquet.write_table(table, sink, compression="zstd", store_schema=False, write_statistics=False)
    return base64.b64encode(sink.getvalue()).decode()


def _from_text(text: str, schema: Schema) -> pa.Table:
    return parquet.read_table(io.BytesIO(base64.b64decode(text))).cast(schema.arrow)
