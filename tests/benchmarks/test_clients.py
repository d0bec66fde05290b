# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from benchmarks.clients import EVERYONE, READERS, Outcome, read
from benchmarks.servers import beside_us

from twitch_provider.testing import Simulator

pytest.importorskip("twitchAPI")
pytest.importorskip("twitchio")

# TwitchIO warns as it is imported, and leaves its session open when it is stopped.
pytestmark = pytest.mark.filterwarnings("ignore")

#: The generated world changes every minute; in this one it is always the same.
AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
STREAMS = 700


def reading(name: str, twitch: Simulator) -> Outcome:
    return asyncio.run(read(READERS[name], beside_us(twitch), most_rows=3 * STREAMS))


@pytest.mark.parametrize("name", READERS)
def test_every_client_reads_the_whole_list_by_one_cursor(name: str) -> None:
    with Simulator(streams=STREAMS, at=AT) as twitch:
        outcome = reading(name, twitch)
        assert twitch.counters.requests["streams"] in {7, 8}
    assert (len(outcome.ids), len(set(outcome.ids)), outcome.end) == (STREAMS, STREAMS, "the list ended")


def test_our_crawl_reads_the_whole_list_by_languages() -> None:
    with Simulator(streams=STREAMS, at=AT) as twitch:
        outcome = asyncio.run(read(EVERYONE["our crawl"], beside_us(twitch), most_rows=3 * STREAMS))
        assert twitch.counters.requests["streams"] > 30
    assert (len(set(outcome.ids)), outcome.end) == (STREAMS, "the list ended")


@pytest.mark.parametrize(
    ("name", "whole", "end"),
    [
        ("ours", True, "the list ended"),
        ("twitchAPI", False, "the list ended"),  # half a list without an error
        ("TwitchIO", False, "HTTPException"),
    ],
)
def test_what_each_does_on_a_429(name: str, whole: bool, end: str) -> None:
    with Simulator(streams=STREAMS, at=AT) as twitch:
        twitch.fault("false_429", endpoint="streams", start=3)
        outcome = reading(name, twitch)
    assert (len(outcome.ids) == STREAMS, outcome.end) == (whole, end)


@pytest.mark.parametrize(
    ("name", "end"),
    [("ours", "TwitchPaginationError"), ("twitchAPI", "stopped"), ("TwitchIO", "stopped")],
)
def test_what_each_does_on_a_repeated_cursor(name: str, end: str) -> None:
    with Simulator(streams=STREAMS, at=AT) as twitch:
        twitch.fault("repeated_cursor", endpoint="streams", start=3, times=None)
        outcome = reading(name, twitch)
    assert (outcome.end, len(set(outcome.ids)) < STREAMS) == (end, True)
