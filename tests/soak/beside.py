# SPDX-License-Identifier: Apache-2.0
"""What must be so beside the lake: tokens, the rate limit, memory, secrets, alerts.

As in :mod:`.checks`, each function returns a sentence for each thing that is not so.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.leaks.search import Mark, findings

#: The most tokens of a day with two expiries: one of each time, and one to spare.
MOST_TOKENS = 4
#: The share of requests that the rate limit may refuse, as in the benchmarks, and the most in one minute.
MOST_REFUSED, MOST_IN_A_MINUTE = 0.005, 5
#: By how much the memory may have grown from the second quarter of a day to its last.
MOST_GROWTH = 0.10


def check_tokens(minted: int, forced: int, most: int = MOST_TOKENS) -> list[str]:
    """No more tokens were fetched than expiries and false answers of Twitch made necessary.

    :param minted: by Twitch
    :param forced: whose predecessor Twitch refused though it was valid, or whose answer did not arrive
    :param most: beside these
    """
    if minted - forced <= most:
        return []
    return [f"{minted} tokens were fetched, {forced} of them since an answer was false or lost"]


def check_rate_limit(requests: int, refused: Mapping[int, int]) -> list[str]:
    """The rate limit refused hardly any request, and never many at once.

    :param requests: all
    :param refused: by the rate limit itself, by minute
    """
    wrong = [
        f"{count} requests of minute {minute} were answered with 429"
        for minute, count in refused.items()
        if count > MOST_IN_A_MINUTE
    ]
    if (total := sum(refused.values())) > MOST_REFUSED * requests:
        wrong.append(f"{total} of {requests} requests were answered with 429")
    return wrong


def check_memory(resident: Sequence[int]) -> list[str]:
    """The memory of the process does not grow: the last quarter of the hours against the second.

    :param resident: bytes, hour by hour; nothing can be said of less than eight
    """
    quarter = len(resident) // 4
    if quarter < 2:
        return []
    before, after = statistics.median(resident[quarter : 2 * quarter]), statistics.median(resident[-quarter:])
    if after <= before * (1 + MOST_GROWTH):
        return []
    return [f"the memory grew from {before / 1e6:.0f} to {after / 1e6:.0f} MB"]


def check_secrets(texts: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> list[str]:
    """Nothing that is secret lies in what was written or logged, however it is encoded.

    :param texts: names and bytes
    :param secrets: by what to call them
    """
    return [str(each) for each in findings(texts, [Mark(name, value) for name, value in secrets.items()])]


def check_alerts(told: Iterable[Mapping[str, Any]], expected: Iterable[str] = ()) -> list[str]:
    """Each alert is told once, and its all-clear once.

    :param told: what events carried, in order
    :param expected: datasets whose snapshots stopped for long enough
    """
    open_alerts, wrong, datasets = set[str](), list[str](), set[str]()
    for event in told:
        for kind, message in itertools.chain(
            (("alert", each) for each in event["alerts"]),
            (("all-clear", each) for each in event["all_clears"]),
        ):
            name = json.dumps([message.get(part) for part in ("kind", "scope", "series", "name")])
            datasets.add(message["dataset"])
            if (kind == "alert") is (name in open_alerts):
                wrong.append(f"the {kind} {message['text']!r} was told out of turn")
            (open_alerts.add if kind == "alert" else open_alerts.discard)(name)
    return wrong + [f"nobody was told that {name} had stopped" for name in set(expected) - datasets]
