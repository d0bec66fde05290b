# SPDX-License-Identifier: Apache-2.0
"""Triggers for Twitch: one that a sensor defers to, and one for the watchers of assets."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Sequence
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from twitch_provider.exceptions import TwitchError, TwitchParameterError
from twitch_provider.storable import storable
from twitch_provider.triggers import polling
from twitch_provider.triggers.channels import logins_of, not_known, wait_rule
from twitch_provider.triggers.memory import Memory
from twitch_provider.triggers.polling import LivePoll, Observation
from twitch_provider.triggers.watch import OFFLINE, ONLINE, LiveWatch

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2, which has no watchers
    BaseEventTrigger = BaseTrigger  # type: ignore[misc, assignment]

log = logging.getLogger(__name__)

__all__ = ["TwitchStreamEventTrigger", "TwitchStreamLiveTrigger"]


class TwitchStreamLiveTrigger(BaseTrigger):
    """Fires once: when channels are live, or when that cannot be determined.

    The event is ``{"status": "success", "streams": [...]}`` with the rows of Get Streams, or
    ``{"status": "error", "message": ..., "fatal": ...}``; ``fatal`` means that a retry cannot fix it. One
    request covers 100 logins, and temporary faults are retried: 401, 429, 5xx, timeouts.

    :param user_logins: of the channels, in any case
    :param wait_for: ``any`` or ``all`` of them
    :param twitch_conn_id: the ``twitch`` connection
    :param poll_interval: seconds from one answer to the next request
    :param max_consecutive_failures: how many polls in a row must fail before that is the event
    """

    def __init__(
        self,
        *,
        user_logins: str | Sequence[str],
        wait_for: str = "any",
        twitch_conn_id: str = "twitch_default",
        poll_interval: float = 60.0,
        max_consecutive_failures: int = 10,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.user_logins = user_logins
        self.wait_for = wait_for
        self.twitch_conn_id = twitch_conn_id
        self.poll_interval = poll_interval
        self.max_consecutive_failures = max_consecutive_failures

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments: JSON values without secrets."""
        logins = self.user_logins if isinstance(self.user_logins, str) else list(self.user_logins)
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "user_logins": logins,
                "wait_for": self.wait_for,
                "twitch_conn_id": self.twitch_conn_id,
                "poll_interval": self.poll_interval,
                "max_consecutive_failures": self.max_consecutive_failures,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is an event, yield it, and end."""
        try:
            streams = await self._wait()
        except TwitchError as error:
            yield _event({"status": "error", "message": str(error), "fatal": error.fatal})
        else:
            yield _event({"status": "success", "streams": streams})

    async def _wait(self) -> list[dict[str, Any]]:
        logins, enough = logins_of(self.user_logins), wait_rule(self.wait_for)
        poll = LivePoll(
            twitch_conn_id=self.twitch_conn_id,
            poll_interval=self.poll_interval,
            max_consecutive_failures=self.max_consecutive_failures,
        )
        async with aclosing(poll.observations(lambda: logins)) as observations:
            async for seen in observations:
                if enough(login in seen.live for login in logins):
                    break
        return [dict(stream) for stream in seen.live.values()]


class TwitchStreamEventTrigger(BaseEventTrigger):
    """Emits events when channels go live or offline: for the ``AssetWatcher`` of an asset (Airflow 3).

    ::

        Asset(
            "twitch_live",
            watchers=[
                AssetWatcher(
                    name="twitch_live",
                    trigger=TwitchStreamEventTrigger(user_logins=["monstercat"], events=["online"]),
                )
            ],
        )

    What one poll finds is one event, and so one run of a DAG. Its payload is ``{"events": [...]}``, a list
    with at least one ``{"event": "online" or "offline", "user_login", "user_id", "stream_id", "started_at",
    "observed_at", ...}``; ``online`` adds ``user_name``, ``title``, ``game_id``, ``game_name``,
    ``viewer_count`` and ``language``, ``offline`` adds ``last_seen_at``. A channel's events alternate.

    On Airflow 3.3 and newer, all watchers of a connection with the same ``poll_interval`` and
    ``max_consecutive_failures`` share one poll for the logins of all of them, 100 per request; and the
    state of a watcher is stored with its asset and survives a restart of the triggerer. (It is stored before
    an event is emitted: no event is emitted twice, and one is lost if the triggerer dies within that second.)
    It is kept for each connection, watched events and login: editing the list of channels changes nothing for
    the others. On older versions a watcher restarts without previous state.

    :param user_logins: of the channels, in any case; one that Twitch does not know is logged once as a
        warning, and the others are watched
    :param events: emit only these: ``online``, ``offline``
    :param offline_tolerance: seconds; a channel that is offline for less than this counts as still live,
        whether it returns with the same stream id or a new one. An ``offline`` event is delayed by this time
    :param emit_current: emit ``online`` for channels without previous state that are already live; otherwise
        they are only recorded
    :param twitch_conn_id: the ``twitch`` connection
    :param poll_interval: seconds from one answer to the next request
    :param max_consecutive_failures: how many polls in a row must fail before the watcher fails, which Airflow
        then restarts. A failed poll never looks like channels that went offline
    :raises TwitchParameterError: an argument is invalid
    """

    def __init__(
        self,
        *,
        user_logins: str | Sequence[str],
        events: str | Sequence[str] = (ONLINE, OFFLINE),
        offline_tolerance: float = 300.0,
        emit_current: bool = False,
        twitch_conn_id: str = "twitch_default",
        poll_interval: float = 60.0,
        max_consecutive_failures: int = 10,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.user_logins = logins_of(user_logins)
        self.events = [events] if isinstance(events, str) else list(events)
        if not self.events or not {ONLINE, OFFLINE}.issuperset(self.events):
            raise TwitchParameterError(
                f"events must be {ONLINE}, {OFFLINE} or both, not {events!r:.60}",
                parameter="events",
            )
        if not offline_tolerance >= 0:
            raise TwitchParameterError(
                f"offline_tolerance must be 0 seconds or more, not {offline_tolerance!r:.60}",
                parameter="offline_tolerance",
            )
        self.offline_tolerance = offline_tolerance
        self.emit_current = emit_current
        self._poll = LivePoll(
            twitch_conn_id=twitch_conn_id,
            poll_interval=poll_interval,
            max_consecutive_failures=max_consecutive_failures,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments: JSON values without secrets."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "user_logins": self.user_logins,
                "events": self.events,
                "offline_tolerance": self.offline_tolerance,
                "emit_current": self.emit_current,
                "twitch_conn_id": self._poll.twitch_conn_id,
                "poll_interval": self._poll.poll_interval,
                "max_consecutive_failures": self._poll.max_consecutive_failures,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll for this watcher alone, endlessly: before Airflow 3.3.

        :raises TwitchError: a retry cannot fix it, or too many polls failed in a row
        """
        observations = self._poll.observations(lambda: self.user_logins, persistent=True)
        async with aclosing(observations), aclosing(self._watch(observations)) as events:
            async for event in events:
                yield event

    def shared_stream_key(self) -> Hashable | None:
        """Identify the shared poll: by its connection and interval, not by its logins."""
        poll = self._poll
        return ("twitch_live", poll.twitch_conn_id, poll.poll_interval, poll.max_consecutive_failures)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Observation]:
        """Poll endlessly for all watchers of the group that listen at the time of a poll.

        :param kwargs: of any watcher of the group; the logins of each come from :func:`.polling.join`
        :raises TwitchError: a retry cannot fix it, or too many polls failed in a row
        """
        trigger = cls(**kwargs)
        key = trigger.shared_stream_key()
        async with aclosing(
            trigger._poll.observations(lambda: polling.watched(key), persistent=True)
        ) as observations:
            async for observation in observations:
                yield observation

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Derive this watcher's events from the observations of the group.

        :param shared_stream: of :meth:`open_shared_stream`
        :raises TwitchError: the shared poll failed
        """
        # Before anything is awaited: the poll that this watcher may have started has not sent a request yet.
        polling.join(self.shared_stream_key(), id(self), self.user_logins)
        try:
            async with aclosing(self._watch(shared_stream)) as events:
                async for event in events:
                    yield event
        finally:
            await self.cleanup()

    async def cleanup(self) -> None:
        """Remove this watcher's logins from the shared poll."""
        polling.leave(self.shared_stream_key(), id(self))

    async def _watch(self, observations: AsyncIterator[Observation]) -> AsyncGenerator[TriggerEvent, None]:
        store = getattr(self, "asset_state_store", None)
        memory = Memory(store, self._poll.twitch_conn_id, self.events)
        first = LiveWatch(self.user_logins, self.offline_tolerance, self.emit_current)
        watch: LiveWatch | None = None
        warned: set[str] | None = None
        async for seen in observations:
            if not seen.asked.issuperset(self.user_logins):
                continue  # that poll was sent before this watcher joined
            watch = watch or await memory.recall(first)
            if watch is None:
                continue
            changes, watch = watch.observe(seen.at, seen.live)
            await memory.keep(watch)
            if events := [change for change in changes if change["event"] in self.events]:
                yield _event({"events": events})
            unknown = seen.unknown.intersection(self.user_logins)
            if warned is None:
                warned = set()
                unknown |= set(await self._poll.unknown(set(self.user_logins) - seen.live.keys() - unknown))
            if unknown - warned:
                log.warning("%s", not_known(sorted(unknown - warned)))
                warned |= unknown


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(storable(payload))  # type: ignore[no-untyped-call]
