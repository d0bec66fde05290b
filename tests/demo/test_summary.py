# SPDX-License-Identifier: Apache-2.0
"""The content of the lake, read back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from demo.errors import DemoError
from demo.summary import read_snapshot


def test_counts_what_the_csvs_say(objects: dict[str, bytes], tick: datetime) -> None:
    snapshot = read_snapshot(objects.get, "twitch", tick)
    assert [row["rank"] for row in snapshot.games] == ["1", "2"]
    assert len(snapshot.streams) == 3
    assert snapshot.viewers == 2000
    assert snapshot.languages == [("en", 2), ("de", 1)]
    assert snapshot.mature == 1


def test_counts_rows_by_reason(objects: dict[str, bytes], tick: datetime) -> None:
    snapshot = read_snapshot(objects.get, "twitch", tick)
    assert snapshot.rejected == [("viewer_count: negative", 2), ("started_at: in the future", 1)]
    assert snapshot.filtered == [("not live", 2)]
    assert snapshot.total("rows_in") == 10


def test_run_without_a_manifest_has_no_snapshot(objects: dict[str, bytes], tick: datetime) -> None:
    with pytest.raises(DemoError, match=r"^The run of 16:40 UTC published no snapshot"):
        read_snapshot(objects.get, "twitch", tick + timedelta(minutes=5))


def test_missing_table_is_an_error(objects: dict[str, bytes], tick: datetime) -> None:
    del objects[next(key for key in objects if "/top_games/" in key)]
    with pytest.raises(DemoError, match="games_data_20261123T163500Z"):
        read_snapshot(objects.get, "twitch", tick)
