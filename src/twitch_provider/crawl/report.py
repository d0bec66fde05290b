# SPDX-License-Identifier: Apache-2.0
"""What a crawl did, and how complete it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: A crawl that is estimated to have less of what was live is not called complete.
ENOUGH = 0.99
#: Fewer broadcasters than these say nothing about a list.
FEW_ROWS = 50


@dataclass
class Reconciled:
    """What became of the broadcasters of the last snapshot, and of those who are new.

    :param known_seen: were live then, and came by themselves
    :param recovered: were live then, did not come, and are live
    :param ended: were live then, and are no more
    :param unresolved: were live then, did not come, and could not be asked for
    :param new_broadcasters: came, and were not live then
    """

    known_seen: int = 0
    recovered: int = 0
    ended: int = 0
    unresolved: int = 0
    new_broadcasters: int = 0

    @property
    def one_pass(self) -> float | None:
        """Which part of the streams the walks alone found; None where nothing tells."""
        live = self.known_seen + self.recovered
        return self.known_seen / live if live else None

    @property
    def completeness(self) -> float | None:
        """Estimate which part of the streams was found in all; None where nothing tells.

        Of the broadcasters who are new, as many were missed as of those who are not; of those who could not
        be asked for, as many are live as of those who could, and a little more: few may tell nothing.
        """
        if not (one_pass := self.one_pass):
            # That many do not end at once: the lists were empty, or nobody could be asked for.
            return 0.0 if one_pass == 0 or self.unresolved or self.ended > FEW_ROWS else None
        asked = self.recovered + self.ended
        missed = self.new_broadcasters * (1 - one_pass) / one_pass
        missed += self.unresolved * (self.recovered + 1) / (asked + 1)
        found = self.known_seen + self.recovered + self.new_broadcasters
        return found / (found + missed)


@dataclass(frozen=True)
class CrawlReport:
    """What a crawl did.

    :param strategy: ``languages`` or ``remembered cursors``
    :param requests: to Helix, retries included
    :param pages: that were read
    :param seconds: that it took
    :param points_left: of the rate limit, by our mirror, when it was over
    :param rate_limited: answers with status 429
    :param retries: by kind
    :param rows: that came, the same stream more than once where it did
    :param broadcasters: distinct ones
    :param languages: how many of them each language has, most first
    :param new_languages: those that neither the last snapshot nor Twitch's list had
    :param reconciled: what became of the last snapshot's broadcasters
    :param cut: why walks were cut short, by label
    :param language_walks: label, pages, rows and how it ended, of each
    :param checkpoints: cursors of long languages, for the next crawl to begin at
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
    reconciled: Reconciled
    cut: Mapping[str, str]
    language_walks: Sequence[tuple[str, int, int, str]]
    checkpoints: Mapping[str, Sequence[str]]

    @property
    def duplicates(self) -> int:
        """Rows of broadcasters that had come before."""
        return self.rows - self.broadcasters

    @property
    def complete(self) -> bool:
        """Whether streams came, no walk was cut short, and nothing tells that much is missing."""
        estimate = self.reconciled.completeness
        return bool(self.broadcasters) and not self.cut and (estimate is None or estimate >= ENOUGH)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a manifest: numbers, texts, lists and objects."""
        fields = asdict(self)
        reconciled = fields.pop("reconciled")
        return {
            "complete": self.complete,
            "completeness": _rounded(self.reconciled.completeness),
            "completeness_one_pass": _rounded(self.reconciled.one_pass),
            **fields,
            "duplicates": self.duplicates,
            "recovered": reconciled["recovered"],
            "ended": reconciled["ended"],
            "unresolved": reconciled["unresolved"],
            "new_broadcasters": reconciled["new_broadcasters"],
            "language_walks": {
                label: {"pages": pages, "rows": rows, "ended": ended}
                for label, pages, rows, ended in self.language_walks
            },
        }

    def sentence(self) -> str:
        """Say the gist of it in a line."""
        estimate = self.reconciled.completeness
        share = "completeness unknown" if estimate is None else f"an estimated {estimate:.2%} of all"
        return (
            f"{self.broadcasters:,} streams ({share}) in {self.seconds:.1f} s: {self.requests:,} requests, "
            f"{self.rate_limited} of them answered with 429, {self.reconciled.recovered:,} reconciled, "
            f"{self.reconciled.ended:,} ended, {len(self.cut)} of {len(self.language_walks)} walks cut short"
        )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)
