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

#: The part of a list that may come only when its broadcasters are asked for; a chain misses far less.
MISSED = 0.1
#: Twitch's lists end among streams with hardly a viewer. One that stops at a full page with so many is looked
#: at.
MANY_VIEWERS = 10
#: Lists of one Twitch end at about the same viewers; so many times as many are another place.
TIMES_AS_MANY = 5
#: Of a list of so many rows more is certain: it has streams without viewers, as all of its size have.
LONG_LIST, TIMES_FOR_LONG = 500, 2


def early_ends(
    chains: Sequence[LanguageWalk],
    *,
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Find the chains that ended early, and what tells.

    :param chains: of a crawl that is over
    :param languages: how many streams came in each language, in all
    :param recovered: how many of those came only when their broadcasters were asked for
    :param shown: how many the first page of the list without a filter has of each
    :returns: why, by chain
    """
    whole = [chain for chain in chains if not chain.cut]
    return _stopped(whole) | _missed(whole, languages, recovered, shown)


def _missed(
    chains: Sequence[LanguageWalk],
    languages: Mapping[str, int],
    recovered: Mapping[str, int],
    shown: Mapping[str, int],
) -> dict[LanguageWalk, str]:
    """Lists of which others know more."""
    found: dict[LanguageWalk, str] = {}
    rows: Counter[str] = Counter()
    for chain in chains:
        rows[chain.language] += chain.rows
    for chain in (chain for chain in chains if not chain.place):
        missed, whole = recovered.get(chain.language, 0), languages.get(chain.language, 0)
        on_top, came = shown.get(chain.language, 0), rows[chain.language]
        if missed > max(FEW_ROWS, MISSED * whole):
            found[chain] = f"{missed} of {whole} streams came only when asked for"
        elif came < on_top // 2:
            found[chain] = f"{came} streams, and the list of all begins with {on_top}"
    return found


def _stopped(chains: Sequence[LanguageWalk]) -> dict[LanguageWalk, str]:
    """Lists that stop at a full page, high above where the others end."""
    found: dict[LanguageWalk, str] = {}
    for chain in chains:
        if chain.ended == "end" and (top := chain.top_below) is not None and (chain.bottom or 0) > top:
            found[chain] = f"at {chain.bottom} viewers, and the chain below began at {top}"
    full = [chain for chain in chains if chain.ended == "end" and chain.last_count >= SHORT_PAGE]
    high = [chain for chain in full if (chain.bottom or 0) >= MANY_VIEWERS]
    lowest = min((chain.bottom for chain in chains if chain.bottom is not None), default=0)
    # One list in ten happens to end with a full page.
    all_of_them = len(high) > max(3, sum(chain.rows >= SHORT_PAGE for chain in chains) // 2)
    for chain in full:
        times = (chain.bottom or 0) / max(lowest, 1)
        long_and_high = chain.rows >= LONG_LIST and times > TIMES_FOR_LONG
        if long_and_high or (chain in high and (all_of_them or times > TIMES_AS_MANY)):
            found[chain] = f"at {chain.bottom} viewers, with a full page"
    return found
