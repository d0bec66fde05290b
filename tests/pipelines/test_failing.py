# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchConnectionError, TwitchError, TwitchStoreAccessError
from twitch_provider.pipelines.failing import fail_fast


@fail_fast()
def raising(error: TwitchError) -> None:
    raise error


def test_what_no_retry_can_fix_fails_at_once_with_the_same_message() -> None:
    with pytest.raises(AirflowFailException, match=r"^no entry$"):
        raising(TwitchStoreAccessError("no entry"))


def test_everything_else_is_left_to_airflows_retries() -> None:
    with pytest.raises(TwitchConnectionError):
        raising(TwitchConnectionError("down"))
