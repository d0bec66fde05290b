# SPDX-License-Identifier: Apache-2.0
"""What a crawl did, and how complete it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from twitch_provider.crawl.reconciliation import Reconciliation
from twitch_provider.crawl.second_look import SecondLook

#: A crawl that is estimated to have found less of what was live does not count as complete.
ENOUGH = 0.99


@dataclass(frozen=True)
class WalkSummary:
    """What one walk did.

    :param pages: that it read
    :param rows: that these had
    :param ended: why it ended, or ``cut``
    """

    pages: int
    rows: int
    ended: str


@dataclass(frozen=True)
class CrawlReport:
    """What a crawl did.

    :param strategy: ``languages`` or ``checkpoints``
    :param requests: to Helix, retries included
    :param pages: that were read
    :param seconds: that it took
    :param points_left: of the rate limit, by our mirror, when it was over
    :param rate_limited: answers with status 429
    :param retries: by kind
    :param rows: that were read; a stream may be among them more than once
    :param broadcasters: distinct ones
    :param languages: how many of them each language has, most first
    :param new_languages: those in neither the last snapshot nor Twitch's list
    :param reconciliation: what became of the last snapshot's broadcasters
    :param second_look: what was read twice to estimate the completeness; None where the last snapshot tells
    :param cut: why walks were cut short, by label
    :param language_walks: what each walk did, by label
    :param checkpoints: cursors of long lists, for the next crawl to begin at
    """

    strategy: str
    requests: int
    pages: int
    seconds: float
    points_left: int
    rate_limited: int
    retries: Mapping[str, int]
    rows: int
    broadcasters: int
    languages: Mapping[str, int]
    new_languages: Sequence[str]
    reconciliation: Reconciliation
    second_look: SecondLook | None
    cut: Mapping[str, str]
    language_walks: Mapping[str, WalkSummary]
    checkpoints: Mapping[str, Sequence[str]]

    @property
    def duplicates(self) -> int:
        """Rows of broadcasters that an earlier row had."""
        return self.rows - self.broadcasters

    @property
    def one_pass(self) -> float | None:
        """The part of the streams that the walks alone found; None if unknown."""
        return self.second_look.one_pass if self.second_look else self.reconciliation.one_pass

    @property
    def completeness(self) -> float | None:
        """Estimate which part of the streams was found in all; None if unknown."""
        return (self.second_look or self.reconciliation).completeness

    @property
    def why_incomplete(self) -> str | None:
        """Why the crawl does not count as complete; None where it does.

        It does if streams were found, no walk was cut short, and the estimate is high enough.
        """
        if not self.broadcasters:
            return "not one live stream arrived"
        if self.cut:
            label, why = next(iter(self.cut.items()))
            more = f" (and {len(self.cut) - 1} more)" if len(self.cut) > 1 else ""
            return f"language walk {label}: {why}{more}"
        if self.completeness is None:
            return self.second_look.problem if self.second_look else "its completeness is unknown"
        if self.completeness < ENOUGH:
            return f"an estimated {self.completeness:.2%} of all streams arrived"
        return None

    @property
    def complete(self) -> bool:
        """Whether the crawl counts as complete."""
        return self.why_incomplete is None

    def as_dict(self) -> dict[str, Any]:
        """Return it for a manifest, as values of JSON."""
        fields = asdict(replace(self, second_look=None))
        counts = fields.pop("reconciliation")
        del counts["known_seen"]
        return {
            "complete": self.complete,
            "why_incomplete": self.why_incomplete,
            "completeness": _rounded(self.completeness),
            "completeness_one_pass": _rounded(self.one_pass),
            **fields,
            "second_look": self.second_look.as_dict() if self.second_look else None,
            "duplicates": self.duplicates,
            **counts,
        }

    def sentence(self) -> str:
        """Return the main figures as one line."""
        estimate = self.completeness
        share = "completeness unknown" if estimate is None else f"an estimated {estimate:.2%} of all"
        return (
            f"{self.broadcasters:,} streams ({share}) in {self.seconds:.1f} s: {self.requests:,} requests, "
            f"{self.rate_limited} of them answered with 429; {self.reconciliation.recovered:,} streams "
            f"recovered, {self.reconciliation.ended:,} ended; {len(self.cut)} of {len(self.language_walks)} "
            f"language walks cut short"
        )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)
