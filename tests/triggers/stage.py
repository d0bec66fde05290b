# SPDX-License-Identifier: Apache-2.0
"""A Twitch whose channels a test starts and stops, and a poll during whose waits the test acts."""

from __future__ import annotations

import asyncio
import json
import pkgutil
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from inspect import isawaitable
from typing import Any

from twitch_provider.testing import Simulator
from twitch_provider.testing.answers import RefusedError, helix_error
from twitch_provider.testing.world import Channel, Filters, Keys, Row, Snapshot, rfc3339


class OnAir:
    """A stream, at its place in the list."""

    def __init__(self, place: int, channel: Channel, stream_id: str, started_at: datetime) -> None:
        self.score = 1000.0 - place
        self.keys = Keys(channel.user_id, channel.login, "33214", "en", "live")
        self.row: Row = {
            "id": stream_id,
            "user_id": channel.user_id,
            "user_login": channel.login,
            "user_name": channel.name,
            "game_id": "33214",
            "game_name": "Fortnite",
            "type": "live",
            "title": f"{channel.name} plays",
            "viewer_count": 7,
            "started_at": rfc3339(started_at),
            "language": "en",
        }


class Refusing(Snapshot):
    """Answers 400 to a list of channels one of which nobody has, as Get Streams may."""

    known: frozenset[str]

    def select(self, filters: Filters) -> Sequence[Any]:
        """The streams behind these filters."""
        if not filters.user_logins <= self.known:
            raise RefusedError(helix_error(400, "Malformed query params."))
        return super().select(filters)


class Stage:
    """A world of some channels; the test sends them on air.

    :param logins: of the channels
    """

    about = "a stage"
    starts_at = None

    def __init__(self, *logins: str) -> None:
        self.known = {
            login: Channel(str(number), login, login.title(), "en")
            for number, login in enumerate(logins, start=1)
        }
        self.on_air: dict[str, OnAir] = {}
        self.refuses_unknown_logins = False
        self.simulator = Simulator(self)

    def start(self, *logins: str, stream_id: str = "") -> None:
        """Begin streams, now."""
        for login in logins:
            channel = self.known[login]
            name = stream_id or f"stream-{login}"
            self.on_air[login] = OnAir(len(self.on_air), channel, name, self.simulator.now)

    def stop(self, *logins: str) -> None:
        """End them."""
        for login in logins:
            del self.on_air[login]

    def blank(self, *logins: str) -> None:
        """Leave the login of streams blank, as Twitch does now and then."""
        for login in logins:
            stream = self.on_air[login]
            stream.row = {**stream.row, "user_login": "", "user_name": ""}

    def spoil(self, *logins: str) -> None:
        """Leave the type of streams empty, which is what Twitch does in case of an error."""
        for login in logins:
            self.on_air[login].row = {**self.on_air[login].row, "type": ""}

    def at(self, now: datetime) -> Snapshot:
        """Everything that is on air."""
        if not self.refuses_unknown_logins:
            return Snapshot([], list(self.on_air.values()))
        snapshot = Refusing([], list(self.on_air.values()))
        snapshot.known = frozenset(self.known)
        return snapshot

    def channels(self, now: datetime, ids: Collection[str], logins: Collection[str]) -> Sequence[Channel]:
        """The channels of these names."""
        return [each for each in self.known.values() if each.login in logins or each.user_id in ids]


class CurtainError(Exception):
    """The script is at its end."""


Act = Callable[[], Any]


class Script:
    """What happens while a poll waits: one act for each wait; after the last one, the play is over."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.acts: list[Act] = []
        self.naps: list[float] = []

    def will(self, *acts: Act | None) -> None:
        """Play these acts; None is one in which nothing happens."""
        self.acts += [act or (lambda: None) for act in acts]

    async def sleep(self, seconds: float) -> None:
        """Stand for ``LivePoll._sleep``."""
        self.naps.append(seconds)
        if not self.acts:
            raise CurtainError
        self.stage.simulator.advance(seconds)
        act = self.acts.pop(0)()
        await (act if isawaitable(act) else asyncio.sleep(0))

    def clock(self) -> float:
        """Stand for ``LivePoll._clock``."""
        return self.stage.simulator.now.timestamp()


async def played(events: AsyncIterator[Any]) -> list[Any]:
    """The payloads of all events until the script is at its end."""
    payloads = []
    with suppress(CurtainError):
        async for event in events:
            payloads.append(event.payload)  # noqa: PERF401 - those before the curtain count
    return payloads


def events_of(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a watcher told of, in all its events."""
    assert all(payload["events"] for payload in payloads)
    return [event for payload in payloads for event in payload["events"]]


def changes(payloads: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened to which channel, in all events of a watcher."""
    return [(event["event"], event["user_login"]) for event in events_of(payloads)]


def again(trigger: Any) -> Any:
    """The trigger as the triggerer makes it, of what the database keeps."""
    path, kwargs = trigger.serialize()
    return pkgutil.resolve_name(path)(**json.loads(json.dumps(kwargs)))


async def until(happened: Callable[[], bool]) -> None:
    """Let others run until something in another thread has happened."""
    while not happened():  # noqa: ASYNC110 - that thread has no asyncio.Event
        await asyncio.sleep(0)
