# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.triggers.watch import OFFLINE, ONLINE, LiveWatch

TEN = 1_790_000_000.0  # an instant; those of the tests are counted from it


def row(login: str, stream_id: str = "s1", started_at: str = "2026-09-21T13:33:20Z") -> dict[str, Any]:
    return {
        "id": stream_id,
        "user_id": f"id of {login}",
        "user_login": login,
        "user_name": login.title(),
        "title": "Speedrun",
        "game_id": "33214",
        "game_name": "Fortnite",
        "viewer_count": 12,
        "language": "en",
        "started_at": started_at,
        "thumbnail_url": "https://…",
    }


class Seen:
    """Steps a watch, and keeps what it emitted as ``(event, login, stream id)``."""

    def __init__(self, *logins: str, tolerance: float = 120, emit_current: bool = False) -> None:
        self.watch = LiveWatch(logins, tolerance, emit_current)

    def at(self, seconds: float, *streams: dict[str, Any]) -> list[tuple[str, str, str]]:
        events, self.watch = self.watch.observe(TEN + seconds, {each["user_login"]: each for each in streams})
        return [(event["event"], event["user_login"], event["stream_id"]) for event in events]


def began(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(TEN + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- a watch ---------------------------------------------------------------------------------------------


def test_emits_online_and_offline_once_each() -> None:
    seen = Seen("ann", "bob")
    assert seen.at(0) == []
    assert seen.at(60, row("ann")) == [(ONLINE, "ann", "s1")]
    assert seen.at(120, row("ann")) == []
    assert seen.at(180) == []
    assert seen.at(240) == []
    assert seen.at(300) == [(OFFLINE, "ann", "s1")]
    assert seen.at(360) == []
    assert seen.at(420, row("ann", "s2"), row("bob")) == [(ONLINE, "ann", "s2"), (ONLINE, "bob", "s1")]


def test_payloads_have_what_is_known() -> None:
    watch = LiveWatch(["ann"], 0, emit_current=True)
    (online,), watch = watch.observe(TEN, {"ann": row("ann")})
    assert online == {
        "event": "online",
        "user_login": "ann",
        "user_id": "id of ann",
        "user_name": "Ann",
        "stream_id": "s1",
        "started_at": "2026-09-21T13:33:20Z",
        "observed_at": "2026-09-21T14:13:20Z",
        "title": "Speedrun",
        "game_id": "33214",
        "game_name": "Fortnite",
        "viewer_count": 12,
        "language": "en",
    }
    (offline,), _ = watch.observe(TEN + 60, {})
    assert offline == {
        "event": "offline",
        "user_login": "ann",
        "user_id": "id of ann",
        "stream_id": "s1",
        "started_at": "2026-09-21T13:33:20Z",
        "observed_at": "2026-09-21T14:14:20Z",
        "last_seen_at": "2026-09-21T14:13:20Z",
    }


@pytest.mark.parametrize(("emit_current", "events"), [(False, []), (True, [(ONLINE, "ann", "s1")])])
def test_the_first_observation_emits_live_channels_only_if_told_to(
    emit_current: bool, events: list[Any]
) -> None:
    seen = Seen("ann", emit_current=emit_current, tolerance=0)
    assert seen.at(0, row("ann")) == events
    assert seen.at(60, row("ann")) == []
    assert seen.at(120) == [(OFFLINE, "ann", "s1")]


def test_a_channel_that_was_offline_at_first_emits_online_when_it_goes_live() -> None:
    seen = Seen("ann")
    assert seen.at(0) == []
    assert seen.at(60, row("ann")) == [(ONLINE, "ann", "s1")]


@pytest.mark.parametrize("comes_back", [row("ann", "s1"), row("ann", "s2", began(150))])
def test_a_channel_that_is_away_within_the_tolerance_counts_as_still_live(comes_back: dict[str, Any]) -> None:
    seen = Seen("ann", emit_current=True)
    assert seen.at(0, row("ann")) != []
    assert seen.at(60) == []
    assert seen.at(120) == []
    assert seen.at(179, comes_back) == []
    assert seen.at(240) == []  # counted anew
    assert seen.at(359) == []
    assert seen.at(360) == [(OFFLINE, "ann", comes_back["id"])]


def test_a_new_stream_between_two_observations_is_the_same_within_the_tolerance() -> None:
    seen = Seen("ann", emit_current=True)
    seen.at(0, row("ann"))
    assert seen.at(60, row("ann", "s2", began(30))) == []


def test_without_a_tolerance_every_stream_has_events() -> None:
    seen = Seen("ann", emit_current=True, tolerance=0)
    seen.at(0, row("ann"))
    assert seen.at(60, row("ann", "s2", began(30))) == [(OFFLINE, "ann", "s1"), (ONLINE, "ann", "s2")]


@pytest.mark.parametrize(
    ("started_at", "events"),
    [
        (began(3000), [(OFFLINE, "ann", "s1"), (ONLINE, "ann", "s2")]),
        (began(90), []),  # it came back soon after it was last seen, long before we looked again
        ("2026-09-21T14:14:50.5Z", []),  # likewise, with a fraction
        ("2026-09-21T14:14:50", [(OFFLINE, "ann", "s1"), (ONLINE, "ann", "s2")]),  # not an instant
        ("nonsense", [(OFFLINE, "ann", "s1"), (ONLINE, "ann", "s2")]),
    ],
)
def test_after_a_gap_the_start_of_a_new_stream_tells_how_long_the_channel_was_away(
    started_at: str, events: list[Any]
) -> None:
    seen = Seen("ann", emit_current=True)
    seen.at(0, row("ann"))
    assert seen.at(3600, row("ann", "s2", started_at)) == events


def test_after_a_gap_a_missing_channel_has_its_whole_tolerance() -> None:
    seen = Seen("ann", emit_current=True)
    seen.at(0, row("ann"))
    assert seen.at(3600) == []
    assert seen.at(3720) == [(OFFLINE, "ann", "s1")]


def test_other_channels_are_ignored() -> None:
    seen = Seen("ann", emit_current=True)
    assert seen.at(0, row("zoe")) == []


def test_a_row_without_its_fields_is_a_live_channel() -> None:
    watch = LiveWatch(["ann"], 0, emit_current=True)
    (online,), _ = watch.observe(TEN, {"ann": {"user_login": "ann", "user_id": None}})
    assert (online["user_id"], online["stream_id"], online["title"]) == ("", "", None)


def test_memory_survives_json() -> None:
    seen = Seen("ann", "bob", emit_current=True)
    seen.at(0, row("ann"), row("bob"))
    seen.at(60, row("ann"))
    memory = json.loads(json.dumps(seen.watch.as_json()))
    again = LiveWatch(("ann", "bob"), 120, emit_current=True).restored(memory)
    assert again == seen.watch
    assert again.observe(TEN + 180, {"ann": row("ann")})[0][0]["user_login"] == "bob"


def test_a_channel_that_was_observed_offline_is_remembered_and_another_is_not() -> None:
    watch = LiveWatch(["ann", "bob"], 0).restored({"ann": None, "cid": None})
    events, _ = watch.observe(TEN, {"ann": row("ann"), "bob": row("bob")})
    assert [(event["event"], event["user_login"]) for event in events] == [(ONLINE, "ann")]


@pytest.mark.parametrize(
    "memory",
    [None, "x", [], {"ann": 7}, {"ann": {}}]
    + [
        {"ann": {"user_id": "1", "stream_id": "2", "started_at": "", "seen_at": "soon"} | more}
        for more in ({}, {"missing_since": None})
    ],
)
def test_refuses_a_memory_of_another_kind(memory: Any) -> None:
    with pytest.raises(ValueError, match="not a stored state of a watcher"):
        LiveWatch(["ann"], 0).restored(memory)


@given(
    st.lists(st.tuples(st.integers(1, 200), st.sampled_from([None, "s1", "s2", "s3"])), max_size=30),
    st.sampled_from([0, 60, 120, 300]),
)
def test_events_of_a_channel_alternate(steps: list[tuple[int, str | None]], tolerance: float) -> None:
    seen, now, emitted = Seen("ann", tolerance=tolerance), 0, []
    seen.at(0)
    for seconds, stream_id in steps:
        now += seconds
        # Each step goes through the memory, as if the triggerer had been started again.
        seen.watch = LiveWatch(("ann",), tolerance).restored(seen.watch.as_json())
        emitted += seen.at(now, *([row("ann", stream_id, began(now - 1))] if stream_id else []))
    assert [event for event, _, _ in emitted] == [ONLINE, OFFLINE] * (len(emitted) // 2) + [ONLINE] * (
        len(emitted) % 2
    )
