# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.metrics import STEPS, measure, write_lake
from benchmarks.metrics_live import month, tick
from benchmarks.report import Facts, Ratio
from pyarrow import parquet

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")


def test_each_step_sees_every_row(tmp_path: Path) -> None:
    write_lake(tmp_path, 200, 24)
    assert [STEPS[step](tmp_path, 200) for step in ("compact", "merge")] == [4_800, 4_800]
    day = parquet.read_table(tmp_path / "day.parquet")
    assert len(set(day["run_after"].to_pylist())) == 24
    zipped = sum(path.stat().st_size for path in tmp_path.glob("*.csv.gz"))
    assert (tmp_path / "day.parquet").stat().st_size < zipped / 3
    assert STEPS["metrics"](tmp_path, 200) > 200
    assert STEPS["day"](tmp_path, 200) > 200


def test_a_tick_publishes_its_hour_and_the_one_before() -> None:
    seconds, published = tick(100)
    assert seconds > 0
    assert published == 2


def test_a_month_has_every_hour_of_every_game() -> None:
    assert month(3)[1] == 30 * 24 * 3


def test_measures_every_bar() -> None:
    *ratios, facts = measure(rows=100, count=24, small=10, games=5)
    assert all(isinstance(entry, Ratio) and entry.ours > 0 for entry in ratios)
    assert isinstance(facts, Facts)
    assert [row[0] for row in facts.rows] == list(STEPS)
