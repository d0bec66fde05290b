# SPDX-License-Identifier: Apache-2.0
"""Early-end detection: did the lists end where they seem to?

A list may end long before its last row, with every sign of an end: a page without a cursor.
https://github.com/twitchdev/issues/issues/543
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from twitch_provider.crawl.language_walk import SHORT_PAGE, LanguageWalk
from twitch_provider.crawl.reconciliation import FEW_ROWS

#: The part of a list that may be found only by looking its broadcasters up; a walk misses far less.
MISSED = 0.1
#: Twitch's lists end among streams with hardly a viewer. One that stops at a full page with this many viewers
#: is suspect.
MANY_VIEWERS = 10
#: Lists end at about the same number of viewers; this many times as many are another place in the list.
TIMES_AS_MANY = 5
#: A list of this many rows has streams without viewers, as all of its size do: there, less is suspect.
LONG_LIST, TIMES_FOR_LONG = 500, 2


def early_ends(
    walks: Sequence[LanguageWalk],
    *,
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Find the walks whose lists ended early.

    :param walks: of a crawl that is over; those that were cut short anyway are left out
    :param languages: how many streams were found in each language, in all
    :param recovered: how many of those were found only by looking their broadcasters up
    :param shown: how many the first page of the list without a filter has of each
    :returns: the evidence, by walk
    """
    ended = [walk for walk in walks if not walk.cut]
    return _stopped(ended) | _missed(ended, languages, recovered, shown)


def _stopped(walks: Sequence[LanguageWalk]) -> dict[LanguageWalk, str]:
    """Lists that stop at a full page, with far more viewers than the others end with."""
    full = [walk for walk in walks if walk.ended_with_full_page]
    high = [walk for walk in full if (walk.bottom or 0) >= MANY_VIEWERS]
    lowest = min((walk.bottom for walk in walks if walk.bottom is not None), default=0)
    # One list in ten happens to end with a full page.
    all_of_them = len(high) > max(3, sum(walk.rows >= SHORT_PAGE for walk in walks) // 2)
    found: dict[LanguageWalk, str] = {}
    for walk in full:
        times = (walk.bottom or 0) / max(lowest, 1)
        long_and_high = walk.rows >= LONG_LIST and times > TIMES_FOR_LONG
        if long_and_high or (walk in high and (all_of_them or times > TIMES_AS_MANY)):
            found[walk] = f"at {walk.bottom} viewers, with a full page"
    return found


def _missed(
    walks: Sequence[LanguageWalk],
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Lists that lack many of the streams which are known from elsewhere."""
    rows: Counter[str] = Counter()
    for walk in walks:
        rows[walk.language] += walk.rows
    found: dict[LanguageWalk, str] = {}
    for language, walk in {walk.language: walk for walk in walks}.items():
        missed, total = recovered.get(language, 0), languages.get(language, 0)
        on_first_page, read = shown.get(language, 0), rows[language]
        if missed > max(FEW_ROWS, MISSED * total):
            found[walk] = f"{missed} of {total} streams were found only by looking their broadcasters up"
        elif read < on_first_page // 2:
            found[walk] = f"{read} streams, and the first page of all streams has {on_first_page}"
    return found
