# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.triggers import polling
from twitch_provider.triggers.polling import LivePoll


def test_a_shared_poll_has_the_logins_of_its_watchers() -> None:
    polling.join("poll", 1, ["ann", "bob"])
    polling.join("poll", 2, ["bob", "cid"])
    polling.join("another", 3, ["zoe"])
    assert polling.watched("poll") == {"ann", "bob", "cid"}
    polling.leave("poll", 1)
    polling.leave("poll", 1)
    assert polling.watched("poll") == {"bob", "cid"}
    polling.leave("poll", 2)
    polling.leave("another", 3)
    polling.leave("nobody's", 4)
    assert polling.watched("poll") == set()
    assert polling._WATCHED == {}


async def test_uses_the_real_time() -> None:
    poll = LivePoll(twitch_conn_id="twitch_default", poll_interval=1, max_consecutive_failures=1)
    before = time.time()
    await poll._sleep(0)
    assert before <= poll._clock() <= time.time()


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll_interval": "60"},
        {"poll_interval": 0},
        {"poll_interval": float("nan")},
        {"max_consecutive_failures": "3"},
        {"max_consecutive_failures": 0},
    ],
    ids=str,
)
def test_a_number_that_is_missing_or_out_of_range_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    given = {"poll_interval": 60, "max_consecutive_failures": 3, **wrong}
    with pytest.raises(TwitchParameterError, match=name):
        LivePoll(twitch_conn_id="twitch_default", **given)
