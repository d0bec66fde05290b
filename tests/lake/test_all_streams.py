# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake import all_streams, arrow_validate
from twitch_provider.lake.clean import clean_streams
from twitch_provider.lake.formats import Format
from twitch_provider.lake.raw_pages import RawBody, RawPage
from twitch_provider.lake.schema import REJECTS, STREAMS
from twitch_provider.lake.tables import CleanTable

Make = Callable[..., Any]
Row = tuple[str, int, str]

AT = datetime(2026, 11, 23, 16, 35, 2, tzinfo=UTC)
RUN_AFTER = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


def pages_of(*pages: list[Any]) -> list[RawBody]:
    """Pages with these rows, answered a second apart."""
    return [
        RawBody("streams", (), at, at, json.dumps({"data": rows}).encode())
        for at, rows in ((AT + timedelta(seconds=n), rows) for n, rows in enumerate(pages))
    ]


def transform(*pages: list[Any]) -> CleanTable:
    return all_streams.transform(pages_of(*pages), run_after=RUN_AFTER)


def cleaned(*pages: list[Any]) -> CleanTable:
    """What cleaning with pandas makes of the same pages."""
    opened = [
        RawPage(**vars(page), rows=json.loads(page.body)["data"], cursor=None) for page in pages_of(*pages)
    ]
    return clean_streams(opened, run_after=RUN_AFTER, ranks={})


def test_the_most_viewers_come_first_and_ties_in_order_of_arrival(stream: Make) -> None:
    rows = [stream(id=str(n), user_id=str(n), viewer_count=count) for n, count in enumerate([5, 9, 5, 7, 9])]
    assert transform(rows[:2], rows[2:]).table["id"].to_pylist() == ["1", "4", "3", "0", "2"]


def test_the_last_observation_of_a_broadcaster_counts(stream: Make) -> None:
    first = [stream(id="1", user_id="a", viewer_count=10), stream(id="2", user_id="b", viewer_count=10)]
    again = [stream(id="3", user_id="a", viewer_count=10)]
    found = transform(first, again)
    # It came last, so that it stands behind its equals.
    assert found.table["id"].to_pylist() == ["2", "3"]
    assert found.table["snapshot_at"].to_pylist() == ["2026-11-23T16:35:02Z", "2026-11-23T16:35:03Z"]
    assert found.counts == {"rows_in": 3, "rows_out": 2, "duplicates": 1, "filtered": 0, "rejects": 0}


def test_a_later_row_that_is_refused_or_not_live_does_not_replace_a_good_one(stream: Make) -> None:
    found = transform([stream(viewer_count=3)], [stream(viewer_count=-1)], [stream(type="")])
    assert found.table["viewer_count"].to_pylist() == [3]
    assert found.counts == {"rows_in": 3, "rows_out": 1, "duplicates": 0, "filtered": 1, "rejects": 1}
    assert found.filtered == {"type: not live": 1}
    assert found.rejected == {"viewer_count: negative": 1}


def test_rejects_keep_the_row_and_its_instants(stream: Make) -> None:
    row = stream(viewer_count="12", surprise=[1.5])
    rejects = transform([stream(user_id="b")], [row]).rejects.to_pylist()
    assert json.loads(rejects[0].pop("row")) == row
    assert rejects == [
        {
            "reason": "viewer_count: text where a whole number of 64 bits was expected",
            "snapshot_at": "2026-11-23T16:35:03Z",
            "run_after": "2026-11-23T16:35:00Z",
        }
    ]


def test_adds_our_columns(stream: Make) -> None:
    row = transform([stream()]).table.to_pylist()[0]
    assert row == stream() | {
        "snapshot_at": "2026-11-23T16:35:02Z",
        "run_after": "2026-11-23T16:35:00Z",
        "game_rank": None,
        "uptime_minutes": 120,
    }


def test_the_tables_have_the_schemas_whatever_the_rows(stream: Make) -> None:
    for found in (
        transform([stream()]),
        transform([]),
        transform([stream(id=7)]),
        transform([stream(type="")]),
    ):
        assert found.table.schema == STREAMS.arrow
        assert found.rejects.schema == REJECTS.arrow


def test_pages_are_required() -> None:
    with pytest.raises(TwitchDataError, match="no page of streams"):
        transform()


def test_bodies_are_read_once_and_released(stream: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_validate, "_BATCH", 1)
    alive = 0
    most = 0

    class Counted(bytes):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def bodies() -> Iterator[RawBody]:
        nonlocal alive, most
        for number in range(40):
            body = Counted(json.dumps({"data": [stream(user_id=str(number))]}).encode())
            alive += 1
            most = max(most, alive)
            yield RawBody("streams", (), AT, AT, body)

    assert all_streams.transform(bodies(), run_after=RUN_AFTER).counts["rows_out"] == 40
    assert most <= 6


ROWS = st.tuples(st.sampled_from("abcdef"), st.integers(-1, 3), st.sampled_from(["live", "live", ""]))


@settings(max_examples=40)
@given(st.lists(st.lists(ROWS, max_size=4), min_size=1, max_size=5))
def test_gives_what_pandas_gives(stream: Make, drawn: list[list[Row]]) -> None:
    # One broadcast per broadcaster, so that cleaning with pandas, by broadcast, finds the same duplicates.
    pages = [
        [stream(id=user, user_id=user, viewer_count=n, type=kind) for user, n, kind in page] for page in drawn
    ]
    found, by_pandas = transform(*pages), cleaned(*pages)
    assert found.counts == by_pandas.counts
    assert (found.filtered, found.rejected) == (by_pandas.filtered, by_pandas.rejected)
    assert Format().encode(found.rejects, REJECTS) == Format().encode(by_pandas.rejects, REJECTS)
    lines = [Format().encode(each.table, STREAMS).splitlines() for each in (found, by_pandas)]
    assert sorted(lines[0]) == sorted(lines[1])
    viewers = found.table["viewer_count"].to_pylist()
    assert viewers == sorted(viewers, reverse=True)


@pytest.mark.parametrize("name", ["s_1695574829212", "s_1695574999827", "s_1695575212983", "s_1695575234912"])
def test_recorded_answers(name: str, recorded: Any) -> None:
    body = (recorded / "helix" / f"{name}.json").read_bytes()
    at = datetime(2023, 9, 24, 17, 5, tzinfo=UTC)
    found = all_streams.transform([RawBody("streams", (), at, at, body)], run_after=RUN_AFTER)
    page = RawPage("streams", (), at, at, body, json.loads(body)["data"], None)
    by_pandas = clean_streams([page], run_after=RUN_AFTER, ranks={})
    assert found.counts == by_pandas.counts
    assert set(found.table["id"].to_pylist()) == set(by_pandas.table["id"].to_pylist())
