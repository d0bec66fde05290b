# SPDX-License-Identifier: Apache-2.0
"""What the sensor and both triggers share: the logins of channels, and which of these are live."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twitch_provider.exceptions import TwitchNotFoundError, TwitchParameterError
from twitch_provider.rows import text_of

log = logging.getLogger(__name__)

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


class Names:
    """Says whose rows those of Get Streams are: by ``user_login``, or by ``user_id`` where that is blank.

    Twitch leaves the login of a live channel blank now and then; the channel is live all the same.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}

    def by_login(self, streams: Iterable[Row]) -> dict[str, Row]:
        """Return rows by login, without those of which nobody knows the login.

        :param streams: rows of Get Streams
        """
        rows: dict[str, Row] = {}
        for stream in streams:
            user_id, login = text_of(stream, "user_id"), text_of(stream, "user_login").lower()
            if login:
                self._by_id[user_id] = login
            else:
                login = self._by_id.get(user_id, "")
            if login:
                rows[login] = stream
        return rows

    def to_look_up(self, logins: Iterable[str], streams: Iterable[Row]) -> list[str]:
        """Return the logins to look up for :meth:`learn`: those that rows without a login may belong to.

        :param logins: that were asked for
        :param streams: rows of Get Streams
        """
        rows = list(streams)
        live = self.by_login(rows)
        nameless = (text_of(row, "user_id") for row in rows if not text_of(row, "user_login"))
        if all(user_id in self._by_id for user_id in nameless):
            return []
        return [login for login in logins if login not in live]

    def learn(self, users: Iterable[Row], streams: Iterable[Row]) -> None:
        """Take in who the channels are.

        :param users: rows of Get Users for :meth:`to_look_up`
        :param streams: the rows that they were looked up for; what stays unknown is not looked up again
        """
        self._by_id |= {text_of(user, "id"): text_of(user, "login").lower() for user in users}
        for stream in streams:
            user_id = text_of(stream, "user_id")
            if not text_of(stream, "user_login") and not self._by_id.setdefault(user_id, ""):
                log.warning("Ignoring a live stream without user_login, of the unknown user_id %r.", user_id)


def wait_rule(wait_for: str) -> Callable[[Iterable[bool]], bool]:
    """Return the function that combines whether each channel is live.

    :param wait_for: ``any`` or ``all`` of the channels
    :raises TwitchParameterError: it is neither
    """
    if wait_for not in {"any", "all"}:
        raise TwitchParameterError(f"wait_for must be any or all, not {wait_for!r:.60}", parameter="wait_for")
    return all if wait_for == "all" else any


def unknown_logins(logins: Iterable[str], users: Iterable[Row]) -> list[str]:
    """Return those of some logins that Twitch does not know.

    :param logins: in lower case
    :param users: the rows of Get Users for them, which leaves out what it does not know
    """
    known = {text_of(user, "login").lower() for user in users}
    return [login for login in logins if login not in known]


def not_known(logins: Iterable[str]) -> str:
    """Return the sentence about channels that Twitch does not know."""
    return (
        f"Twitch knows no channel {', '.join(logins)}: misspelt, renamed, closed or suspended; "
        f"correct user_logins"
    )


def require_known(logins: Iterable[str], users: Iterable[Row]) -> None:
    """Make sure that Twitch knows these channels: waiting for an unknown one would never end.

    :raises TwitchNotFoundError: naming those that it does not know
    """
    if unknown := unknown_logins(logins, users):
        raise TwitchNotFoundError(not_known(unknown), status=404, endpoint="users", unknown=unknown)
