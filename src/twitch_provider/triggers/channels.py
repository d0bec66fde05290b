# SPDX-License-Identifier: Apache-2.0
"""What the sensor and both triggers share: the logins of channels, and which of these are live."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twitch_provider.exceptions import TwitchNotFoundError, TwitchParameterError

#: https://help.twitch.tv/s/article/creating-an-account-with-twitch; some old logins are shorter than four.
_LOGIN = re.compile(r"[a-z0-9_]{1,25}")

#: A row of Helix.
Row = Mapping[str, Any]


def logins_of(value: Any) -> list[str]:
    """Return logins as Helix spells them: lower case, each once, in the order given.

    :raises TwitchParameterError: no login is given, or an invalid one
    """
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        raise TwitchParameterError(
            f"user_logins must be one login or a list of them, not {value!r:.60}", parameter="user_logins"
        )
    logins = list(dict.fromkeys(each.strip().lower() if isinstance(each, str) else each for each in values))
    if not logins:
        raise TwitchParameterError("user_logins must have at least one login", parameter="user_logins")
    for login in logins:
        if not isinstance(login, str) or not _LOGIN.fullmatch(login):
            raise TwitchParameterError(
                f"user_logins must be logins, the last part of https://www.twitch.tv/monstercat, "
                f"not {login!r:.60}",
                parameter="user_logins",
            )
    return logins


def by_login(streams: Iterable[Row]) -> dict[str, Row]:
    """Return rows of Get Streams by login."""
    return {str(stream.get("user_login")).lower(): stream for stream in streams}


def wait_rule(wait_for: str) -> Callable[[Iterable[bool]], bool]:
    """Return the function that combines whether each channel is live.

    :param wait_for: ``any`` or ``all`` of the channels
    :raises TwitchParameterError: it is neither
    """
    if wait_for not in {"any", "all"}:
        raise TwitchParameterError(f"wait_for must be any or all, not {wait_for!r:.60}", parameter="wait_for")
    return all if wait_for == "all" else any


def require_known(logins: Iterable[str], users: Iterable[Row]) -> None:
    """Make sure that Twitch knows these channels: waiting for an unknown one would never end.

    :raises TwitchNotFoundError: naming those that it does not know
    """
    known = {str(user.get("login")).lower() for user in users}
    if unknown := [login for login in logins if login not in known]:
        raise TwitchNotFoundError(
            f"Twitch knows no channel {', '.join(unknown)}: misspelt, renamed, closed or suspended; "
            f"correct user_logins",
            status=404,
            endpoint="users",
        )
