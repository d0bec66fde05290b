# SPDX-License-Identifier: Apache-2.0
"""A crawl that a test runs step by step, in the place of its driver."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crawl.lists import Live, keeping, page

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import Crawl
from twitch_provider.crawl.report import CrawlReport


@dataclass(frozen=True)
class Known:
    """The last snapshot."""

    users: frozenset[str] = frozenset()
    languages: Mapping[str, int] = field(default_factory=dict)
    checkpoints: Mapping[str, Sequence[str]] = field(default_factory=dict)


def known(users: Iterable[str], languages: Mapping[str, int] | None = None) -> Known:
    """A last snapshot of these broadcasters."""
    users = frozenset(users)
    return Known(users, {"en": len(users)} if languages is None else languages)


def names(rows: Iterable[Live]) -> list[str]:
    """Who streams."""
    return [user for user, _ in rows]


def record(crawl: Crawl, twitch: Any, steps: Any, replies: Sequence[Any]) -> list[LightPage]:
    """Run a generator of the crawl, and record its pages as its driver does."""
    pages: list[LightPage] = []
    try:
        twitch.play(keeping(steps, pages), replies)
    finally:
        for each in pages:
            crawl.record(each)
    return pages


def opened(
    twitch: Any, *, shown: Mapping[str, int] | None = None, remembered: Known | None = None, **options: Any
) -> Crawl:
    """A crawl that has read the page without a filter, with these numbers of streams of each language."""
    crawl = Crawl(remembered, **options)
    data = [
        {"user_id": f"{language}-{at}", "language": language, "viewer_count": 9_000}
        for language, many in (shown or {}).items()
        for at in range(many)
    ]
    (first,) = record(crawl, twitch, crawl.open(twitch.session), [{"data": data}])
    assert first.params == (("first", "100"),)
    return crawl


def walk_of(crawl: Crawl, label: str) -> LanguageWalk:
    """The walk of this label."""
    (walk,) = [walk for walk in crawl.walks if walk.label == label]
    return walk


def read(
    crawl: Crawl, twitch: Any, lists: Mapping[str, Sequence[Live]], *, but: Collection[str] = ()
) -> None:
    """Run every walk of a crawl, over a page or two."""
    for walk in crawl.walks:
        if walk.label not in but:
            rows = lists.get(walk.language, ())
            pages = [page(rows[:100], "next" if rows[100:] else None, language=walk.language)]
            pages += [page(rows[100:], language=walk.language)] if rows[100:] else []
            record(crawl, twitch, walk.read(twitch.session), pages)


def crawled(twitch: Any, found: Sequence[Live], were: Iterable[str], **options: Any) -> Crawl:
    """A crawl whose walks are over; these broadcasters were live in the last snapshot."""
    crawl = opened(twitch, remembered=known(were), **options)
    read(crawl, twitch, {"en": found})
    crawl.stop("time is over")
    return crawl


def reported(crawl: Crawl, stats: Mapping[str, int] | None = None) -> CrawlReport:
    """The report of a crawl that is over."""
    return crawl.report(seconds=12.3456, stats=stats or {}, points_left=99.9)
