# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from twitch_provider.exceptions import TwitchConfigError, TwitchLookupError
from twitch_provider.helix.token import Credentials
from twitch_provider.hooks.sessions import explained, forget_shared, open_session, shared
from twitch_provider.hooks.settings import Settings

SETTINGS = Settings("a_connection", Credentials("id", "secret"))


def test_an_application_has_one_token_and_one_limiter_in_a_process() -> None:
    same = replace(SETTINGS, conn_id="another_connection", timeout=1.0, rate_limit_reserve=7.0)
    assert shared(SETTINGS) is shared(same)


@pytest.mark.parametrize(
    "other",
    [
        replace(SETTINGS, credentials=Credentials("other", "secret")),
        replace(SETTINGS, credentials=Credentials("id", "other")),
        replace(SETTINGS, base_url="https://other"),
        replace(SETTINGS, auth_url="https://other"),
        replace(SETTINGS, auth_cache="none"),
    ],
    ids=["client id", "client secret", "base URL", "OAuth URL", "cache"],
)
def test_another_application_has_its_own(other: Settings) -> None:
    assert shared(SETTINGS) is not shared(other)


def test_threads_that_start_together_share_one_too() -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: shared(SETTINGS), range(64)))
    assert len({id(each) for each in found}) == 1


def test_forgets_what_is_shared() -> None:
    before = shared(SETTINGS)
    forget_shared()
    assert shared(SETTINGS) is not before


def test_a_session_is_what_the_connection_says() -> None:
    session = open_session(replace(SETTINGS, rate_limit_reserve=7.0), lambda: 1.0)
    assert (session.name, session.base_url, session.limiter.reserve) == (
        "a_connection",
        SETTINGS.base_url,
        7.0,
    )
    assert (session.tokens, session.limiter, session.fetched) == shared(SETTINGS)
    assert 0 <= session.random() <= 1


def test_an_error_of_airflow_is_not_repeated() -> None:
    with (
        pytest.raises(TwitchConfigError, match="connection mine cannot be read by Airflow") as caught,
        explained("mine"),
    ):
        raise ValueError("top-secret")
    assert "top-secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_failed_lookup_is_worth_a_retry_and_its_text_is_not_repeated() -> None:
    expected = pytest.raises(TwitchLookupError, match=r"mine could not be looked up \(OSError\)")
    with expected as caught, explained("mine"):
        raise OSError("top-secret")
    assert not caught.value.fatal
    assert "top-secret" not in str(caught.value)


def test_a_forked_process_shares_nothing_that_was_claimed_when_it_was_forked() -> None:
    tokens, _, _ = shared(SETTINGS)
    assert tokens.claim()
    child = os.fork()
    if not child:
        os._exit(0 if shared(SETTINGS)[0].claim() else 1)
    assert os.waitpid(child, 0)[1] == 0
