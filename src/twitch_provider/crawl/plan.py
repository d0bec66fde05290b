# SPDX-License-Identifier: Apache-2.0
"""Every live stream: which walks to read, whom to ask for afterwards, and how complete that was.

The list moves while it is read. A stream is missed where its viewers rise across the cursor of a walk, and
so the list is cut by something that does not move: one walk a language. What is missed all the same is found
by asking for the broadcasters of the last snapshot that did not come, a hundred at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from twitch_provider.crawl.early_ends import early_ends
from twitch_provider.crawl.language_walk import EMPTY_PAGES, SHORT_PAGE, LanguageWalk
from twitch_provider.crawl.light_page import LightPage, read_light_page
from twitch_provider.crawl.report import CrawlReport, Reconciled
from twitch_provider.exceptions import (
    TwitchConnectionError,
    TwitchError,
    TwitchRateLimitError,
    TwitchRequestError,
)
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.endpoints import MAX_VALUES
from twitch_provider.helix.messages import Request
from twitch_provider.helix.session import Session, Step

#: What a broadcaster can choose as the language of a stream, about in the order of how many do, and ``other``
#: as the reference has it. https://help.twitch.tv/s/article/languages-on-twitch
LANGUAGES = (
    "en", "es", "ru", "pt", "de", "fr", "ja", "ko", "it", "zh", "pl", "tr", "th", "ar", "cs", "nl", "uk",
    "hu", "sv", "fi", "el", "da", "no", "ro", "sk", "bg", "vi", "id", "ca", "tl", "hi", "ms", "zh-hk", "asl",
    "other",
)  # fmt: skip

#: A list of more pages than these is begun at remembered cursors too, where that is wanted: at 150 ms a page
#: it takes longer than the rate limit needs for all the others.
LONG_WALK = 150
#: How many pages lie between two remembered cursors.
PAGES_APART = 25
#: The most points that a walk leaves to longer ones: more than come in while an answer is under way.
MAX_PRIORITY = 10


class Remembered(Protocol):
    """What an earlier crawl knew."""

    @property
    def users(self) -> frozenset[str]:
        """Every broadcaster that was live."""
        ...

    @property
    def languages(self) -> Mapping[str, int]:
        """How many streams each language had."""
        ...

    @property
    def checkpoints(self) -> Mapping[str, Sequence[str]]:
        """For each long language the cursors to begin at, from the top of the list down."""
        ...


@dataclass
class Crawl:
    """One crawl: it decides, and whoever drives it reads.

    First :meth:`open`, then every walk of :attr:`walks`, at once; then every batch of
    :meth:`missing_batches`, at once; then :meth:`report`. Each page is shown to :meth:`record`.

    :param remembered: the last snapshot; None where there is none to go by
    :param from_cursors: begin long lists at remembered cursors too. Off until somebody has tried on the live
        service whether Twitch's cursors are good for five minutes.
    """

    remembered: Remembered | None = None
    from_cursors: bool = False
    walks: list[LanguageWalk] = field(default_factory=list, init=False)
    #: Languages that nobody knew of before.
    new_languages: list[str] = field(default_factory=list, init=False)
    pages: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    #: Every broadcaster that came, and in which language.
    seen: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    #: Why walks could not be read.
    errors: list[TwitchError] = field(default_factory=list, init=False, repr=False)
    reconciled: Reconciled = field(default_factory=Reconciled, init=False)
    _recovered: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    #: Streams of each language on the page without a filter.
    _shown: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    #: 429s after which nobody asked again.
    _given_up: int = field(default=0, init=False, repr=False)

    def open(self, session: Session) -> Generator[Step | LightPage, Any, None]:
        """Read the first page of the list without a filter: it shows languages that nobody told us of.

        :param session: what all conversations of the application share
        :raises TwitchError: it could not be read
        """
        request = Request("GET", f"{session.base_url}/streams", (("first", "100"),), endpoint="streams")
        page = yield from converse(session, request, read_light_page)
        yield page
        self._shown.update(page.languages)
        known = dict(self.remembered.languages) if self.remembered else {}
        told = dict.fromkeys((*known, *LANGUAGES, *page.languages))
        self.new_languages = [name for name in told if name and name not in known and name not in LANGUAGES]
        for place, language in enumerate(name for name in told if name):
            self.walks += self._walks(language, known.get(language, 0) if known else len(told) - place)
        self.walks.sort(key=lambda walk: -walk.expected)

    def priority(self, walk: LanguageWalk) -> int:
        """Say how many points a walk leaves to longer ones, which hold up the end of the crawl.

        :param walk: of this crawl
        """
        return min(self.walks.index(walk), MAX_PRIORITY)

    def record(self, page: LightPage) -> None:
        """Note a page.

        :param page: of :meth:`open`, of a walk or of a batch
        """
        self.pages += 1
        self.rows += page.count
        self.seen.update(zip(page.users, page.languages, strict=True))

    def fail(self, walk: LanguageWalk, error: TwitchError) -> None:
        """Note that a walk could not be read on.

        :param walk: of this crawl
        :param error: why
        :raises TwitchError: the error itself, where no other walk would fare better
        """
        if error.fatal and not isinstance(error, TwitchRequestError):
            raise error
        self._given_up += isinstance(error, TwitchRateLimitError)
        walk.fail(error)
        if walk.ended == "refused" and self._exists(walk.language):
            walk.ended, walk.cut = "", str(error)
        if walk.ended != "dropped":
            self.errors.append(error)

    def recheck(self) -> list[LanguageWalk]:
        """Return the walks to read on once more, from their last page, when all are at their end.

        A list may end early, and one that ends with a full page is worth a request: most end with fewer rows.
        """
        found = [walk for walk in self.walks if walk.ended == "end" and walk.last_count >= SHORT_PAGE]
        for walk in found:
            walk.reopen()
        return found

    def stop(self, why: str) -> None:
        """End what is not at its end.

        :param why: there is no more time
        :raises TwitchError: no walk has read a page
        """
        for walk in self.walks:
            if not walk.done:
                walk.fail(TwitchConnectionError(f"{why}, {walk.pages} pages read so far"))
        if not any(walk.pages for walk in self.walks):
            raise self.errors[0] if self.errors else TwitchConnectionError(f"streams: {why}; try later")

    def missing_batches(self) -> list[tuple[str, ...]]:
        """Return the broadcasters of the last snapshot who did not come, by the hundred; call it once.

        There is a bound: where a good part of a list is missing, asking for its broadcasters one by one would
        take longer than the list. Those beyond count as unresolved.
        """
        if self.remembered is None:
            return []
        missing = sorted(self.remembered.users - self.seen.keys())
        bound = max(2000, len(self.remembered.users) // 4)
        self.reconciled.known_seen = len(self.remembered.users) - len(missing)
        self.reconciled.new_broadcasters = len(self.seen) - self.reconciled.known_seen
        self.reconciled.unresolved = len(missing)
        asked = missing[:bound]
        return [tuple(asked[at : at + MAX_VALUES]) for at in range(0, len(asked), MAX_VALUES)]

    def reconcile(self, session: Session, batch: Sequence[str]) -> Generator[Step | LightPage, Any, None]:
        """Ask for broadcasters: who is live was missed, who is not has ended.

        :param session: what all conversations of the application share
        :param batch: of :meth:`missing_batches`
        :raises TwitchError: a page could not be read; the batch then stays unresolved
        """
        params = (*(("user_id", user) for user in batch), ("first", str(MAX_VALUES)))
        missing, recovered, empty = set(batch), Counter[str](), 0
        cursor: str | None = None
        while True:
            after = (("after", cursor),) if cursor else ()
            request = Request("GET", f"{session.base_url}/streams", (*params, *after), endpoint="streams")
            try:
                page = yield from converse(session, request, read_light_page)
            except TwitchRateLimitError:
                self._given_up += 1
                raise
            live = [place for place, user in enumerate(page.users) if user in missing]
            recovered.update(page.languages[place] for place in live)
            missing.difference_update(page.users)
            yield page
            cursor = page.cursor
            empty = empty + 1 if not page.count else 0
            # A page that is neither full nor empty is all there is: who asked on would double the requests.
            if cursor is None or 0 < page.count < SHORT_PAGE or (page.count and not live):
                break
            if empty == EMPTY_PAGES:
                break
        self._recovered.update(recovered)
        self.reconciled.ended += len(missing)
        self.reconciled.recovered += len(batch) - len(missing)
        self.reconciled.unresolved -= len(batch)

    def report(self, *, seconds: float, stats: Mapping[str, int], points_left: float) -> CrawlReport:
        """Say what the crawl did.

        :param seconds: that it took
        :param stats: what the session counted for it
        :param points_left: of the rate limit, by our mirror
        """
        languages = Counter(self.seen.values())
        early = early_ends(self.walks, languages=languages, recovered=self._recovered, shown=self._shown)
        for walk, what in early.items():
            walk.cut = f"its list ended early: {what}"
        retries = {
            name.removeprefix("retries: "): count
            for name, count in sorted(stats.items())
            if name.startswith("retries: ")
        }
        return CrawlReport(
            strategy="remembered cursors" if self.from_cursors else "languages",
            requests=stats.get("requests", 0),
            pages=self.pages,
            seconds=round(seconds, 3),
            points_left=int(points_left),
            rate_limited=retries.get("rate limit", 0) + self._given_up,
            retries=retries,
            rows=self.rows,
            broadcasters=len(self.seen),
            languages=dict(languages.most_common()),
            new_languages=self.new_languages,
            reconciled=self.reconciled,
            cut={walk.label: walk.cut for walk in self.walks if walk.cut},
            language_walks=[(walk.label, walk.pages, walk.rows, walk.outcome) for walk in self.walks],
            checkpoints=self._next_checkpoints() if self.from_cursors else {},
        )

    def _exists(self, language: str) -> bool:
        """Whether a language that Twitch refuses is one all the same: somebody has it, or ISO 639-1."""
        known = self.remembered.languages if self.remembered else {}
        return language in known or self._shown[language] > 0 or len(language) == 2

    def _walks(self, language: str, expected: int) -> Iterable[LanguageWalk]:
        """Chains of one language, from the bottom of its list up: each knows the one below it."""
        checkpoints = (
            self.remembered.checkpoints.get(language, ()) if self.remembered and self.from_cursors else ()
        )
        share = expected // (len(checkpoints) + 1)
        below: LanguageWalk | None = None
        for place, start in reversed([*enumerate((None, *checkpoints))]):
            below = LanguageWalk(language, expected=share, start=start, below=below, place=place)
            yield below

    def _next_checkpoints(self) -> dict[str, list[str]]:
        """Cursors of each long language, evenly spaced, for the next crawl to begin at."""
        checkpoints: dict[str, list[str]] = {}
        for top in (walk for walk in self.walks if walk.start is None):
            cursors: list[str] = []
            walk: LanguageWalk | None = top
            while walk is not None:
                cursors += walk.cursors
                walk = walk.below
            if len(cursors) >= LONG_WALK:
                checkpoints[top.language] = cursors[PAGES_APART - 1 :: PAGES_APART]
        return checkpoints
