# SPDX-License-Identifier: Apache-2.0
"""What a crawl did, and how complete it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from twitch_provider.crawl.reconciliation import Reconciliation

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
    cut: Mapping[str, str]
    language_walks: Mapping[str, WalkSummary]
    checkpoints: Mapping[str, Sequence[str]]

    @property
    def duplicates(self) -> int:
        """Rows of broadcasters that an earlier row had."""
        return self.rows - self.broadcasters

    @property
    def complete(self) -> bool:
        """Whether streams were found, no walk was cut short, and the estimate is high enough or unknown."""
        estimate = self.reconciliation.completeness
        return bool(self.broadcasters) and not self.cut and (estimate is None or estimate >= ENOUGH)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a manifest, as values of JSON."""
        fields = asdict(self)
        counts = fields.pop("reconciliation")
        del counts["known_seen"]
        return {
            "complete": self.complete,
            "completeness": _rounded(self.reconciliation.completeness),
            "completeness_one_pass": _rounded(self.reconciliation.one_pass),
            **fields,
            "duplicates": self.duplicates,
            **counts,
        }

    def sentence(self) -> str:
        """Return the main figures as one line."""
        estimate = self.reconciliation.completeness
        share = "completeness unknown" if estimate is None else f"an estimated {estimate:.2%} of all"
        return (
            f"{self.broadcasters:,} streams ({share}) in {self.seconds:.1f} s: {self.requests:,} requests, "
            f"{self.rate_limited} of them answered with 429; {self.reconciliation.recovered:,} streams "
            f"recovered, {self.reconciliation.ended:,} ended; {len(self.cut)} of {len(self.language_walks)} "
            f"language walks cut short"
        )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)
