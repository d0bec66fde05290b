# SPDX-License-Identifier: Apache-2.0
"""Sessions, segments and tags: what only a day has."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.metrics.lake import NOON, Lake, stream
from tests.metrics.test_engine import at, only

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")

DAY = NOON.replace(hour=0)
MIDNIGHT = 12 * 60


@pytest.fixture
def lake() -> Lake:
    return Lake()


def segments(day: dict[str, pa.Table], *names: str) -> list[tuple[Any, ...]]:
    return only(day["segments"], "id", "segment", "game_id", *names)


def test_a_category_that_comes_again_is_another_segment(lake: Lake, tmp_path: Path) -> None:
    for minutes, game, viewers in ((0, "A", 10), (5, "A", 20), (10, "B", 5), (15, "A", 20), (20, "A", 20)):
        lake.crawl(minutes, [stream("1", viewers, game_id=game), stream("2")])
    day = lake.compute(tmp_path, "day", DAY)
    names = (
        "first_seen",
        "last_seen",
        "viewer_seconds",
        "airtime_seconds",
        "samples",
        "peak_viewers",
        "peak_at",
    )
    assert segments(day, *names) == [
        ("b1", 1, "A", at(0), at(5), 9_000, 600, 2, 20, at(5)),
        ("b1", 2, "B", at(10), at(10), 1_500, 300, 1, 5, at(10)),
        ("b1", 3, "A", at(15), at(20), 6_000, 300, 2, 20, at(15)),
        ("b2", 1, "1", at(0), at(20), 120_000, 1200, 5, 100, at(0)),
    ]
    assert only(day["sessions"], "id", "category_changes", "samples", "peak_at") == [
        ("b1", 2, 5, at(5)),
        ("b2", 0, 5, at(0)),
    ]


def test_an_id_that_comes_back_goes_on_and_an_empty_category_is_one(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(0, [stream("1", game_id="A")])
    lake.crawl(5, [])
    lake.crawl(200, [stream("1", game_id="A")])
    lake.crawl(205, [stream("1", game_id="")])
    day = lake.compute(tmp_path, "day", DAY)
    assert segments(day, "first_seen", "last_seen", "airtime_seconds") == [
        ("b1", 1, "A", at(0), at(200), 600),
        ("b1", 2, "", at(205), at(205), 0),
    ]
    assert only(day["sessions"], "first_seen", "last_seen", "category_changes") == [(at(0), at(205), 1)]


def test_seconds_after_midnight_belong_to_the_next_day(lake: Lake, tmp_path: Path) -> None:
    lake.crawl(MIDNIGHT - 2, [stream("1", game_id="A"), stream("2"), stream("3", game_id="A")])
    lake.crawl(MIDNIGHT + 3, [stream("1", game_id="A"), stream("3", game_id="B")])
    lake.crawl(MIDNIGHT + 8, [])
    first = lake.compute(tmp_path, "day", DAY)
    following = lake.compute(tmp_path, "day", DAY + timedelta(days=1))
    assert segments(first, "airtime_seconds", "samples") == [
        ("b1", 1, "A", 118, 1),
        ("b2", 1, "1", 118, 1),
        ("b3", 1, "A", 118, 1),
    ]
    late = at(MIDNIGHT + 3)
    assert segments(following, "airtime_seconds", "samples", "first_seen", "peak_viewers") == [
        # The seconds of the snapshot before midnight belong to the segment that goes on.
        ("b1", 1, "A", 182 + 300, 1, late, 100),
        ("b2", 1, "1", 182, 0, None, None),
        ("b3", 1, "A", 182, 0, None, None),
        ("b3", 2, "B", 300, 1, late, 100),
    ]
    names = "id", "session_id", "airtime_seconds", "samples", "first_seen", "category_changes"
    assert only(following["sessions"], *names) == [
        ("b1", "b1", 482, 1, late, 0),
        ("b2", "b2", 182, 0, None, 0),
        ("b3", "b3", 482, 1, late, 0),
    ]


def test_changes_of_title_are_between_consecutive_samples_and_empty_is_a_value(
    lake: Lake, tmp_path: Path
) -> None:
    for number, title in enumerate(("a", "a", "", "b", "b", "a")):
        lake.crawl(5 * number, [stream("1", title=title), stream("2", title="")])
    day = lake.compute(tmp_path, "day", DAY)
    assert only(day["sessions"], "id", "title_changes") == [("b1", 3), ("b2", 0)]


def begun(minutes: float, seconds: int = 0) -> str:
    return f"{NOON + timedelta(minutes=minutes, seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("started_at", "joined"),
    [
        # b1 was last seen at 12:05:02 and counts until 12:10:02.
        (begun(25, 2), True),
        (begun(25, 3), False),
        (begun(3), True),
        (None, False),  # First seen at 12:30:02.
    ],
)
def test_a_reconnect_within_fifteen_minutes_is_the_same_session(
    lake: Lake, tmp_path: Path, started_at: str | None, joined: bool
) -> None:
    lake.crawl(0, [stream("1")])
    lake.crawl(5, [stream("1")])
    lake.crawl(10, [])
    lake.crawl(30, [stream("1", id="b2", started_at=started_at)])
    day = lake.compute(tmp_path, "day", DAY)
    assert only(day["sessions"], "id", "session_id") == [("b1", "b1"), ("b2", "b1" if joined else "b2")]


def test_a_session_of_three_broadcasts_and_two_days_is_called_after_the_first(
    lake: Lake, tmp_path: Path
) -> None:
    ids = {-60: "b9", MIDNIGHT - 10: "b8", MIDNIGHT - 5: "b8", MIDNIGHT: "b7", MIDNIGHT + 5: "b6"}
    for minutes, name in ids.items():
        lake.crawl(minutes, [stream("1", id=name, started_at=begun(minutes - 1)), stream("2")])
    first = lake.compute(tmp_path, "day", DAY)
    following = lake.compute(tmp_path, "day", DAY + timedelta(days=1))
    assert only(first["sessions"], "id", "session_id") == [("b2", "b2"), ("b8", "b8"), ("b9", "b9")]
    assert only(following["sessions"], "id", "session_id") == [
        ("b2", "b2"),
        ("b6", "b8"),
        ("b7", "b8"),
        ("b8", "b8"),
    ]


def test_a_session_begins_anew_where_the_48_hours_begin(lake: Lake, tmp_path: Path) -> None:
    # Reconnects at 23:50, 00:00, 00:10 and 00:20: three days later, the first is more than 48 hours ago.
    start = MIDNIGHT - 10
    for number in range(3):
        lake.crawl(
            start + 10 * number, [stream("1", id=f"b{number}", started_at=begun(start + 10 * number - 1))]
        )
    for number in range(3, 44):
        minutes = start + 10 * number if number < 5 else start + 30 + 80 * (number - 4)
        lake.crawl(minutes, [stream("1", id="b3", started_at=begun(start + 29))], interval_seconds=4800)
    third = lake.compute(tmp_path, "day", DAY + timedelta(days=3))
    assert set(only(third["sessions"], "id", "session_id")) == {("b3", "b1")}


def test_tags(lake: Lake, tmp_path: Path) -> None:
    for minutes in (0, 5):
        lake.crawl(
            minutes,
            [
                stream("1", 10, tags=["English", 'a "b"', "English"]),
                stream("2", 20, tags=["english"]),
                stream("3", 30, tags=[]),
                stream("4", 40, tags=["English"] if minutes else ["Other"]),
            ],
        )
    lake.crawl(10, [])
    day = lake.compute(tmp_path, "day", DAY)
    assert only(day["tags_day"], "tag", "viewer_seconds", "airtime_seconds", "unique_channels", "rank") == [
        ("English", 18_000, 900, 2, 1),
        ("Other", 12_000, 300, 1, 2),
        ('a "b"', 6_000, 600, 1, 4),
        ("english", 12_000, 600, 1, 3),
    ]


def test_tags_in_parquet(lake: Lake, tmp_path: Path) -> None:
    writes = {"file_format": "parquet", "compression": "zstd"}
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1", tags=["a", "b"], title=None)], writes=writes)
    day = lake.compute(tmp_path, "day", DAY)
    assert only(day["tags_day"], "tag", "viewer_seconds") == [("a", 30_000), ("b", 30_000)]


def test_sums_agree_between_tables(lake: Lake, tmp_path: Path) -> None:
    for number in range(30):
        rows = [
            stream(
                str(user),
                user * 7 % 31,
                game_id=str((user + number // (user + 1)) % 3),
                language=f"l{user % 2}",
            )
            for user in range(20)
            if (user + number) % 5
        ]
        lake.crawl(number * 7, rows)
    day = lake.compute(tmp_path, "day", DAY)
    names = ("site_day", "games_day", "languages_day", "channels_day", "sessions", "segments")
    for column in ("viewer_seconds", "airtime_seconds"):
        assert len({sum(day[name][column].to_pylist()) for name in names}) == 1
    hours = [lake.compute(tmp_path, begin=NOON + timedelta(hours=hour)) for hour in range(4)]
    for name in ("site", "games", "languages", "channels"):
        sums = [sum(hour[f"{name}_hour"]["viewer_seconds"].to_pylist()) for hour in hours]
        assert sum(sums) == sum(day[f"{name}_day"]["viewer_seconds"].to_pylist())


def test_every_column_of_every_table_has_a_definition() -> None:
    from twitch_provider.metrics.tables import TABLES

    for table in TABLES.values():
        assert [definition.name for _, definition in table.columns] == list(table.names)
        assert set(table.key) <= set(table.names)
        assert all(definition.comment.endswith(".") for _, definition in table.columns)
    assert TABLES["games_hour"].file_name(datetime(2026, 11, 23, 7)) == "games_hour_07.parquet"  # noqa: DTZ001
    assert TABLES["games_day"].file_name(datetime(2026, 11, 23)) == "games_day.parquet"  # noqa: DTZ001
