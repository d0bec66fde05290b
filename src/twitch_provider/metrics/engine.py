# SPDX-License-Identifier: Apache-2.0
"""DuckDB: local files to relations, one statement to one table.

It reads files of this machine only, and keeps to its bounds of memory and temporary space. The statements
under ``sql/`` are not DuckDB's own: Spark and Athena run them, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from twitch_provider.exceptions import TwitchConfigError, TwitchDataError
from twitch_provider.lake.schema import BOOLEAN, GAMES, INSTANT, INTEGER, STREAMS, Schema
from twitch_provider.metrics.clock import Period
from twitch_provider.metrics.relations import (
    BEFORE_COLUMNS,
    GAMES_COLUMNS,
    LIVE,
    OF_A_DAY,
    STREAMS_COLUMNS,
    clock_relations,
)
from twitch_provider.metrics.tables import READ, STEPS, TABLES, MetricsTable, statement

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Rows that a reader yields at once.
_BATCH = 65_536

_TAGS = {"csv": "COALESCE(from_json(tags, '[\"VARCHAR\"]'), [])", "parquet": "COALESCE(tags, [])"}

#: What a statement reads.
_READS = re.compile(r"\b(?:FROM|JOIN) (\w+)")

#: Lists are taken apart in another way by each engine. A tag that comes twice in a list counts once.
_TAGGED = """
SELECT scope, dataset, period, user_id, viewer_seconds, airtime_seconds, samples,
    UNNEST(list_distinct(tags)) AS tag
FROM tag_lists
"""

_CSV_TYPES = {INTEGER.expected: "BIGINT", BOOLEAN.expected: "BOOLEAN", INSTANT.expected: "TIMESTAMP"}


@dataclass(frozen=True)
class LocalTable:
    """A table of the lake in a local file.

    :param dataset: of the streams; for a table of games, of the streams of the same run
    :param path: whose name ends as the key does: ``.csv``, ``.csv.gz``, ``.csv.zst`` or ``.parquet``
    """

    dataset: str
    path: Path

    @property
    def file_format(self) -> str:
        """``csv`` or ``parquet``."""
        return "parquet" if self.path.suffix == ".parquet" else "csv"


class Engine:
    """One hour or day in a database in memory.

    :param connection: of DuckDB
    :param bounds: of memory and temporary space, for an error's sentence
    """

    def __init__(self, connection: DuckDBPyConnection, bounds: str) -> None:
        self._connection = connection
        self._bounds = bounds
        self._made: set[str] = set()
        self._kind = "hour"

    def load(
        self,
        period: Period,
        streams: Iterable[LocalTable],
        games: Iterable[LocalTable] = (),
        *,
        earlier: Iterable[LocalTable] | None = None,
    ) -> None:
        """Make the relations that statements read.

        :param period: an hour or a day: which snapshots count in it
        :param streams: the tables of its snapshots, and of those before
        :param games: the tables of games of the same runs, where they have one
        :param earlier: for a day, the streams of the 48 hours before; titles and tags are then read too
        :raises TwitchDataError: a table is not as the schema says
        :raises TwitchConfigError: a bound was reached
        """
        self._kind = "hour" if earlier is None else "day"
        for name, rows in clock_relations(period, self._kind).items():
            self._arrow(name, rows)
        titles = {} if earlier is None else OF_A_DAY
        self._relation("streams", STREAMS, STREAMS_COLUMNS | titles, streams, tags=earlier is not None)
        self._relation("games", GAMES, GAMES_COLUMNS, games)
        if earlier is not None:
            self._relation("streams_before", STREAMS, BEFORE_COLUMNS, earlier)

    def load_files(self, name: str, files: Iterable[Path]) -> None:
        """Make a relation of Parquet files.

        :param name: of the published table that they are
        :param files: may be none
        """
        self._connection.register(f"no_{name}", TABLES[name].schema.empty_table())
        paths = sorted(map(str, files))
        source = _source("parquet", STREAMS, paths) if paths else f"no_{name}"
        self._run(f"CREATE VIEW {name} AS SELECT * FROM {source}", name)  # noqa: S608

    def load_live(self, streams: Iterable[LocalTable]) -> None:
        """Make ``streams`` of snapshots' tables, with titles and whether they are marked mature.

        :param streams: their tables
        :raises TwitchDataError: (later, too) a table is not as the schema says
        """
        self._relation("streams", STREAMS, STREAMS_COLUMNS | OF_A_DAY | LIVE, streams)

    def compute(self) -> Iterator[tuple[MetricsTable, pa.RecordBatchReader]]:
        """Compute the tables of the hour or the day that was loaded, one after the other.

        Read the rows of one before you ask for the next: no memory holds a table of a large day twice.

        :raises TwitchDataError: a table is not as the schema says
        :raises TwitchConfigError: a bound was reached
        """
        kind = self._kind
        made = {*STEPS[kind], "tagged", *READ[kind]}
        tables = [each for each in TABLES.values() if each.period == kind and each.name != "completeness"]
        for number, table in enumerate(tables):
            for name in _needed(table.statement, made):
                self._make(name)
            there = table.name in {"clock", "clock_parts", *READ[kind]}
            yield table, self._table(table, made=there)
            later = {name for each in tables[number + 1 :] for name in _needed(each.statement, made)}
            for name in sorted(self._made - later):
                self._run(f"DROP TABLE {name}", name)
                self._made.remove(name)

    def _make(self, name: str) -> None:
        """Make a relation once; what no later table needs is dropped, so that memory holds a few only."""
        if name in self._made:
            return
        self._run(f"CREATE TABLE {name} AS {_sql(name)}", name)
        self._made.add(name)

    def select(self, sql: str, relations: Mapping[str, pa.Table], what: str) -> pa.Table:
        """Return what a query finds in tables of this process.

        :param sql: the query
        :param relations: what it reads, by name
        :param what: it is, for an error's sentence
        :raises TwitchConfigError: a bound was reached
        """
        for name, rows in relations.items():
            self._connection.register(name, rows)
        return self._run(sql, what)

    def _table(self, table: MetricsTable, *, made: bool) -> pa.RecordBatchReader:
        """Return the rows of one table in the order of its key."""
        source = table.name if made else f"({statement(table.statement)})"
        columns = ", ".join(f"period AS {name}" if name == table.period else name for name in table.names)
        key = ", ".join(table.key)
        sql = f"SELECT {columns} FROM {source} AS made ORDER BY {key}"  # noqa: S608 - nothing of it is a user's
        with self._sentences(table.name):
            rows = self._connection.sql(sql)
            # DuckDB 1.3 and 1.4 call it otherwise.
            read = getattr(rows, "to_arrow_reader", None) or rows.fetch_arrow_reader
            batches = self._batches(read(_BATCH), table)
        return pa.RecordBatchReader.from_batches(table.schema, batches)

    def _batches(self, rows: pa.RecordBatchReader, table: MetricsTable) -> Iterator[pa.RecordBatch]:
        with self._sentences(table.name):
            for batch in rows:
                yield from pa.Table.from_batches([batch]).cast(table.schema).to_batches()

    def _arrow(self, name: str, rows: pa.Table) -> None:
        self._connection.register("arriving", rows)
        self._run(f"CREATE TABLE {name} AS SELECT * FROM arriving", name)  # noqa: S608
        self._connection.unregister("arriving")

    def _relation(
        self,
        name: str,
        schema: Schema,
        columns: dict[str, str],
        tables: Iterable[LocalTable],
        *,
        tags: bool = False,
    ) -> None:
        """Make a relation of files: a table of CSV, which is slow to read, else a view."""
        by_kind: dict[tuple[str, str], list[str]] = defaultdict(list)
        for table in tables:
            by_kind[table.dataset, table.file_format].append(str(table.path))
        parts = []
        for (dataset, file_format), paths in sorted(by_kind.items()):
            named = columns | ({"tags": _TAGS[file_format]} if tags else {})
            parts.append(_select(dataset, named, _source(file_format, schema, sorted(paths))))
        if not parts:
            named = columns | ({"tags": _TAGS["parquet"]} if tags else {})
            self._connection.register("nothing", schema.arrow.empty_table())
            parts.append(f"{_select('', named, 'nothing')} LIMIT 0")
        kind = "VIEW" if {kind for _, kind in by_kind} == {"parquet"} else "TABLE"
        self._run(f"CREATE {kind} {name} AS {' UNION ALL '.join(parts)}", name)

    def _run(self, sql: str, what: str) -> pa.Table:
        with self._sentences(what):
            result = self._connection.sql(sql)
            return None if result is None else result.to_arrow_table()

    @contextmanager
    def _sentences(self, what: str) -> Iterator[None]:
        """Say what could not be computed, and why."""
        import duckdb

        try:
            yield
        except duckdb.OutOfMemoryException:
            raise TwitchConfigError(
                f"{what} needs more than {self._bounds}: raise the bounds, or use a larger worker."
            ) from None
        except _unreadable() as error:
            reason = str(error).partition("\n")[0]
            if "No space left" in reason:
                raise TwitchConfigError(f"{what} needs more disk space than this worker has left.") from None
            raise TwitchDataError(
                f"{what} cannot be computed, because a table of the lake is not as the schema says "
                f"({reason:.200})."
            ) from None


def _needed(name: str, made: set[str]) -> list[str]:
    """The relations that are made for a statement, each after those that it reads itself."""
    if name in {"clock", "clock_parts"}:
        return []
    needed = []
    for read in _READS.findall(_sql(name)):
        if read in made and read != name:
            needed += _needed(read, made)
    return list(dict.fromkeys([*needed, *({name} & made)]))


def _sql(name: str) -> str:
    return _TAGGED if name == "tagged" else statement(name)


def _unreadable() -> tuple[type[Exception], ...]:
    """What DuckDB raises where a file cannot be read or lacks a column, or a number is too large."""
    import duckdb

    return (
        duckdb.BinderException,
        duckdb.ConversionException,
        duckdb.InvalidInputException,
        duckdb.IOException,
        duckdb.OutOfRangeException,
    )


@contextmanager
def open_engine(
    folder: Path, *, memory: str = "1GB", temporary: str = "4GB", threads: int | None = None
) -> Iterator[Engine]:
    """Open a database in memory.

    :param folder: what does not fit into memory is written there
    :param memory: how much it may use, for example ``2GB``
    :param temporary: how much space it may use in the folder; ``0GB`` for none
    :param threads: that it may use; None for as many as there are processors
    :raises TwitchConfigError: DuckDB is not installed
    """
    try:
        import duckdb
    except ImportError:
        raise TwitchConfigError(
            "Metrics need DuckDB, which is not installed here: install airflow-provider-twitch[metrics]."
        ) from None
    config: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "temporary"),
        "max_temp_directory_size": temporary,
        "preserve_insertion_order": False,
        # Without extensions, files of this machine are all that it can reach.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        **({"threads": threads} if threads else {}),
    }
    with duckdb.connect(":memory:", config=config) as connection:
        # It would be drawn into the log of the task.
        connection.execute("SET enable_progress_bar = false")
        yield Engine(connection, f"{memory} of memory and {temporary} of temporary space")


def _source(file_format: str, schema: Schema, paths: list[str]) -> str:
    files = f"[{', '.join(map(_quoted, paths))}]"
    if file_format == "parquet":
        return f"read_parquet({files})"
    types = {column.name: _CSV_TYPES.get(column.kind.expected, "VARCHAR") for column in schema.columns}
    types |= {"viewers_share": "DOUBLE"} if "viewers_share" in types else {}
    columns = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in types.items())
    # Nothing is guessed: the first file may have no rows, and titles have quotes in them.
    return (
        f"read_csv({files}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{columns}}})"
    )


def _select(dataset: str, columns: dict[str, str], source: str) -> str:
    chosen = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    return (
        f"SELECT {_quoted(dataset)} AS dataset, CAST(run_after AS TIMESTAMP) AS run_after, {chosen} "  # noqa: S608
        f"FROM {source}"
    )


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
