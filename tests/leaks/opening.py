# SPDX-License-Identifier: Apache-2.0
"""What lies inside of bytes: archives, tables, databases, and texts that were encoded into texts."""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import pyarrow as pa
import pyarrow.parquet as pq

#: How many coats of a thing are taken off. JSON in JSON in a gzip in base64 has four.
DEEPEST = 6

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_GZIP = b"\x1f\x8b\x08"
_BROKEN = (
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
    zlib.error,
    zipfile.BadZipFile,
    sqlite3.Error,
    pa.ArrowException,
)


def contents(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Open what can be opened, and what is in there, and so on.

    :param data: any bytes
    :returns: the path inside (empty for the bytes themselves), and the bytes; nothing twice
    """
    seen: set[int] = set()
    waiting = [("", data)]
    for _ in range(DEEPEST):
        opened = []
        for place, body in waiting:
            if hash(body) not in seen:
                seen.add(hash(body))
                yield place, body
                opened += [(f"{place} > {name}", inside) for name, inside in _opened(body)]
        waiting = opened


def _opened(data: bytes) -> Iterator[tuple[str, bytes]]:
    for magic, (name, read) in _FILES.items():
        for start in _starts(magic, data):
            try:
                yield f"{name} at byte {start}", read(data[start:])
            except _BROKEN:
                continue  # it only began like one
    # One text coat after the other. Each comes off what the others left, so their order does not matter.
    for name, take_off in _COATS.items():
        if (plain := take_off(data)) != data:
            yield name, plain
            data = plain
    yield from _encoded(data)


def _starts(magic: bytes, data: bytes) -> list[int]:
    """Where a file begins: a gzip also in the middle of something else, such as a row of a database."""
    if magic == _GZIP:
        return [found.start() for found in re.finditer(re.escape(magic), data)]
    return [0] if data.startswith(magic) else []


def _encoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Decode runs that hold a file or a text: a secret in them has an alignment of its own."""
    for found in _HEX.finditer(data):
        decoded = binascii.unhexlify(found[0])
        if _is_worth_it(decoded):
            yield f"hexadecimal at byte {found.start()}", decoded
    for found in _BASE64.finditer(data):
        try:
            text = found[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            decoded = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"==")
        except binascii.Error:
            continue
        if _is_worth_it(decoded):
            yield f"base64 at byte {found.start()}", decoded


def _is_worth_it(decoded: bytes) -> bool:
    """Whether it is a file that we open, or a text that may have one more coat."""
    return any(decoded.startswith(magic) for magic in _FILES) or (
        len(decoded) >= 16 and decoded.isascii() and all(byte > 31 or byte in b"\t\r\n" for byte in decoded)
    )


_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'/\\]))")


_WRAP = re.compile(rb"(?<=[A-Za-z0-9+/=_-])\\?\r?\n[ \t]*(?=[A-Za-z0-9+/=_-])")


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return chr(int(found[1], 16)).encode("utf-8", "surrogatepass")
    return bytes([int(found[2], 16)]) if found[2] else found[3]


def _unhtml(data: bytes) -> bytes:
    if b"&" not in data:
        return data
    return html.unescape(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


_COATS: dict[str, Callable[[bytes], bytes]] = {
    "escapes": lambda data: _ESCAPE.sub(_unescape, data),
    "URL": unquote_to_bytes,
    "HTML": _unhtml,
    "wrapped lines": lambda data: _WRAP.sub(b"", data),
}


def _gunzip(data: bytes) -> bytes:
    """Unpack every member; of a broken one, what there is."""
    unpacked = b""
    while data.startswith(_GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(data)
        except zlib.error:
            break
        data = member.unused_data
    return unpacked


def _unzip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join(name.encode() + b"\n" + archive.read(name) for name in archive.namelist())


def _unzstd(data: bytes) -> bytes:
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        return bytes(stream.read())


def _parquet(data: bytes) -> bytes:
    """Every value of every column, and the metadata."""
    table = pq.read_table(pa.BufferReader(data))
    said = [repr(table.schema.metadata), str(table.schema)]
    said += [str(value) for column in table.columns for value in column.to_pylist()]
    return "\n".join(said).encode("utf-8", "surrogatepass")


def _sqlite(data: bytes) -> bytes:
    """Every row: in the file, a long one is cut into pages."""
    connection = sqlite3.connect(":memory:")
    try:
        # A database with a write-ahead log can be opened without it once its header says so.
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return "\n".join(connection.iterdump()).encode("utf-8", "surrogatepass")
    finally:
        connection.close()


_FILES: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    _GZIP: ("gzip", _gunzip),
    b"PK\x03\x04": ("zip", _unzip),
    b"\x28\xb5\x2f\xfd": ("zstd", _unzstd),
    b"PAR1": ("Parquet", _parquet),
    b"SQLite format 3\0": ("SQLite", _sqlite),
}
