# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.metrics.lake import Lake, stream

from twitch_provider.exceptions import TwitchConfigError, TwitchDataError
from twitch_provider.lake.formats import Format
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.schema import STREAMS
from twitch_provider.metrics import compact
from twitch_provider.metrics.compact import compact_day, compact_hour, merge_day, ranges
from twitch_provider.metrics.engine import LocalTable, open_engine
from twitch_provider.metrics.snapshots import Snapshot

Row = dict[str, Any]
FORMATS = [Format("csv"), Format("csv", "gzip"), Format("csv", "zstd"), Format("parquet", "zstd")]
#: What careless readers lose.
TEXTS = [
    None,
    "",
    "NA",
    "null",
    "NaN",
    "007",
    "1e5",
    "true",
    "-",
    ' "quoted", and ',
    "=1+1",
    "'",
    "日本 \\ 🎮",
]
LISTS = [None, [], [""], ["NA", "null"], ['a "b", c', "\\"], ["English", "English"], ["日本", "]", "[]}\t"]]


def row(user: str, tick: datetime, **values: Any) -> Row:
    known: Row = dict.fromkeys(STREAMS.names)
    known |= {"id": f"b{user}", "user_id": user, "viewer_count": 10, "tags": ["English"], "tag_ids": []}
    known |= dict.fromkeys(("snapshot_at", "run_after"), f"{tick:%Y-%m-%dT%H:%M:%SZ}")
    return known | values


def nasty(draw: random.Random, user: str, tick: datetime) -> Row:
    text = {name: draw.choice(TEXTS) for name in ("user_login", "user_name", "game_id", "game_name", "title")}
    return row(
        user,
        tick,
        **text,
        viewer_count=draw.choice([0, 7, 2**63 - 1]),
        started_at=draw.choice([None, "2026-11-23T11:00:00Z"]),
        language=draw.choice(TEXTS),
        tags=draw.choice(LISTS),
        tag_ids=draw.choice(LISTS),
        is_mature=draw.choice([None, True, False]),
        game_rank=draw.choice([None, 0, 100]),
        uptime_minutes=draw.choice([None, -1, 60]),
    )


class Day:
    """Snapshots as files, as they would be fetched."""

    def __init__(self, folder: Path, snapshot: Callable[..., Snapshot]) -> None:
        self.folder = folder
        self.make = snapshot
        self.files: dict[datetime, Path] = {}
        self.snapshots: list[Snapshot] = []
        self.rows: list[Row] = []

    def see(self, tick: datetime, rows: list[Row], written: Format = FORMATS[0], **values: Any) -> Path:
        path = self.files[tick] = self.folder / f"{tick:%Y%m%dT%H%M%SZ}{written.suffix}"
        path.write_bytes(written.encode(pa.Table.from_pylist(rows, STREAMS.arrow), STREAMS))
        table = ObjectEntry(path.name, 1, "", len(rows), "table", "all_streams")
        self.snapshots.append(self.make(run_after=tick, table=table, **values))
        self.rows += rows
        return path

    def fetch(self, snapshots: Sequence[Snapshot], into: Path) -> list[Path]:
        assert into.is_dir()
        return [self.files[each.run_after] for each in snapshots]

    def compact(self, into: Path, snapshots: Sequence[Snapshot] | None = None) -> Path:
        into.mkdir()
        return compact_day(self.snapshots if snapshots is None else snapshots, self.fetch, into)

    @property
    def sorted(self) -> list[Row]:
        return sorted(self.rows, key=lambda each: (each["user_id"].encode(), each["run_after"]))


@pytest.fixture
def day(tmp_path: Path, snapshot: Callable[..., Snapshot]) -> Day:
    return Day(tmp_path, snapshot)


@pytest.fixture
def nasty_day(day: Day, noon: datetime) -> Day:
    draw = random.Random(1)  # noqa: S311 - not for secrets
    users = ["1", "01", "001", "10", "9", "é", "NA", "Z", "a", *map(str, range(200, 240))]
    for number in range(16):
        tick = noon + timedelta(minutes=17 * number)
        live = draw.sample(users, 0 if number == 5 else 30)
        day.see(tick, [nasty(draw, user, tick) for user in live], FORMATS[number % 4])
    return day


@pytest.mark.parametrize("size", [10**6, 60, 7])
def test_each_row_of_each_snapshot_is_there_once_in_order(
    nasty_day: Day, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "RANGE", size)
    path = nasty_day.compact(tmp_path / "day")
    assert parquet.read_table(path).to_pylist() == nasty_day.sorted
    assert parquet.read_schema(path) == STREAMS.arrow
    assert [each.name for each in (tmp_path / "day").iterdir()] == [path.name]


def test_equal_snapshots_in_any_order_give_equal_bytes(
    nasty_day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "RANGE", 60)
    first = nasty_day.compact(tmp_path / "day").read_bytes()
    shuffled = random.Random(2).sample(nasty_day.snapshots, 16)  # noqa: S311
    assert nasty_day.compact(tmp_path / "again", shuffled).read_bytes() == first


def test_tables_and_hours_may_come_in_any_order(nasty_day: Day, tmp_path: Path) -> None:
    files = list(nasty_day.files.values())
    first = ["200", "21", "9"]
    hours = [tmp_path / f"{number}.parquet" for number in range(4)]
    assert sum(compact_hour(files[4 * n : 4 * n + 4], path, first) for n, path in enumerate(hours)) == 450
    again = tmp_path / "again.parquet"
    compact_hour(reversed(files[:4]), again, first)
    assert again.read_bytes() == hours[0].read_bytes()
    days = [tmp_path / "day.parquet", tmp_path / "reversed.parquet"]
    assert [merge_day(hours, days[0]), merge_day(reversed(hours), days[1])] == [450, 450]
    assert days[0].read_bytes() == days[1].read_bytes()


def test_a_row_group_has_the_channels_of_one_range(
    nasty_day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "RANGE", 24 * 120 // 8)
    metadata = parquet.read_metadata(nasty_day.compact(tmp_path / "day"))
    groups = [metadata.row_group(number).column(1).statistics for number in range(metadata.num_row_groups)]
    assert len(groups) == 8
    assert all(one.max < other.min for one, other in pairwise(groups))


def test_an_hour_keeps_a_row_group_for_a_range_without_rows(day: Day, noon: datetime, tmp_path: Path) -> None:
    path = day.see(noon, [row("1", noon), row("5", noon)])
    target = tmp_path / "hour.parquet"
    compact_hour([path], target, ["3", "4"])
    metadata = parquet.read_metadata(target)
    assert [metadata.row_group(number).num_rows for number in range(3)] == [1, 0, 1]


def test_two_broadcasts_of_one_channel_stay_in_their_order(day: Day, noon: datetime, tmp_path: Path) -> None:
    later = noon + timedelta(minutes=5)
    day.see(later, [row("1", later, id="b"), row("0", later), row("1", later, id="a")])
    day.see(noon, [row("1", noon, id="z")])
    table = parquet.read_table(day.compact(tmp_path / "day"))
    assert table["id"].to_pylist() == ["b0", "z", "b", "a"]


def test_all_complete_snapshots_are_there_whether_or_not_they_count(
    day: Day, noon: datetime, tmp_path: Path
) -> None:
    day.see(noon, [row("1", noon)], duplicate_keys=1)
    later = noon + timedelta(minutes=5)
    day.see(later, [row("2", later)], complete=False)
    assert parquet.read_table(day.compact(tmp_path / "day"))["user_id"].to_pylist() == ["1"]


@pytest.mark.parametrize("rows", [None, []])
def test_a_day_without_rows_is_an_empty_table(
    day: Day, noon: datetime, tmp_path: Path, rows: list[Row] | None
) -> None:
    if rows is not None:
        day.see(noon, rows)
    table = parquet.read_table(day.compact(tmp_path / "day"))
    assert (len(table), table.schema) == (0, STREAMS.arrow)


def test_rows_that_the_manifests_do_not_have_are_refused(day: Day, noon: datetime, tmp_path: Path) -> None:
    path = day.see(noon, [row("1", noon), row("2", noon)])
    path.write_bytes(path.read_bytes().rpartition(b'\n"b2"')[0])
    with pytest.raises(TwitchDataError, match=r"tables of 2026-11-23T12h UTC have 1 rows .* say 2"):
        day.compact(tmp_path / "day")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"id,user_id", b"user_id,id", "columns are user_id, id"),
        (b",viewer_count,", b",viewers,", "columns are"),
        (b",10,", b",ten,", "ten"),
        (b",10,", b",,", "viewer_count has missing values"),
        (b'"b1",', b"", "Expected 19 columns"),
        (b'"[""English""]"', b'"[""English"""', "tags"),
        (b'"[""English""]"', b'"[1]"', "tags"),
        (b'"[""English""]"', b'"null"', "tags that are not lists"),
        (b'"[""English""]"', b'"[]}\t{""list"":[]"', "tags that are not lists"),
    ],
)
def test_refuses_a_table_that_is_not_as_the_schema_says(
    day: Day, noon: datetime, tmp_path: Path, old: bytes, new: bytes, reason: str
) -> None:
    path = day.see(noon, [row("1", noon)])
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(TwitchDataError, match=reason):
        compact_hour([path], tmp_path / "hour.parquet")


@pytest.mark.parametrize("written", FORMATS[1:])
def test_refuses_a_damaged_file(day: Day, noon: datetime, tmp_path: Path, written: Format) -> None:
    path = day.see(noon, [row("1", noon)], written)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TwitchDataError, match="not as the schema says"):
        ranges(path, 1)


def test_refuses_a_parquet_of_another_schema(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"id": ["1"]}), path)
    with pytest.raises(TwitchDataError, match="not as the schema says"):
        ranges(path, 1)


def test_says_that_the_disk_is_full(
    day: Day, noon: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = day.see(noon, [row("1", noon)])
    monkeypatch.setattr(compact, "_divide", full)
    with pytest.raises(TwitchConfigError, match="needs more disk space"):
        compact_hour([path], tmp_path / "hour.parquet")


def test_an_error_of_the_disk_that_is_not_full_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        merge_day([tmp_path / "missing.parquet"], tmp_path / "day.parquet")


def test_metrics_of_a_compacted_day_are_those_of_its_snapshots(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")
    lake, begin = Lake(), datetime.fromisoformat("2026-11-23T00:00:00+00:00")
    for number in range(20):
        live = [stream(str(user), 10 * user + number, tags=["a", "NA"]) for user in range(number % 3, 9)]
        lake.crawl(7 * number, live, complete=number != 4)
    period = lake.clock.period(begin, begin + timedelta(days=1))
    known = {each.run_after: each for each in lake.snapshots}

    def fetch(snapshots: Sequence[Snapshot], into: Path) -> list[Path]:
        files = lake.files(into, {("all_streams", each.run_after) for each in snapshots})
        return [table.path for table in files["streams"]]

    compacted = compact_day(known.values(), fetch, tmp_path)
    with open_engine(tmp_path, threads=1) as engine:
        engine.load(period, [LocalTable("all_streams", compacted)], earlier=[])
        tables = {table.name: rows.read_all() for table, rows in engine.compute()}
    assert tables == lake.compute(tmp_path, "day", begin)
    assert len(tables["sessions"]) == 9
