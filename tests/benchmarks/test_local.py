# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from benchmarks.floors import Answered, floor, usual
from benchmarks.local import RUN_AFTER, answers, check, main, ours

ROWS = 2_000


@pytest.fixture(scope="module")
def answered() -> list[Answered]:
    return answers(ROWS)


def users(data: bytes) -> list[str]:
    return [row["user_id"] for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True)]


def test_ours_and_the_floor_make_the_same_bytes(answered: list[Answered]) -> None:
    check(answered)
    assert ours(answered, RUN_AFTER, "zstd") == floor(answered, RUN_AFTER, "zstd")


def test_the_check_can_fail(answered: list[Answered], monkeypatch: pytest.MonkeyPatch) -> None:
    def backwards(answered: list[Answered], run_after: datetime, compression: str) -> bytes:
        return floor(answered[::-1], run_after, compression)

    monkeypatch.setattr("benchmarks.local.floor", backwards)
    with pytest.raises(ValueError, match="do not make the same bytes"):
        check(answered)


def test_the_usual_way_has_the_same_broadcasters(answered: list[Answered]) -> None:
    made = [users(make(answered, RUN_AFTER, "none")) for make in (ours, usual)]
    assert sorted(made[0]) == sorted(made[1])


def test_bodies_have_what_takes_time(answered: list[Answered]) -> None:
    rows = [row for body, _ in answered for row in json.loads(body)["data"]]
    assert len(rows) > len({row["user_id"] for row in rows}) == ROWS
    assert any(row["type"] != "live" for row in rows)
    assert any("\n" in row["title"] or "\u0301" in row["title"] for row in rows)
    assert len({row["title"] for row in rows}) > ROWS / 2
    assert sum(not row["title"].isascii() for row in rows) > ROWS / 4


def test_the_floor_refuses_an_unusual_value(answered: list[Answered]) -> None:
    odd = [(answered[0][0].replace(b'"viewer_count":', b'"viewer_count":-', 1), RUN_AFTER)]
    with pytest.raises(ValueError, match="no slow path"):
        floor(odd, RUN_AFTER, "none")


def test_prints_a_rise_for_each_snapshot(
    answered: list[Answered], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux knows the peak of a process")
    file = tmp_path / "bodies"
    file.write_bytes(b"\n".join(body for body, _ in answered))
    main("ours", "gzip", file, snapshots=2)
    assert len(json.loads(capsys.readouterr().out)) == 2
