# SPDX-License-Identifier: Apache-2.0
"""The pages for analysts: each query runs over a small lake, and answers what it says."""

from __future__ import annotations

import re
import runpy
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.metrics.analyst import at

from twitch_provider.metrics.ddl import duckdb_statements

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
QUESTIONS = re.findall(
    r"^## (\d+)\. .*?\n```sql\n(.*?)```\n\*\*Pitfall:\*\* ",
    (HOWTO / "analyse.md").read_text(),
    re.MULTILINE | re.DOTALL,
)


TWO_SECONDS = timedelta(seconds=2)


def when(minutes: float) -> datetime:
    return datetime.fromisoformat(at(minutes))


#: The first rows that each question finds, fractions with three digits.
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    # 12:00 to 14:35, 14:45 to 15:00, 25 minutes after midnight: 283.333 + 600 + 10 + 5.006 hours.
    "1": [(898.339, 276.365, 0.135, 0.0, 250, 1, 0)],
    "2": [(1, 1, "Go", 299.861, 0.732, 4.997), (2, -1, "Chess", 109.944, 0.268, 0.648)],
    "3": [(0, 11.997, 19.978), (12, 66.704, 100.0), (13, 134.965, 107.99)],
    "4": [(420, when(60) + TWO_SECONDS, 37)],
    "5": [("de", 0.668, 1, 211.765), ("en", 0.332, 3, 83.244)],
    "6": [("Name1", 250.0, 2.5), ("Name3", 10.0, 0.5), ("Namenight", 5.006, 0.251)],
    "7": [("1", when(-60), 2.833, 100.0, 100, 1), ("2", when(-60), 2.833, 211.765, 300, 1)],
    "8": [(when(-720), 1, 1, 0.417), (when(0), 2, 0, 0.999), (when(60), 1, 1, 1.0)],
    "9": [("Chess", 3, 1.0, 0.616), ("Go", 1, 1.0, 0.0)],
    "10": [
        (when(-705), "counted", None, 41_700),
        (when(145), "counted", None, 600),
        (when(170), "incomplete", None, 0),
    ],
}


def test_there_are_ten_questions_each_with_a_pitfall() -> None:
    assert [int(number) for number, _ in QUESTIONS] == list(range(1, 11))


@pytest.mark.parametrize(("number", "sql"), QUESTIONS)
def test_a_question_is_answered(number: str, sql: str, analyst: DuckDBPyConnection) -> None:
    found = analyst.sql(sql).fetchall()
    rounded = [tuple(round(each, 3) if isinstance(each, float) else each for each in row) for row in found]
    assert rounded[: len(ANSWERS[number])] == ANSWERS[number]


@pytest.mark.parametrize(("number", "sql"), QUESTIONS)
def test_a_question_parses_as_athena(number: str, sql: str) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the extra dev")
    (parsed,) = sqlglot.parse(sql, dialect="athena")
    assert parsed.named_selects, number


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (HOWTO / page).read_text(), re.MULTILINE | re.DOTALL)


def test_duckdb_reads_a_table_without_the_package(published: Path, analyst: DuckDBPyConnection) -> None:
    (sql,) = blocks("duckdb.md", "sql")
    found = analyst.sql(sql.replace("'lake/", f"'{published}/")).fetchall()
    names = [name for name, _ in found]
    assert (names[-4:], len(names)) == (["Go", "Chess", "Go", "Chess"], 11)


def test_duckdb_in_python_reads_the_views(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("duckdb.md", "python")
    (tmp_path / "metrics.sql").write_text(";\n".join(duckdb_statements(str(published))))
    (tmp_path / "page.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    runpy.run_path("page.py")["lake"].close()
    printed = capsys.readouterr().out
    assert "2026-11-23" in printed
    assert "all_streams" in printed


def test_pandas_reads_a_table(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("pandas.md", "python")
    (tmp_path / "lake").symlink_to(published)
    (tmp_path / "page.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    by_game = runpy.run_path("page.py")["by_game"]
    assert by_game["viewer_seconds"].to_dict() == {"1": 954_020, "2": 2_160_000, "3": 120_000}
