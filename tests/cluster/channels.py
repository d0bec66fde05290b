# SPDX-License-Identifier: Apache-2.0
"""A generated Twitch with the channels that ``twitch_live_alert`` waits for, which go live when told to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.world import Channel, Keys, Row, Snapshot

#: As ``CHANNELS`` of the DAG.
LOGINS = ("monstercat", "nasa")


@dataclass(frozen=True)
class _Stream:
    score: float
    keys: Keys
    row: Row


class Channels(GeneratedWorld):
    """The world.

    :param streams: beside theirs
    """

    def __init__(self, streams: int) -> None:
        super().__init__(1, streams=streams)
        self._live: dict[str, _Stream] = {}
        self._with: tuple[Snapshot, int, Snapshot] | None = None
        self._channels_of = {
            login: Channel(f"99999999{number}", login, login.title(), "en")
            for number, login in enumerate(LOGINS)
        }

    def go_live(self, login: str, now: datetime) -> None:
        """Begin a broadcast, which goes on to the end.

        :param login: of the channel
        :param now: the world's time
        """
        channel, like = self._channels_of[login], super().at(now).streams[0]
        names = {"user_id": channel.user_id, "user_login": login}
        row = {
            **like.row,
            **names,
            "user_name": channel.name,
            "id": f"88{channel.user_id}",
            "viewer_count": 5,
        }
        # Twitch's order is by viewers; the fraction is a tie-break that no other row has.
        score = 5 + int(channel.user_id[-1]) / 1e6
        self._live[login] = _Stream(score, like.keys._replace(**names), row)

    def at(self, now: datetime) -> Snapshot:
        """Everything that is live at an instant of the world's time."""
        base = super().at(now)
        if not self._live:
            return base
        # Kept, since a snapshot remembers what it has selected.
        if self._with is None or self._with[0] is not base or self._with[1] != len(self._live):
            streams = sorted([*base.streams, *self._live.values()], key=lambda each: -each.score)
            self._with = base, len(self._live), replace(base, streams=streams, _selections={})
        return self._with[2]

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The broadcasters with these ids or logins; unknown ones are absent."""
        ours = [each for each in self._channels_of.values() if each.user_id in ids or each.login in logins]
        return [*super().channels(now, ids, logins), *ours]
