# SPDX-License-Identifier: Apache-2.0
"""What gains or loses most against what is usual for it.

Usual is the average of the same hour of the week over the weeks there are, else that of the same hour
yesterday, else that of the hour before; where no two hours are whole yet, the newest snapshot is compared
with the average of the time before it. Which it was is part of the result: every morning has more viewers
than the night before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

#: An hour is whole enough to be compared if this much of it is covered.
WHOLE_SECONDS = 1800
#: How many weeks to look back.
WEEKS = 4
#: How many hours to look back for one that is whole.
LOOK_BACK = 23
#: How many movers a list has.
MOST = 10

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Basis:
    """What is compared with what.

    :param hour: whose averages are compared, aware UTC; None: the newest snapshot is
    :param usual: the hours whose average is usual, aware UTC
    :param sentence: that says so
    """

    hour: datetime | None
    usual: tuple[datetime, ...]
    sentence: str


@dataclass(frozen=True)
class Mover:
    """Something that gains or loses.

    :param key: of it
    :param viewers: now, or on average of the hour
    :param usual: viewers
    """

    key: str
    viewers: float
    usual: float

    @property
    def change(self) -> float | None:
        """Viewers by what is usual, less 1; None where nothing is."""
        return self.viewers / self.usual - 1 if self.usual else None


def compared_hour(newest: datetime, covered: Callable[[datetime], int]) -> datetime | None:
    """Return the newest hour before the newest snapshot's that is whole; None where none is.

    :param newest: the hour of the newest snapshot, aware UTC
    :param covered: seconds of an hour
    """
    back = (newest - number * _HOUR for number in range(1, LOOK_BACK + 1))
    return next((hour for hour in back if covered(hour) >= WHOLE_SECONDS), None)


def possible(hour: datetime) -> list[datetime]:
    """Return the hours that may be usual: those of weeks ago, of yesterday, and before.

    :param hour: that is compared, aware UTC
    """
    return [*(hour - 7 * number * _DAY for number in range(1, WEEKS + 1)), hour - _DAY, hour - _HOUR]


def basis_of(newest: datetime, covered: Callable[[datetime], int]) -> Basis | None:
    """Return what is usual; None where there is nothing to compare with.

    :param newest: the hour of the newest snapshot, aware UTC
    :param covered: seconds of an hour, 0 where nothing is published
    """
    hour = compared_hour(newest, covered)
    if hour is not None:
        what = f"Average viewers of the hour from {hour:%Y-%m-%d %H}:00 UTC, against"
        *weeks, yesterday, earlier = possible(hour)
        for usual, words in (
            (weeks, "the same hour of the week, the average of {} of the last 4 weeks"),
            ([yesterday], "the same hour yesterday, since that of a week ago is missing"),
            ([earlier], "the hour before, since that of yesterday is missing"),
        ):
            whole = tuple(each for each in usual if covered(each) >= WHOLE_SECONDS)
            if whole:
                return Basis(hour, whole, f"{what} {words.format(len(whole))}.")
    since = tuple(each for each in (newest - _HOUR, newest) if covered(each))
    if not since:
        return None
    return Basis(
        None,
        since,
        f"Viewers in the newest snapshot, against the average since {since[0]:%Y-%m-%d %H}:00 UTC: it takes "
        "two whole hours to compare hours.",
    )


def movers(
    viewers: Mapping[str, float], usual: Mapping[str, float], floor: float, *, absent: bool
) -> tuple[list[Mover], list[Mover]]:
    """Return what gains most and what loses most.

    In order of the difference by what is usual, or by the floor where that is more: below it, a few viewers
    would be a large change. Ties: the larger difference, then the key as bytes.

    :param viewers: by key
    :param usual: viewers by key
    :param floor: what has fewer viewers on both sides is not looked at
    :param absent: whether what is missing on one side has no viewers there; else nothing is known of it
    """
    keys = viewers.keys() | usual.keys() if absent else viewers.keys() & usual.keys()
    known = (Mover(key, viewers.get(key, 0), usual.get(key, 0)) for key in keys)
    looked = [each for each in known if max(each.viewers, each.usual) >= floor]

    def order(each: Mover) -> tuple[float, float, bytes]:
        difference = abs(each.viewers - each.usual)
        return -difference / max(each.usual, floor), -difference, each.key.encode()

    gaining = sorted((each for each in looked if each.viewers > each.usual), key=order)
    losing = sorted((each for each in looked if each.viewers < each.usual), key=order)
    return gaining[:MOST], losing[:MOST]
