# SPDX-License-Identifier: Apache-2.0
"""Which alerts and all-clears a run tells: each once, however often a run or a try of it is repeated.

What is open lies in the lake, and is replaced on condition that it is what was read. A run that has something
to tell writes that too, before it emits its event: a try after one that died in between, or a run that is
cleared, finds what it told and tells the same.

An alert stays open until its all-clear. What cannot be decided, since snapshots are missing, changes nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypedDict

from twitch_provider.exceptions import TwitchStoreError
from twitch_provider.lake.instants import utc_text
from twitch_provider.lake.shapes import require_plain, require_shape
from twitch_provider.lake.store import Store

#: What an alert or all-clear says, as values of JSON.
Message = dict[str, Any]

#: An alert whose series or scope is not heard of for this long is closed without an all-clear.
FORGOTTEN = timedelta(days=30)
#: Runs that told something are remembered for this long, and no more of them than this.
REMEMBERED, MOST_REMEMBERED = timedelta(days=8), 200

_FORM = 1
_ROUNDS = 5

log = logging.getLogger(__name__)


class Situation(Protocol):
    """What a run has found."""

    @property
    def active(self) -> Mapping[str, Message]:
        """What has to be told unless it is open, by a name that stays the same until it is over."""
        ...

    def is_known(self, name: str, alert: Message) -> bool:
        """Whether an open alert can still be decided; else it is closed without an all-clear."""
        ...

    def all_clear(self, name: str, alert: Message) -> Message | None:
        """Return what to say of an open alert that is over for certain; None if it is not."""
        ...


@dataclass(frozen=True)
class Told:
    """What a run tells.

    :param alerts: new ones
    :param all_clears: of alerts that an earlier run told
    """

    alerts: tuple[Message, ...] = ()
    all_clears: tuple[Message, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.alerts or self.all_clears)


class _Told(TypedDict):
    text: str


class _Alert(_Told):
    at: str


class _Run(TypedDict):
    run_after: str
    alerts: list[_Told]
    all_clears: list[_Told]


class _Kept(TypedDict):
    form: int
    open: dict[str, _Alert]
    runs: dict[str, _Run]


@dataclass(frozen=True)
class State:
    """What is open, and what runs have told.

    :param open: alerts by their names
    :param runs: what was told, by run: ``run_after``, ``alerts`` and ``all_clears``
    """

    open: Mapping[str, Message] = field(default_factory=dict)
    runs: Mapping[str, Message] = field(default_factory=dict)

    def told_by(self, run: str) -> Told | None:
        """Return what a run has told; None if it has told nothing.

        :param run: its name
        """
        told = self.runs.get(run)
        return None if told is None else Told(tuple(told["alerts"]), tuple(told["all_clears"]))

    def to_json(self) -> bytes:
        """Return it for people and programs."""
        text = json.dumps({"form": _FORM, "open": self.open, "runs": self.runs}, indent=1, ensure_ascii=False)
        return text.encode(errors="backslashreplace")

    @classmethod
    def from_json(cls, body: bytes) -> State | None:
        """Read a state; None if it cannot be read or has another form.

        :param body: of the object
        """
        try:
            values = json.loads(body)
            require_shape(values, _Kept)
            if values["form"] != _FORM:
                return None
            state = cls(values["open"], values["runs"])
            told = [each for run in state.runs.values() for each in (*run["alerts"], *run["all_clears"])]
            instants = [each["at"] for each in state.open.values()]
            instants += [each["run_after"] for each in state.runs.values()]
            require_shape([datetime.fromisoformat(each) for each in instants], list[datetime])
            require_plain(*(each["text"] for each in (*state.open.values(), *told)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return state


def step(state: State, situation: Situation, run: str, run_after: datetime) -> tuple[State, Told]:
    """Decide what a run tells, and what is open then.

    :param state: before it
    :param situation: that it has found
    :param run: its name
    :param run_after: its tick, aware UTC
    """
    new = {name: each for name, each in situation.active.items() if name not in state.open}
    still, all_clears = dict[str, Message](), list[Message]()
    for name, alert in sorted(state.open.items()):
        if not situation.is_known(name, alert):
            continue
        if name in situation.active:
            still[name] = alert
        elif all_clear := situation.all_clear(name, alert):
            all_clears.append(all_clear)
        elif run_after - datetime.fromisoformat(alert["at"]) < FORGOTTEN:
            still[name] = alert
    told = Told(tuple(new[name] for name in sorted(new)), tuple(all_clears))
    runs = dict(state.runs)
    if told:
        tick = utc_text(run_after, "run_after")
        runs[run] = {"run_after": tick, "alerts": list(told.alerts), "all_clears": list(told.all_clears)}
        recent = sorted(runs.items(), key=lambda each: str(each[1]["run_after"]))[-MOST_REMEMBERED:]
        runs = {
            name: each
            for name, each in recent
            if run_after - datetime.fromisoformat(each["run_after"]) < REMEMBERED
        }
    return State(still | new, runs), told


def tell(store: Store, key: str, look: Callable[[], Situation], run: str, run_after: datetime) -> Told:
    """Return what a run tells, after the state says that it did.

    :param store: of the lake
    :param key: of the state
    :param look: finds the situation
    :param run: its name, equal in each of its tries
    :param run_after: its tick, aware UTC
    :raises TwitchStoreError: the store failed, or other runs are faster all the time
    """
    situation: Situation | None = None
    for _ in range(_ROUNDS):
        there = store.read(key)
        known = State() if there is None else State.from_json(there.body)
        if known is not None and (told := known.told_by(run)) is not None:
            return told
        situation = situation or look()
        if known is None:
            log.warning(
                "%s cannot be read, or is of another version: beginning anew, without telling what is open.",
                store.uri(key),
            )
            state, told = State(dict(situation.active)), Told()
        else:
            state, told = step(known, situation, run, run_after)
        body = state.to_json()
        if there is not None and body == there.body:
            return told
        if there is None and state == State():
            return told
        etag = there and there.etag
        if store.replace(key, body, content_type="application/json", metadata={}, etag=etag):
            return told
    raise TwitchStoreError(f"{store.uri(key)} changes all the time: another run is at work.", key=key)
