# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import hashlib
import json
import random
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError, TwitchSpoolError
from twitch_provider.lake.raw_lines import RawBody
from twitch_provider.lake.spool import Spool, Spooled

AT = datetime(2026, 11, 23, 16, 35, 2, tzinfo=UTC)
REPORT = {"complete": True, "requests": 3, "languages": {"de": 2}, "checkpoints": {"de": ["a", "b"]}}


def body(content: bytes = b'{"data":[]}', *, seconds: int = 0) -> RawBody:
    return RawBody(
        "streams", (("language", "de"), ("first", "100")), AT + timedelta(seconds=seconds), content
    )


def incompressible(pages: int) -> list[RawBody]:
    numbers = random.Random(0)  # noqa: S311
    return [body(numbers.randbytes(20_000).hex().encode()) for _ in range(pages)]


def spooled(directory: Path, bodies: list[RawBody]) -> tuple[Spooled, bytes]:
    with Spool(directory) as spool:
        for each in bodies:
            spool.add(each)
        whole = spool.finish(REPORT)
        return whole, whole.file.read()


def test_says_what_was_written(tmp_path: Path) -> None:
    whole, written = spooled(tmp_path, [body(seconds=5), body(seconds=1), body(seconds=9)])
    entry = whole.entry("twitch/raw/x")
    assert (entry.key, entry.rows) == ("twitch/raw/x", 3)
    assert (entry.bytes, entry.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    assert (whole.first_answer_at, whole.last_answer_at) == (
        AT + timedelta(seconds=1),
        AT + timedelta(seconds=9),
    )
    assert whole.report == REPORT


def test_a_line_is_a_page_and_the_last_one_is_the_report(tmp_path: Path) -> None:
    _, written = spooled(tmp_path, [body(b'{"data":[], "title": "\xf0\x9f\x8e\xae"}')])
    first, last = map(json.loads, gzip.decompress(written).splitlines())
    assert first == {
        "endpoint": "streams",
        "params": [["language", "de"], ["first", "100"]],
        "answered_at": "2026-11-23T16:35:02+00:00",
        "body": '{"data":[], "title": "🎮"}',
    }
    assert last == {"report": REPORT}


def test_pages_come_back_one_at_a_time_and_more_than_once(tmp_path: Path) -> None:
    pages = [body(seconds=second) for second in range(3)]
    with Spool(tmp_path) as spool:
        for page in pages:
            spool.add(page)
        whole = spool.finish(REPORT)
        assert next(whole.bodies()) == pages[0]
        assert list(whole.bodies()) == list(whole.bodies()) == pages


def test_same_pages_give_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = incompressible(3)
    before = spooled(tmp_path, pages)[1]
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert spooled(tmp_path, pages)[1] == before
    assert spooled(tmp_path, pages[::-1])[1] != before


def test_the_file_has_no_name_and_its_room_is_given_back(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.add(body())
        assert not list(tmp_path.iterdir())
        whole = spool.finish(REPORT)
    assert whole.file.closed
    assert not list(tmp_path.iterdir())


def test_no_page_is_no_snapshot(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, pytest.raises(TwitchDataError, match="No page was read"):
        spool.finish(REPORT)


def test_refuses_what_is_no_text_and_keeps_the_rest(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.add(body())
        with pytest.raises(TwitchDataError, match="not UTF-8"):
            spool.add(body(b"\xff"))
        assert list(spool.finish(REPORT).bodies()) == [body()]


def test_half_a_surrogate_pair_in_the_report_is_kept(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.add(body())
        written = spool.finish({"languages": {"\ud83d": 1}}).file.read()
    assert json.loads(gzip.decompress(written).splitlines()[-1]) == {"report": {"languages": {"\ud83d": 1}}}


def fill(spool: Spool) -> None:
    for page in incompressible(20):
        spool.add(page)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_says_what_to_do(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, files_no_larger_than(100_000):
        with pytest.raises(TwitchSpoolError, match=r"cannot be spooled to .*File too large, after \d pages"):
            fill(spool)
        with pytest.raises(TwitchSpoolError, match="had failed before"):
            spool.finish(REPORT)
    assert spool._file.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("when", ["in the middle", "at the end"])
def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    full = Path("/dev/full").open("r+b")  # noqa: SIM115
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    with Spool(tmp_path) as spool:
        spool.add(body())
        with pytest.raises(TwitchSpoolError) as caught:
            fill(spool) if when == "in the middle" else spool.finish(REPORT)
    assert str(caught.value).startswith(
        f"Pages cannot be spooled to {tmp_path} (No space left on device, after "
    )
    assert str(caught.value).endswith(": free room there, or set TMPDIR to a folder on another disk.")
    assert not caught.value.fatal
    assert full.closed


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        TwitchSpoolError, match=r"nowhere \(No such file or directory.*: mend it, or set TMPDIR"
    ):
        Spool(tmp_path / "nowhere").__enter__()


def test_without_a_folder_it_is_where_temporary_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Spool() as spool:
        assert spool.directory == str(tmp_path)


def test_no_folder_for_temporary_files_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(TwitchSpoolError, match="cannot be spooled to a temporary folder"):
        Spool().__enter__()


def test_takes_no_page_before_or_after(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(TwitchSpoolError, match="is closed"):
        spool.add(body())
    with Spool(tmp_path) as spool:
        spool.add(body())
        spool.finish(REPORT)
        with pytest.raises(TwitchSpoolError, match="is closed"):
            spool.add(body())


def test_takes_the_pages_of_helix_as_they_are(tmp_path: Path, page: Callable[..., Any]) -> None:
    opened = page("streams", [{"id": "1"}])
    with Spool(tmp_path) as spool:
        spool.add(replace(opened, cursor="x"))
        (back,) = spool.finish(REPORT).bodies()
    assert (back.endpoint, back.params, back.answered_at, back.body) == (
        opened.endpoint,
        opened.params,
        opened.answered_at,
        opened.body,
    )
