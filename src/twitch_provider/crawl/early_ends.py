# SPDX-License-Identifier: Apache-2.0
"""Whether lists ended where they seem to.

A list may end long before its last row, with every sign of an end: a page without a cursor.
https://github.com/twitchdev/issues/issues/543
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from twitch_provider.crawl.language_walk import SHORT_PAGE, LanguageWalk
from twitch_provider.crawl.report import FEW_ROWS

#: The part of a list that may come only when its broadcasters are asked for; a walk misses far less.
MISSED = 0.1
#: Twitch's lists end among streams with hardly a viewer. One that stops at a full page with so many is looked
#: at.
MANY_VIEWERS = 10
#: Lists of one Twitch end at about the same viewers; so many times as many are another place.
TIMES_AS_MANY = 5
#: Of a list of so many rows more is certain: it has streams without viewers, as all of its size have.
LONG_LIST, TIMES_FOR_LONG = 500, 2


def early_ends(
    walks: Sequence[LanguageWalk],
    *,
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Find the walks that ended early, and what tells.

    :param walks: of a crawl that is over
    :param languages: how many streams came in each language, in all
    :param recovered: how many of those came only when their broadcasters were asked for
    :param shown: how many the first page of the list without a filter has of each
    :returns: why, by walk
    """
    whole = [walk for walk in walks if not walk.cut]
    return _stopped(whole) | _missed(whole, languages, recovered, shown)


def _missed(
    walks: Sequence[LanguageWalk],
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Lists of which others know more."""
    found: dict[LanguageWalk, str] = {}
    rows: Counter[str] = Counter()
    for walk in walks:
        rows[walk.language] += walk.rows
    for walk in (walk for walk in walks if not walk.place):
        missed, whole = recovered.get(walk.language, 0), languages.get(walk.language, 0)
        on_top, came = shown.get(walk.language, 0), rows[walk.language]
        if missed > max(FEW_ROWS, MISSED * whole):
            found[walk] = f"{missed} of {whole} streams came only when asked for"
        elif came < on_top // 2:
            found[walk] = f"{came} streams, and the list of all begins with {on_top}"
    return found


def _stopped(walks: Sequence[LanguageWalk]) -> dict[LanguageWalk, str]:
    """Lists that stop at a full page, high above where the others end."""
    found: dict[LanguageWalk, str] = {}
    for walk in walks:
        if walk.ended == "end" and (top := walk.top_below) is not None and (walk.bottom or 0) > top:
            found[walk] = f"at {walk.bottom} viewers, and the walk below began at {top}"
    full = [walk for walk in walks if walk.ended == "end" and walk.last_count >= SHORT_PAGE]
    high = [walk for walk in full if (walk.bottom or 0) >= MANY_VIEWERS]
    lowest = min((walk.bottom for walk in walks if walk.bottom is not None), default=0)
    # One list in ten happens to end with a full page.
    all_of_them = len(high) > max(3, sum(walk.rows >= SHORT_PAGE for walk in walks) // 2)
    for walk in full:
        times = (walk.bottom or 0) / max(lowest, 1)
        long_and_high = walk.rows >= LONG_LIST and times > TIMES_FOR_LONG
        if long_and_high or (walk in high and (all_of_them or times > TIMES_AS_MANY)):
            found[walk] = f"at {walk.bottom} viewers, with a full page"
    return found
