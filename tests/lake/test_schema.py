# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from twitch_provider.lake.schema import GAMES, SCHEMAS, STREAMS


def test_columns_are_those_of_the_contract() -> None:
    assert ",".join(STREAMS.names) == (
        "id,user_id,user_login,user_name,game_id,game_name,type,title,viewer_count,started_at,language,"
        "thumbnail_url,tag_ids,tags,is_mature,snapshot_at,run_after,game_rank,uptime_minutes"
    )
    assert ",".join(GAMES.names) == (
        "id,name,box_art_url,igdb_id,snapshot_at,run_after,rank,streams_seen,viewers_seen,viewers_share,capped"
    )


def test_every_column_is_described_in_one_line() -> None:
    for schema in SCHEMAS.values():
        for column in schema.columns:
            assert column.description.endswith(".")
            assert "\n" not in column.description


@pytest.mark.parametrize(
    ("example", "schema"),
    [
        ("get-streams.200.1.json", STREAMS),
        ("get-streams.200.2.json", STREAMS),
        ("get-top-games.200.1.json", GAMES),
    ],
    ids=["streams", "streams-of-games", "games"],
)
def test_knows_every_field_of_twitch_s_examples(example: str, schema: object, recorded: Path) -> None:
    body = json.loads((recorded / "helix-examples" / example).read_text())
    assert isinstance(schema, type(STREAMS))
    for row in body["data"]:
        assert set(row) == {column.name for column in schema.sent}
        assert all(column.kind.fits(row[column.name]) for column in schema.sent)
