# SPDX-License-Identifier: Apache-2.0
"""Arguments for the readers, by the names of their parameters: valid ones, invalid ones, and rubbish."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

_ID = st.text("abcXYZ0189_-", min_size=1, max_size=6) | st.sampled_from(
    ["33214", "AwkwardHelplessSalamander", "Ünï"]
)
_SOME = st.lists(_ID, min_size=1, max_size=4)
#: More than one request takes, and more than two take.
_MANY = st.sampled_from([100, 101, 201]).map(lambda count: [str(n) for n in range(count)])
_TEXT = st.text(max_size=8) | st.sampled_from(
    ["angel of death", "#archery", "a&b=c", "Tom, Dick & Harry", "\ud800"]
)
_OFFSETS = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
_INSTANT = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(timezones=_OFFSETS),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.datetimes(),
    st.from_regex(r"\A\d{4}-[01]\d-[0-3]\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z"),
    st.sampled_from(["2026-11-23T16:35:00Z", "2026-11-23T16:35:00.5+01:00", "2026-11-23", "yesterday", ""]),
)
_RUBBISH = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=3),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.text(max_size=3),
)


def _mostly(*likely: Strategy) -> Strategy:
    """One of these nine times out of ten."""
    return st.integers(0, 9).flatmap(lambda dice: st.one_of(*likely) if dice else _RUBBISH)


_ONE = _mostly(_ID)
_LISTED = _mostly(_ID, _SOME, _SOME.map(tuple), _MANY)
_LANGUAGES = _mostly(
    st.sampled_from(["en", "DE", "other", "zh-hk", "asl", "english", "en,de"]),
    st.lists(st.sampled_from(["en", "de", "fr"]), min_size=1),
)
_FLAG = _mostly(st.booleans())
_BOUND = _mostly(st.none(), st.integers(1, 250))
_TYPES = _mostly(st.sampled_from(["all", "live", "archive", "highlight", "upload", "rerun", "ALL"]))
_PERIOD = _mostly(st.sampled_from(["all", "day", "week", "month", "year"]))
_SORT = _mostly(st.sampled_from(["time", "trending", "views", "name"]))

#: By Helix's names, where ``id`` may be one or a list: both are tried everywhere.
OF_HELIX: dict[str, Strategy] = {
    "after": _mostly(_TEXT),
    "before": _mostly(_TEXT),
    "broadcaster_id": _LISTED,
    "ended_at": _mostly(_INSTANT),
    "first": _mostly(st.integers(-1, 102)),
    "game_id": _LISTED,
    "id": _LISTED,
    "igdb_id": _LISTED,
    "is_featured": _FLAG,
    "language": _LANGUAGES,
    "live_only": _FLAG,
    "login": _LISTED,
    "name": _mostly(_TEXT, st.lists(_TEXT, min_size=1, max_size=3), _MANY),
    "period": _PERIOD,
    "query": _mostly(_TEXT),
    "sort": _SORT,
    "started_at": _mostly(_INSTANT),
    "type": _TYPES,
    "user_id": _LISTED,
    "user_login": _LISTED,
}

#: By the names of the readers' parameters, where they differ from Helix's.
OF_READERS: dict[str, Strategy] = OF_HELIX | {
    "broadcaster_id": _ONE,
    "broadcaster_ids": _LISTED,
    "game_id": _ONE,
    "game_ids": _LISTED,
    "ids": _LISTED,
    "igdb_ids": _LISTED,
    "languages": _LANGUAGES,
    "logins": _LISTED,
    "max_items": _BOUND,
    "names": OF_HELIX["name"],
    "stream_type": _TYPES,
    "user_id": _ONE,
    "user_ids": _LISTED,
    "user_logins": _LISTED,
    "video_type": _TYPES,
}
BOUND = _BOUND
