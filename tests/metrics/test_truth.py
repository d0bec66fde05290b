# SPDX-License-Identifier: Apache-2.0
"""The metrics against a world of which every second is known.

Four hours of 2,000 streams, with a gap and a late snapshot. A day of 5,000 is for the hand: the module
``truth`` prints its figures.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.metrics.truth import Play

pytest.importorskip("duckdb", reason="DuckDB is not installed: it is the extra metrics")


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    return Play(tmp_path_factory.mktemp("truth"))


def test_the_gap_is_not_covered(play: Play) -> None:
    assert play.site["covered_seconds"] == int((play.span > 0).sum()) < play.length - 500


def test_hours_watched_of_the_site_are_within_half_a_percent(play: Play) -> None:
    assert abs(play.site_error) < 0.005


def test_hours_watched_of_games_are_as_far_off_as_chance_has_it(play: Play) -> None:
    assert len(play.game_errors) > 100
    assert max(abs(sigmas) for _, _, sigmas in play.game_errors) < 3


def test_airtime_of_sessions_is_as_near_as_snapshots_are_to_each_other(play: Play) -> None:
    assert len(play.tables["sessions"]) > 4_000
    assert play.sessions_within > 0.99


def test_ended_streams_that_are_listed_add_what_no_sampling_removes(tmp_path: Path) -> None:
    lagging = Play(tmp_path, streams=1_000, hours=2, lists_ended=True)
    # 540 s of 9,000 on average.
    assert lagging.airtime_error == pytest.approx(0.06, abs=0.01)
