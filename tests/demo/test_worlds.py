# SPDX-License-Identifier: Apache-2.0
"""``python -m demo.worlds``, and the moving world over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from demo.worlds import __main__ as worlds
from demo.worlds.live import live_route
from demo.worlds.moving import MovingWorld

from twitch_provider.testing import Simulator

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Simulator]:
    """The simulators of the command line, which do not listen."""
    made: list[Simulator] = []

    def serve(options: Any, make: Any) -> int:
        made.append(make(options))
        return 0

    monkeypatch.setattr(worlds, "serve", serve)
    return made


def test_serves_a_world_that_moves(served: list[Simulator]) -> None:
    worlds.main(["--moving", "--streams=40", "--churn=0.1", "--refresh=20", "--at=2026-11-23T16:35:00Z"])
    assert served[0].about == (
        "a moving Twitch from seed 1: 40 live streams in 120 categories, 10% churn every 20 s"
    )
    assert served[0].now >= AT


def test_a_moving_world_starts_now_by_default(served: list[Simulator]) -> None:
    before = datetime.now(UTC)
    worlds.main(["--moving", "--streams", "40"])
    assert before <= served[0].now <= datetime.now(UTC)


def test_serves_the_generated_world_by_default(served: list[Simulator]) -> None:
    worlds.main(["--streams", "40"])
    assert served[0].about == "a made-up Twitch from seed 1: 40 live streams in 120 categories"


def test_ends_with_one_sentence_on_a_bad_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worlds.main(["--dataset", str(tmp_path)]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith(f"error: The dataset {tmp_path} cannot be served: it holds neither")
    assert errors.count("\n") == 1


def test_refuses_two_worlds_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        worlds.main(["--moving", "--dataset", "capture"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    world = MovingWorld(3, streams=400, starts_at=AT)
    with Simulator(world, clock=lambda: 0.0, routes=[live_route(world)]) as simulator:
        yield simulator


def ask(simulator: Simulator, **window: str) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{simulator.url}/_simulator/live", params=window, timeout=5)
    return answer.status_code, answer.json()


def test_tells_over_http_who_was_live_throughout(simulator: Simulator) -> None:
    simulator.advance(90)
    status, found = ask(simulator, since="2026-11-23T16:35:00Z", until="2026-11-23T16:36:30+00:00")
    world = simulator.twitch.world
    assert isinstance(world, MovingWorld)
    until = AT + timedelta(seconds=90)
    assert status == 200
    assert found["ids"] == sorted(world.live_throughout(AT, until))
    assert found["user_ids"] == sorted(world.users_live_throughout(AT, until))
    assert len(found["ids"]) == len(found["user_ids"]) > 350


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        ({}, "since must be an instant with a time zone"),
        ({"since": "2026-11-23T16:35:00Z"}, "until must be an instant with a time zone"),
        ({"since": "2026-11-23T16:35:00", "until": "2026-11-23T16:35:00Z"}, "since must be an instant"),
        ({"since": "2026-11-23T16:34:00Z", "until": "2026-11-23T16:35:00Z"}, "This world starts at"),
    ],
)
def test_refuses_a_window_over_http(simulator: Simulator, window: dict[str, str], sentence: str) -> None:
    status, found = ask(simulator, **window)
    assert status == 400
    assert sentence in found["error"]
