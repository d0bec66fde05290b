# SPDX-License-Identifier: Apache-2.0
"""What a row of Helix says: one definition of live, of a missing value and of an instant, for every room."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: The ``type`` of a live stream. "If an error occurs, this field is set to an empty string":
#: https://dev.twitch.tv/docs/api/reference/#get-streams.
LIVE = "live"

#: RFC 3339 in UTC, in centuries that have streams and are within the range of every pandas.
INSTANT_FORM = r"(?:19|20|21)\d{2}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z"
_INSTANT = re.compile(INSTANT_FORM, re.ASCII)
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def is_live(row: object) -> bool:
    """Whether a row of Get Streams is of a live stream."""
    return isinstance(row, Mapping) and row.get("type") == LIVE


def text_of(row: Mapping[str, Any], name: str) -> str:
    """Return a text of a row, without blanks at its ends; empty where it is missing.

    Twitch leaves a field out, or sends null or blank text, where it has no value.

    :param row: of Helix
    :param name: of the field
    """
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def parse_instant(text: str) -> datetime | None:
    """Parse an instant of Helix to whole seconds; None where it is something else.

    :param text: such as ``2026-11-23T16:35:00Z``, perhaps with a fraction
    :returns: aware UTC
    """
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.strptime(f"{text[:19]}Z", _FORMAT).replace(tzinfo=UTC)
    except ValueError:  # a day that the calendar lacks
        return None


def instant_text(instant: datetime) -> str:
    """Return an instant as all rooms write it: ``2026-11-23T16:35:00Z``; a fraction is cut off.

    :param instant: aware
    """
    return instant.astimezone(UTC).strftime(_FORMAT)
