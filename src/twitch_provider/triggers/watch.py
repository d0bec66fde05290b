# SPDX-License-Identifier: Apache-2.0
"""The state machine of a watcher: which channels count as live, and which events follow.

Get Streams lists only the channels that are live
(https://dev.twitch.tv/docs/api/reference/#get-streams). So a channel is offline if a complete answer does not
contain it; a failed poll says nothing about any channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from twitch_provider.rows import instant_text, parse_instant, text_of
from twitch_provider.storable import storable_text
from twitch_provider.triggers.channels import Row

#: The events of a watcher.
ONLINE, OFFLINE = "online", "offline"

#: Seconds since 1970, later than any that are stored.
_LAST = 2.0**34

#: Further fields of a stream in an event, by Helix's names.
_DETAILS = ("user_name", "title", "game_id", "game_name", "viewer_count", "language")


@dataclass(frozen=True)
class Broadcast:
    """A channel that counts as live.

    :param user_id: of the broadcaster
    :param stream_id: a new one each time the channel goes live
    :param started_at: in whole seconds, ``2026-11-23T16:35:00Z``; empty where Helix has no instant
    :param seen_at: when it was last seen live, in seconds since 1970
    :param missing_since: when it was first missing after that; None while it is live
    """

    user_id: str
    stream_id: str
    started_at: str
    seen_at: float
    missing_since: float | None = None

    @classmethod
    def from_row(cls, row: Row, now: float) -> Broadcast:
        """Create it from a row.

        :param row: of Get Streams
        :param now: seconds since 1970
        """
        user_id, stream_id = (storable_text(str(row.get(name) or "")) for name in ("user_id", "id"))
        started_at = parse_instant(text_of(row, "started_at"))
        return cls(user_id, stream_id, instant_text(started_at) if started_at else "", seen_at=now)

    @classmethod
    def from_memory(cls, memory: Mapping[str, Any]) -> Broadcast:
        """Create it from its form in :meth:`LiveWatch.as_json`.

        :raises KeyError: one is missing
        :raises TypeError: one has the wrong type
        :raises ValueError: one is not a number
        """
        since = memory["missing_since"]
        return cls(
            user_id=str(memory["user_id"]),
            stream_id=str(memory["stream_id"]),
            started_at=str(memory["started_at"]),
            seen_at=_seconds(memory["seen_at"]),
            missing_since=None if since is None else _seconds(since),
        )


@dataclass(frozen=True)
class LiveWatch:
    """The state of a watcher and its transitions: a channel's events alternate, online, offline, online.

    :param logins: of the channels
    :param offline_tolerance: a channel that is offline for fewer seconds than this counts as still live,
        whether it returns with the same stream id or a new one
    :param emit_current: the first observation of a channel emits an event if it is already live
    :param known: what was observed, by login: the broadcast of a channel that counts as live, None for one
        that is offline. A channel that was never observed is absent
    """

    logins: Sequence[str]
    offline_tolerance: float
    emit_current: bool = False
    known: Mapping[str, Broadcast | None] = field(default_factory=dict)

    def observe(self, now: float, streams: Mapping[str, Row]) -> tuple[list[dict[str, Any]], LiveWatch]:
        """Take in an observation.

        :param now: seconds since 1970
        :param streams: the rows of live channels, by login; channels that are not watched are ignored
        :returns: the events, and the new state
        """
        events: list[dict[str, Any]] = []
        observed: dict[str, Broadcast | None] = {}
        for login in self.logins:
            known = self.known.get(login)
            observed[login] = None
            if (row := streams.get(login)) is not None:
                observed[login] = seen = Broadcast.from_row(row, now)
                if known is None or not self._continues(known, seen):
                    events += [] if known is None else [_offline(login, known, now)]
                    emits = self.emit_current or login in self.known
                    events += [_online(login, seen, row, now)] if emits else []
            elif known is not None:
                since = now if known.missing_since is None else known.missing_since
                if now - since >= self.offline_tolerance:
                    events.append(_offline(login, known, now))
                else:
                    observed[login] = replace(known, missing_since=since)
        return events, replace(self, known=observed)

    def _continues(self, known: Broadcast, seen: Broadcast) -> bool:
        if seen.stream_id == known.stream_id:
            return True
        # It went offline after it was last seen, and the new stream says when it returned.
        offline = known.seen_at if known.missing_since is None else known.missing_since
        return min(_epoch(seen.started_at, seen.seen_at), seen.seen_at) - offline < self.offline_tolerance

    def as_json(self) -> dict[str, Any]:
        """Return the state to store, by login, for :meth:`restored`."""
        return {
            login: None if broadcast is None else asdict(broadcast) for login, broadcast in self.known.items()
        }

    def restored(self, memory: Any) -> LiveWatch:
        """Return a watch with a stored state: of its own channels, as far as they are in it.

        :raises ValueError: it is not such a state
        """
        try:
            known = {
                login: None if each is None else Broadcast.from_memory(each)
                for login, each in memory.items()
                if login in self.logins
            }
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ValueError(f"not a stored state of a watcher: {memory!r:.60}") from error
        return replace(self, known=known)


def _online(login: str, broadcast: Broadcast, row: Row, now: float) -> dict[str, Any]:
    return _event(ONLINE, login, broadcast, now) | {name: row.get(name) for name in _DETAILS}


def _offline(login: str, broadcast: Broadcast, now: float) -> dict[str, Any]:
    return _event(OFFLINE, login, broadcast, now) | {"last_seen_at": _text(broadcast.seen_at)}


def _event(event: str, login: str, broadcast: Broadcast, now: float) -> dict[str, Any]:
    return {
        "event": event,
        "user_login": login,
        "user_id": broadcast.user_id,
        "stream_id": broadcast.stream_id,
        "started_at": broadcast.started_at,
        "observed_at": _text(now),
    }


def _seconds(stored: Any) -> float:
    """Return seconds since 1970 of a stored state.

    :raises TypeError: it has the wrong type
    :raises ValueError: it is not a number, or of no instant in our centuries
    """
    if isinstance(stored, int) and stored >= _LAST:
        raise ValueError("not an instant")  # which need not fit into a float
    seconds = float(stored)
    if not 0 <= seconds < _LAST:
        raise ValueError("not an instant")
    return seconds


def _text(epoch: float) -> str:
    return instant_text(datetime.fromtimestamp(epoch, UTC))


def _epoch(text: str, default: float) -> float:
    instant = parse_instant(text)
    return default if instant is None else instant.timestamp()
