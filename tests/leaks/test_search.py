# SPDX-License-Identifier: Apache-2.0
"""The search finds a planted secret in every coat, or a clean result would prove nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import random
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.fernet import Fernet
from tests.leaks.search import Finding, Mark, findings, walk

#: With what URLs, JSON and HTML escape, as keys of AWS have it.
SECRET = "q8/Zt+0w=Ey\"uX&3'kÄ\\rVn<5pJc"
MARK = Mark("the secret", SECRET)
PLAIN = SECRET.encode()
NOISE = random.Random(7)  # noqa: S311 - the same in every run


def found(data: bytes, place: str = "here") -> list[Finding]:
    return findings([(place, data)], [MARK])


def parquet(compression: str) -> bytes:
    sink = io.BytesIO()
    rows = ["something", f"a title with {SECRET} in it"] * 3
    pq.write_table(pa.table({"id": [str(n) for n in range(6)], "title": rows}), sink, compression=compression)
    return sink.getvalue()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", SECRET)
    return sink.getvalue()


def database(before: int = 10, value: str = SECRET) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table xcom (value text, body blob)")
    connection.execute(
        "insert into xcom values (?, ?)", ("." * before + value, gzip.compress(value.encode()))
    )
    connection.commit()
    body: bytes = connection.serialize()
    connection.close()
    return body


def zstd() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(b"x" * 1000 + PLAIN)
    return bytes(sink.getvalue())


COATS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: b"a line of a log: " + PLAIN + b" and more",
    "repr": lambda: repr(SECRET).encode(),
    "repr of a repr": lambda: repr(repr(SECRET)).encode(),
    "repr of bytes": lambda: repr(PLAIN).encode(),
    "JSON": lambda: json.dumps({"value": SECRET}).encode(),
    "JSON in UTF-8": lambda: json.dumps({"value": SECRET}, ensure_ascii=False).encode(),
    "JSON with slashes escaped": lambda: json.dumps(SECRET).replace("/", "\\/").encode(),
    "JSON with everything escaped": lambda: "".join(f"\\u{ord(each):04X}" for each in SECRET).encode(),
    "JSON in JSON in JSON": lambda: json.dumps(json.dumps(json.dumps(SECRET))).encode(),
    "a form": lambda: urlencode({"client_secret": SECRET, "a": "b"}).encode(),
    "a path": lambda: quote(SECRET).encode(),
    "URL-encoded twice": lambda: quote_plus(quote_plus(SECRET)).encode(),
    "HTML": lambda: SECRET.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#x27;").encode(),
    "UTF-16": lambda: SECRET.encode("utf-16"),
    "backwards": lambda: PLAIN[::-1],
    "hexadecimal": lambda: PLAIN.hex().encode(),
    "hexadecimal, upper case": lambda: b"X'" + PLAIN.hex().upper().encode() + b"'",
    "hexadecimal at an odd place": lambda: b"a" + PLAIN.hex().encode() + b"f",
    "HTTP Basic": lambda: b"Basic " + base64.b64encode(b"client:" + PLAIN),
    "base64 for URLs": lambda: base64.urlsafe_b64encode(b"x" + PLAIN + b"yz"),
    "base64 in lines": lambda: base64.encodebytes(b"." * 50 + PLAIN + b"." * 50),
    "base64 of JSON": lambda: base64.b64encode(json.dumps({"token": SECRET}).encode()),
    "gzip": lambda: gzip.compress(b"x" * 1000 + PLAIN),
    "gzip, several members": lambda: gzip.compress(b"a") + gzip.compress(PLAIN),
    "gzip that was cut off": lambda: gzip.compress(PLAIN + NOISE.randbytes(5000))[:-100],
    "gzip in base64 in JSON": lambda: json.dumps(base64.b64encode(gzip.compress(PLAIN)).decode()).encode(),
    "gzip in the middle": lambda: b"row 1 " + gzip.compress(PLAIN) + b" row 2",
    "zip": zipped,
    "zstd": zstd,
    "Parquet, as it is": lambda: parquet("none"),
    "Parquet with snappy": lambda: parquet("snappy"),
    "Parquet with zstd": lambda: parquet("zstd"),
    "Parquet in hexadecimal, as an XCom": lambda: json.dumps({"__data__": parquet("snappy").hex()}).encode(),
    "SQLite": database,
    "PostgreSQL's dump of bytea": lambda: b"1\t\\\\x" + PLAIN.hex().encode() + b"\n",
    "half of it, in a log that cuts": lambda: PLAIN[: len(PLAIN) // 2] + b"...",
}


def test_finds_it_in_every_coat() -> None:
    assert [coat for coat, make in COATS.items() if not found(make())] == []


def test_finds_it_in_base64_at_every_alignment() -> None:
    for alignment in range(3):
        assert found(base64.b64encode(b"\xff" * alignment + PLAIN + b"\xff\xff"))[0].encoding == "base64"


def test_finds_it_where_a_database_cut_it_into_two_pages() -> None:
    short = Mark("key", "AKIA0123456789AB")
    bodies = [database(before, short.value + 4000 * ".") for before in range(460, 490)]
    cut = [body for body in bodies if short.value.encode() not in body]
    assert cut
    assert all(findings([("airflow.db", body)], [short]) for body in cut)


def test_finds_it_in_a_log(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "task.log", encoding="utf-8")
    handler.emit(logging.LogRecord("x", logging.DEBUG, "", 1, "the token is %s", (SECRET,), None))
    handler.close()
    (one,) = findings(walk(tmp_path), [MARK])
    assert (one.place, one.encoding, one.offset) == ("task.log", "plain", 13)


def test_finds_it_in_the_name_of_a_file_and_does_not_show_it(tmp_path: Path) -> None:
    mark = Mark("token", "abcdefghij0123456789")
    (tmp_path / mark.value).mkdir()
    (tmp_path / mark.value / ".hidden").write_text(mark.value)
    (tmp_path / "link").symlink_to(f"/nowhere/{mark.value}")
    shown = [str(each) for each in findings(walk(tmp_path), [mark])]
    assert shown == [
        "token, plain, at byte 0 of the name of <token>",
        "token, plain, at byte 0 of the name of <token>/.hidden",
        "token, plain, at byte 0 of <token>/.hidden",
        "token, plain, at byte 9 of link",
    ]


def test_a_finding_never_shows_the_value() -> None:
    for coat, make in COATS.items():
        shown = str([f"{each} {each!r}" for each in found(make(), place=f"/a/{SECRET}/{quote(SECRET)}")])
        assert shown != "[]"
        assert not findings([("what was found", shown.encode())], [MARK]), coat


def test_an_encrypted_secret_is_not_found() -> None:
    assert found(Fernet(Fernet.generate_key()).encrypt(PLAIN)) == []


def test_noise_holds_none() -> None:
    bodies = [NOISE.randbytes(200_000), NOISE.randbytes(100_000).hex().encode(), COATS["zstd"]()[:20]]
    bodies += [base64.b64encode(bodies[0]), gzip.compress(bodies[1]), b"\x1f\x8b\x08" * 9, b"PAR1", b"%\\u&#"]
    assert findings([("noise", body) for body in bodies], [MARK, Mark("other", "0123456789abcdef")]) == []


def test_too_short_a_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Mark("pin", "12345678901")


def test_marks_do_not_show_themselves() -> None:
    assert SECRET not in repr(MARK)


def test_several_marks_are_told_apart() -> None:
    marks = [Mark("one", "first-of-the-marks"), Mark("two", "second-of-the-marks")]
    assert {each.name for each in findings([("x", b"first-of-the-marks second-of-the-marks")], marks)} == {
        "one",
        "two",
    }
