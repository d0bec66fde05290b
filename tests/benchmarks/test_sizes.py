# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.metrics_lake import SnapshotWorld
from benchmarks.report import Facts

from benchmarks import sizes
from twitch_provider.lake import all_streams
from twitch_provider.metrics.tables import TABLES


def test_a_day_has_every_table_and_is_scaled_by_its_streams() -> None:
    snapshot, day, *of_top = sizes.measure(streams=200, rows=50, top=30, snapshots=24)
    titles = [each.title for each in of_top if isinstance(each, Facts)]
    assert titles == ["A snapshot of top_streams", "A closed day of top_streams"]
    assert isinstance(snapshot, Facts)
    assert isinstance(day, Facts)
    assert [row[0] for row in snapshot.rows] == [
        "raw",
        *(f"{each.file_format}, {each.compression}" for each in sizes.FORMATS),
    ]
    for _, size, a_day in snapshot.rows:
        assert a_day == pytest.approx(288 * float(size or 0))
    # What a day lacks is not computed of snapshots but of the ticks that were due.
    computed = {*TABLES} - {"completeness"}
    assert {str(row[0]) for row in day.rows} == {"csv.gz", "compacted"} | computed
    assert {str(row[0]): row[1] for row in day.rows}["games_hour"] == 2
    assert "times 4" in day.note
    assert isinstance(of_top[1], Facts)
    assert "times" not in of_top[1].note.partition(". ")[0]


def test_a_raw_object_gives_the_rows_back() -> None:
    ((tick, table),) = SnapshotWorld(250).snapshots(1)
    raw = sizes.raw_object(table)
    assert raw.pages == 3
    made = all_streams.transform(raw.bodies(), run_after=tick)
    assert made.counts["rows_out"] == 250
    assert made.counts["rejects"] == 0


def test_files_are_read_back_by_their_sizes(tmp_path: Path) -> None:
    tables = sizes.of_metrics(tmp_path, rows=20, snapshots=13)
    number, size = tables["csv.gz"]
    assert number == 13
    assert size == sum(path.stat().st_size for path in tmp_path.glob("*.csv.gz"))
