# SPDX-License-Identifier: Apache-2.0
"""Instants as the lake writes them: ISO 8601 in UTC, whole seconds, ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.rows import instant_text

#: Far enough from both ends of the calendar to be moved to another time zone, and to be added to.
_YEARS = range(1970, 9999)


def is_usable(instant: datetime) -> bool:
    """Whether an instant that was read back has a time zone, and can be computed with.

    :param instant: of a document that may be damaged
    """
    return instant.utcoffset() is not None and instant.year in _YEARS


def in_utc(instant: datetime, name: str) -> datetime:
    """Return the instant in UTC.

    :param instant: aware
    :param name: of the instant, for the error message
    :raises TwitchParameterError: it has no time zone: a guess could move rows to another hour
    """
    if instant.utcoffset() is None:
        raise TwitchParameterError(
            f"{name} must have a time zone, not {instant.isoformat()}.", parameter=name
        )
    return instant.astimezone(UTC)


def utc_text(instant: datetime, name: str) -> str:
    """Return the instant as ``2026-11-23T16:35:00Z``; fractions of a second are dropped.

    :param instant: aware
    :param name: of the instant, for the error message
    """
    return instant_text(in_utc(instant, name))
