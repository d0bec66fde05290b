# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchDataError, TwitchParameterError
from twitch_provider.lake import all_streams
from twitch_provider.lake.clean import clean_games, clean_streams
from twitch_provider.lake.extract import keep
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.publish import publish
from twitch_provider.lake.raw_lines import RawObject
from twitch_provider.lake.schema import Schema
from twitch_provider.lake.tables import CleanTable
from twitch_provider.lake.top_games import transform
from twitch_provider.testing.generated import GeneratedWorld

Make = Callable[..., Any]


@pytest.fixture
def table(page: Make, stream: Make, run_after: datetime) -> CleanTable:
    rows = [
        stream(title="Ünïcode 👩‍👩‍👧", tags=["a", ""]),
        stream(id="2", tags=None, tag_ids=None, is_mature=None, title="", started_at=None),
        stream(id="2", tags=[], is_mature=True),
        stream(id="3", viewer_count=-1),
        stream(id="4", type=""),
    ]
    return clean_streams([page("streams", rows)], run_after=run_after, ranks={"509658": 1})


def test_accounts_for_every_row(table: CleanTable) -> None:
    assert table.counts == {"rows_in": 5, "rows_out": 2, "duplicates": 1, "filtered": 1, "rejects": 1}
    assert table.rejected == {"viewer_count: negative": 1}
    assert table.filtered == {"type: not live": 1}


def test_figures_of_a_table_with_viewers(page: Make, stream: Make, run_after: datetime) -> None:
    rows = [
        stream(id="1", viewer_count=2**63 - 1, game_id=""),
        stream(id="2", viewer_count=2**63 - 1, game_id=None, tags=None),
        stream(id="3", viewer_count=0, tags=[]),
    ]
    table = clean_streams([page("streams", rows)], run_after=run_after, ranks={"509658": 1})
    assert table.figures == {
        "viewers": 2**64 - 2,
        "missing": {"game_id": 2, "tags": 1, "game_rank": 2},
        "duplicate_keys": 0,
    }
    assert json.loads(json.dumps(table.figures)) == table.figures


def test_figures_of_a_table_without_rows(page: Make, run_after: datetime) -> None:
    table = clean_streams([page("streams", [])], run_after=run_after, ranks={})
    assert table.figures == {"viewers": 0, "missing": {}, "duplicate_keys": 0}


def test_figures_of_a_table_without_viewers(page: Make, game: Make, run_after: datetime) -> None:
    table = clean_games([page("games/top", [game()])], run_after=run_after, capped={"509658": True})
    assert table.figures == {"viewers": None, "missing": {"igdb_id": 1}, "duplicate_keys": 0}


def test_figures_count_rows_that_repeat_a_key(page: Make, stream: Make, run_after: datetime) -> None:
    """Cleaning a crawl keeps one row per broadcaster, so that two may have one broadcast's id."""
    rows = [stream(id=name, user_id=str(n)) for n, name in enumerate("abaca")]
    table = all_streams.transform([page("streams", rows)], run_after=run_after)
    assert table.figures["duplicate_keys"] == 2


@pytest.mark.parametrize("change", [{"rows_in": 6}, {"duplicates": 0}, {"filtered": {}}])
def test_a_row_that_is_unaccounted_for_is_an_error(table: CleanTable, change: dict[str, Any]) -> None:
    with pytest.raises(TwitchDataError, match="streams: rows are unaccounted for"):
        replace(table, **change)


def test_goes_through_xcom_as_plain_texts_and_numbers(table: CleanTable) -> None:
    empty = replace(table, table=table.table.slice(0, 0), rejects=table.rejects.slice(0, 0), rows_in=2)
    for before in (table, empty):
        sent = before.as_xcom()
        after = CleanTable.from_xcom(json.loads(json.dumps(sent)))
        assert after == before
        assert (after.table.schema, after.rejects.schema) == (before.table.schema, before.rejects.schema)
        assert before.as_xcom() == sent


def test_takes_at_most_half_of_what_a_frame_takes_in_xcom(
    page: Make, stream: Make, run_after: datetime
) -> None:
    """Airflow passes frames on as Parquet (snappy) in hexadecimal digits."""
    live = GeneratedWorld(streams=400).at(run_after).streams
    rows = [stream(**each.row) for each in live if each.row["type"] == "live"]
    table = clean_streams([page("streams", rows)], run_after=run_after, ranks={})
    frame = io.BytesIO()
    table.table.to_pandas().to_parquet(frame)
    assert len(json.dumps(table.as_xcom())) <= len(frame.getvalue().hex()) / 2


def test_rows_that_xcom_lost_are_an_error(table: CleanTable) -> None:
    sent = table.as_xcom()
    sent["table"] = replace(table, table=table.table.slice(1), rows_in=4).as_xcom()["table"]
    with pytest.raises(TwitchDataError, match="unaccounted for"):
        CleanTable.from_xcom(sent)


def _with(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda sent: {name: value for name, value in (sent | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "change",
    [
        _with(table=..., frame={}),  # its name before tables were text
        _with(schema="clips"),
        _with(schema=["streams"]),
        _with(table=None),
        _with(table="not base64"),
        _with(table="bm90IFBhcnF1ZXQ="),
        lambda sent: sent | {"table": sent["rejects"]},
        _with(counts={"rows_in": 5}),
        _with(counts={"rows_in": 5, "duplicates": "1"}),
        _with(counts=None),
        _with(filtered=["a"]),
        _with(filtered=7),
        lambda sent: None,
        lambda sent: [sent],
        lambda sent: "text",
    ],
)
def test_an_xcom_of_another_version_says_what_to_do(table: CleanTable, change: Any) -> None:
    with pytest.raises(
        TwitchDataError, match=r"not a table of this version of the package: clear transform, too"
    ):
        CleanTable.from_xcom(change(table.as_xcom()))


def test_a_table_too_large_for_the_metadata_database_says_what_to_do(table: CleanTable) -> None:
    size = sum(len(table.as_xcom(max_bytes=None)[name]) for name in ("table", "rejects"))
    assert table.as_xcom(max_bytes=size)
    with pytest.raises(TwitchParameterError) as refused:
        table.as_xcom(max_bytes=size - 1)
    assert refused.value.fatal
    for way_out in ("XComObjectStorageBackend", "TwitchTopGamesOperator"):
        assert way_out in str(refused.value)


def test_a_row_is_converted_to_pandas_once_and_to_arrow_once(
    store: Any,
    page: Make,
    game: Make,
    stream: Make,
    header: Make,
    run_after: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two tables are cleaned, sent through XCom and published: a conversion each, and one of the rejects."""
    converted: Counter[str] = Counter()
    for name in ("to_frame", "to_arrow"):
        convert = getattr(Schema, name)

        def counted(schema: Schema, rows: Any, name: str = name, convert: Any = convert) -> Any:
            converted[f"{name} {schema.name}"] += 1
            return convert(schema, rows)

        monkeypatch.setattr(Schema, name, counted)
    rows = [stream(game_id="a"), stream(id="2", viewer_count=-1)]
    pages = [page("games/top", [game(id="a")]), page("streams", rows, params=[("game_id", "a")])]
    keys = SnapshotKeys("twitch", "d", run_after)
    extract = keep(store, keys, "top_games", RawObject.of(pages, header()))
    tables = {
        name: CleanTable.from_xcom(table.as_xcom())
        for name, table in transform(extract.pages(store), run_after=run_after).items()
    }
    publish(store, keys, tables, extract=extract, published_at=run_after, latest=True)
    assert converted == {
        "to_frame streams": 1,
        "to_frame games": 1,
        "to_arrow streams": 1,
        "to_arrow games": 1,
        "to_arrow rejects": 2,
    }
