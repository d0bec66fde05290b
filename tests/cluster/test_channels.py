# SPDX-License-Identifier: Apache-2.0
"""The channels that ``twitch_live_alert`` waits for go live when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from tests.cluster.channels import LOGINS, Channels

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> Channels:
    return Channels(300)


def live(world: Channels, now: datetime) -> list[str]:
    return [str(stream.row["user_login"]) for stream in world.at(now).streams]


def test_they_are_those_of_the_dag() -> None:
    dag = files("twitch_provider").joinpath("../../dags/twitch_live_alert.py")
    assert f"CHANNELS = {[*LOGINS]}".replace("'", '"') in dag.read_text()


def test_one_goes_live_and_stays_so(world: Channels) -> None:
    assert not {*LOGINS} & {*live(world, AT)}
    world.go_live("nasa", AT)
    for now in (AT, AT + timedelta(minutes=7)):
        assert live(world, now).count("nasa") == 1
        scores = [stream.score for stream in world.at(now).streams]
        assert scores == sorted(scores, reverse=True)
        assert len({*scores}) == len(scores)
    world.go_live("monstercat", AT)
    assert {*LOGINS} <= {*live(world, AT)}


def test_twitch_knows_them_when_they_are_not_live(world: Channels) -> None:
    assert [each.login for each in world.channels(AT, [], ["nasa", "nobody"])] == ["nasa"]
