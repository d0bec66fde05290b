# SPDX-License-Identifier: Apache-2.0
"""Every live stream: which lists to read, which broadcasters to look up afterwards, and what was found.

The list of all streams moves while it is read, and one cursor takes minutes for it. So it is divided by
something that does not move: one walk for each language, all at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from twitch_provider.crawl import checkpoints
from twitch_provider.crawl.early_ends import early_ends
from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage, read_light_page
from twitch_provider.crawl.reconciliation import Reconciliation, batches, look_up
from twitch_provider.crawl.report import CrawlReport, WalkSummary
from twitch_provider.crawl.second_look import SecondLook, sample
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConnectionError,
    TwitchError,
    TwitchRateLimitError,
    TwitchRequestError,
)
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.messages import Request
from twitch_provider.helix.session import Session, Step

#: What a broadcaster can choose as the language of a stream, about in the order of how many do, and ``other``
#: as the reference has it. https://help.twitch.tv/s/article/languages-on-twitch
LANGUAGES = (
    "en", "es", "ru", "pt", "de", "fr", "ja", "ko", "it", "zh", "pl", "tr", "th", "ar", "cs", "nl", "uk",
    "hu", "sv", "fi", "el", "da", "no", "ro", "sk", "bg", "vi", "id", "ca", "tl", "hi", "ms", "zh-hk", "asl",
    "other",
)  # fmt: skip

#: The most points that a walk leaves to longer ones: more than come in while an answer is under way.
MAX_PRIORITY = 10


class Remembered(Protocol):
    """What is known of an earlier crawl."""

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
        """For each long list the cursors to begin at, from the top of the list down."""
        ...


@dataclass
class Crawl:
    """Decides what a crawl reads, and never reads itself.

    Its driver runs :meth:`open`, then all of :attr:`walks` at once, those of :meth:`recheck` once more, then
    all of :meth:`look_again`, then :meth:`reconcile` for all of :meth:`missing_batches`. It shows each page
    to :meth:`record`.

    :param remembered: the last snapshot; None for the first
    :param from_checkpoints: begin long lists at the last crawl's cursors too: see :mod:`.checkpoints`
    """

    remembered: Remembered | None = None
    from_checkpoints: bool = False
    walks: list[LanguageWalk] = field(default_factory=list, init=False)
    #: Languages in neither the last snapshot nor :data:`LANGUAGES`.
    new_languages: list[str] = field(default_factory=list, init=False)
    pages: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    #: The language of each broadcaster that was found.
    seen: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    reconciliation: Reconciliation = field(default_factory=Reconciliation, init=False)
    #: Only where the last snapshot does not tell how much the walks missed.
    second_look: SecondLook | None = field(default=None, init=False)
    #: When Twitch answered first.
    _began: datetime | None = field(default=None, init=False, repr=False)
    #: Streams of each language: on the page without a filter, and found only when looked up.
    _shown: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _recovered: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    #: Why walks were cut short.
    _errors: list[TwitchError] = field(default_factory=list, init=False, repr=False)
    #: Answers with status 429 after which there was no further retry.
    _given_up: int = field(default=0, init=False, repr=False)

    def open(self, session: Session) -> Generator[Step | LightPage, Any, None]:
        """Read the first page of the list without a filter, which may show new languages; plan the walks.

        :raises TwitchError: it could not be read
        """
        request = Request("GET", f"{session.base_url}/streams", (("first", "100"),), endpoint="streams")
        page = yield from converse(session, request, read_light_page)
        yield page
        self._began = page.answered_at
        self._shown.update(page.languages)
        counts = self.remembered.languages if self.remembered else {}
        languages = [name for name in dict.fromkeys((*counts, *LANGUAGES, *page.languages)) if name]
        self.new_languages = [name for name in languages if name not in counts and name not in LANGUAGES]
        for place, language in enumerate(languages):
            self.walks += self._walks(language, counts.get(language, 0) if counts else len(languages) - place)
        self.walks.sort(key=lambda walk: -walk.expected)

    def priority(self, walk: LanguageWalk) -> int:
        """Return how many points a walk leaves to longer ones, which hold up the end of the crawl."""
        return min(self.walks.index(walk), MAX_PRIORITY)

    def record(self, page: LightPage) -> None:
        """Record a page."""
        self.pages += 1
        self.rows += page.count
        self.seen.update(zip(page.users, page.languages, strict=True))

    def fail(self, walk: LanguageWalk, error: TwitchError) -> None:
        """Record that a walk failed. A language that Twitch does not know counts only if somebody uses it.

        :raises TwitchError: the error itself, if every other walk would fail with it
        """
        # Without a token no walk goes on, even if the next try of the task may.
        if isinstance(error, TwitchAuthError) or (error.fatal and not isinstance(error, TwitchRequestError)):
            raise error
        self._given_up += isinstance(error, TwitchRateLimitError)
        refused = isinstance(error, TwitchRequestError) and error.status == 400 and not walk.pages
        if refused and not self._is_in_use(walk.language):
            walk.ended = "refused"
        else:
            walk.fail(error)
        if walk.cut:
            self._errors.append(error)

    def recheck(self) -> list[LanguageWalk]:
        """Return the walks to continue from their last page, when all have ended.

        A list may end early, and one that ended with a full page is worth another request.
        """
        found = [walk for walk in self.walks if walk.ended_with_full_page]
        for walk in found:
            walk.reopen()
        return found

    def stop(self, why: str) -> None:
        """Cut short what has not ended.

        :raises TwitchError: no walk has read a page
        """
        for walk in self.walks:
            if not walk.done:
                walk.fail(TwitchConnectionError(f"{why}, {walk.pages} pages read so far"))
        if not any(walk.pages for walk in self.walks):
            raise (
                self._errors[0] if self._errors else TwitchConnectionError(f"streams: {why}; try again later")
            )

    def look_again(self, session: Session) -> list[Generator[Step | LightPage, Any, None]]:
        """Return what reads a sample once more, where the last snapshot tells too little; call it once.

        A walk that was cut short already says that the crawl is incomplete.
        """
        if self._began is None or any(walk.cut for walk in self.walks) or self._knows_the_longest_list():
            return []
        places = sample(self.walks)
        self.second_look = SecondLook(self._began, found=len(self.seen), pages=len(places))
        return [self.second_look.read(session, place, self.seen) for place in places]

    def missing_batches(self) -> list[tuple[str, ...]]:
        """Return the broadcasters of the last snapshot that are missing from the walks; call it once."""
        if self.remembered is None:
            return []
        known = self.remembered.users
        missing = known - self.seen.keys()
        found = len(known) - len(missing)
        self.reconciliation = Reconciliation(
            known_seen=found, unresolved=len(missing), new_broadcasters=len(self.seen) - found
        )
        return batches(missing, known=len(known))

    def reconcile(self, session: Session, batch: tuple[str, ...]) -> Generator[Step | LightPage, Any, None]:
        """Look broadcasters up: those that are live were missed, and the others have ended.

        :raises TwitchError: a page could not be read; the batch then stays unresolved
        """
        try:
            live = yield from look_up(session, batch)
        except TwitchRateLimitError:
            self._given_up += 1
            raise
        self._recovered.update(live.values())
        self.reconciliation.resolve(asked=len(batch), live=len(live))

    def report(self, *, seconds: float, stats: Mapping[str, int], points_left: float) -> CrawlReport:
        """Cut the walks whose lists ended early, and return what the crawl did; call it once."""
        languages = Counter(self.seen.values())
        early = early_ends(self.walks, languages=languages, recovered=self._recovered, shown=self._shown)
        if self.from_checkpoints:
            early = checkpoints.gaps(self.walks) | early
        for walk, why in early.items():
            walk.cut = f"its list ended early: {why}"
        retries = {
            name.removeprefix("retries: "): count
            for name, count in sorted(stats.items())
            if name.startswith("retries: ")
        }
        return CrawlReport(
            strategy="checkpoints" if self.from_checkpoints else "languages",
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
            reconciliation=self.reconciliation,
            second_look=self.second_look,
            cut={walk.label: walk.cut for walk in self.walks if walk.cut},
            language_walks={
                walk.label: WalkSummary(walk.pages, walk.rows, walk.outcome) for walk in self.walks
            },
            checkpoints=checkpoints.next_checkpoints(self.walks) if self.from_checkpoints else {},
        )

    def _walks(self, language: str, expected: int) -> list[LanguageWalk]:
        if not self.from_checkpoints:
            return [LanguageWalk(language, expected)]
        cursors = self.remembered.checkpoints.get(language, ()) if self.remembered else ()
        return checkpoints.segments(language, expected, cursors)

    def _knows_the_longest_list(self) -> bool:
        """Whether half of the streams of the longest list were in the last snapshot, too.

        With fewer of them in common the estimate would be a guess: it may be old, or lack a part of the list.
        """
        longest = max(self.walks, key=lambda walk: walk.rows)
        known = longest.users & self.remembered.users if self.remembered else ()
        return 2 * len(known) >= len(longest.users)

    def _is_in_use(self, language: str) -> bool:
        """Whether somebody streams in a language, or it is one of ISO 639-1, which Twitch documents."""
        known = self.remembered.languages if self.remembered else {}
        return language in known or self._shown[language] > 0 or len(language) == 2
