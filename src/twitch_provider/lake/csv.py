# SPDX-License-Identifier: Apache-2.0
r"""Tables as CSV: RFC 4180, UTF-8, ``\n``, a header.

Text is quoted and a missing value is an empty field, lists are JSON, booleans ``true`` and ``false``. A title
that begins with ``=`` stays as it is: the file is data. Where people open a file in a spreadsheet, such text
can get an apostrophe in front: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

from twitch_provider.lake.schema import TEXT_LIST, Schema

#: How a formula begins, in full width too; and the apostrophe, so that taking one away restores every text.
_FORMULA = r"\A(['=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"

_SPECIAL = frozenset(',"\r\n')


def csv_bytes(table: pa.Table, schema: Schema, *, formulas: bool = True) -> bytes:
    """Return the table as CSV.

    :param table: in the schema
    :param schema: of the table
    :param formulas: as of :func:`flat_csv`
    """
    # In one piece: where the first of several chunks is empty, pyarrow 26 writes NUL bytes for it.
    table = table.combine_chunks()
    columns = [
        json_lists(table[column.name]) if column.kind is TEXT_LIST else table[column.name]
        for column in schema.columns
    ]
    return flat_csv(pa.table(columns, names=schema.names), formulas=formulas)


def escape_formulas(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put an apostrophe before text that a spreadsheet would run as a formula, and before an apostrophe.

    To read it, take an apostrophe away from the beginning of a text, if it has one: that restores every text.

    :param text: a column
    """
    return pc.replace_substring_regex(text, _FORMULA, r"'\1")


def flat_csv(table: pa.Table, *, formulas: bool = True) -> bytes:
    """Return a table without lists as CSV.

    :param table: of text, numbers, booleans
    :param formulas: whether text may begin like a formula; else it is as :func:`escape_formulas` returns it
    """
    if not formulas:
        columns = [escape_formulas(each) if each.type == pa.string() else each for each in table.columns]
        table = pa.table(columns, names=table.column_names)
    # Python's buffer, not Arrow's: it returns its bytes without a copy.
    sink = io.BytesIO()
    sink.write(f"{','.join(map(_header_field, table.column_names))}\n".encode())
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False))
    return sink.getvalue()


def _header_field(name: str) -> str:
    """Quote a column's name where it must be: https://www.rfc-editor.org/rfc/rfc4180#section-2."""
    if not _SPECIAL.intersection(name):
        return name
    return '"{}"'.format(name.replace('"', '""'))


def json_lists(lists: pa.ChunkedArray) -> pa.Array:
    """Write each list of text as JSON. Tags repeat: each distinct one is escaped once.

    :param lists: of text
    """
    lists = lists.combine_chunks()
    offsets = lists.offsets
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    # lists.values also has the items of rows before and after these.
    items = lists.values.slice(first, last - first).dictionary_encode()
    quoted = pa.array(
        [json.dumps(item, ensure_ascii=False) for item in items.dictionary.to_pylist()], pa.string()
    )
    texts = pa.ListArray.from_arrays(pc.subtract(offsets, offsets[0]), quoted.take(items.indices))
    inner = pc.binary_join(texts, ",")
    return pc.if_else(lists.is_null(), None, pc.binary_join_element_wise("[", inner, "]", ""))
