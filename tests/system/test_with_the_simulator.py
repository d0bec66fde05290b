# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code=no-untyped-def
"""The tests that the documentation shows to those who test their own DAGs."""

from __future__ import annotations

# [START howto_test_fault]
from twitch_provider.hooks.twitch import TwitchHook


def test_an_expired_token_is_renewed_once(twitch_connection):
    twitch_connection.fault("unauthorized", endpoint="streams")
    streams = list(TwitchHook().get_streams(languages="en"))
    assert {stream["language"] for stream in streams} == {"en"}
    assert twitch_connection.counters.tokens_minted == 2


# [END howto_test_fault]
