# SPDX-License-Identifier: Apache-2.0
"""The broadcasters of the last snapshot that are missing from the language walks: who is still live?

The list moves while it is read: a stream is missed where its viewers rise across the cursor of a walk.
Looking the missing broadcasters up, 100 with one request, finds most of these streams, and tells how many of
the new ones were probably missed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from twitch_provider.crawl.language_walk import EMPTY_PAGES, is_full
from twitch_provider.crawl.light_page import LightPage, read_light_page
from twitch_provider.exceptions import TwitchNotFoundError, TwitchRequestError
from twitch_provider.helix.conversation import converse
from twitch_provider.helix.endpoints import MAX_VALUES
from twitch_provider.helix.lookups import explain_refusal
from twitch_provider.helix.messages import Request
from twitch_provider.helix.queries import query
from twitch_provider.helix.session import Session, Step

#: Fewer broadcasters than these say nothing about a list.
FEW_ROWS = 50


@dataclass
class Reconciliation:
    """What became of the broadcasters of the last snapshot, and how many are new.

    :param known_seen: were live then, and the walks found them
    :param recovered: were live then, are missing from the walks, and are live
    :param ended: were live then, and are not any more
    :param unresolved: were live then, are missing from the walks, and could not be looked up
    :param new_broadcasters: were found, and were not live then
    """

    known_seen: int = 0
    recovered: int = 0
    ended: int = 0
    unresolved: int = 0
    new_broadcasters: int = 0

    def resolve(self, *, asked: int, live: int) -> None:
        """Count broadcasters that were looked up."""
        self.recovered += live
        self.ended += asked - live
        self.unresolved -= asked

    @property
    def one_pass(self) -> float | None:
        """The part of the streams that the walks alone found; None if unknown."""
        live = self.known_seen + self.recovered
        return self.known_seen / live if live else None

    @property
    def completeness(self) -> float | None:
        """Estimate which part of the streams was found in all; None if unknown.

        Of the new broadcasters as large a part was missed as of the known ones; of those that could not be
        looked up as large a part is live as of those that could, and a little more: few are a small sample.
        """
        if not (one_pass := self.one_pass):
            # This many do not end at once: the lists were empty, or no look-up succeeded.
            return 0.0 if one_pass == 0 or self.unresolved or self.ended > FEW_ROWS else None
        asked = self.recovered + self.ended
        missed = self.new_broadcasters * (1 - one_pass) / one_pass
        missed += self.unresolved * (self.recovered + 1) / (asked + 1)
        found = self.known_seen + self.recovered + self.new_broadcasters
        return found / (found + missed)


def batches(missing: Iterable[str], *, known: int) -> list[tuple[str, ...]]:
    """Divide broadcasters into requests of 100.

    There is a limit: where a good part of a list is missing, looking its broadcasters up would take longer
    than the list. Those beyond it stay unresolved.
    """
    asked = sorted(missing)[: max(2000, known // 4)]
    return [tuple(asked[at : at + MAX_VALUES]) for at in range(0, len(asked), MAX_VALUES)]


def look_up(session: Session, batch: tuple[str, ...]) -> Generator[Step | LightPage, Any, dict[str, str]]:
    """Request the streams of broadcasters; yields steps for the driver and pages for its caller.

    Helix may refuse all of them where the account of one was closed meanwhile: then without those.

    :param session: what all conversations of the application share
    :param batch: at most 100 ids
    :returns: the language of each that is live
    :raises TwitchError: a page could not be read
    """
    try:
        return (yield from _look_up(session, batch))
    except TwitchRequestError as error:
        try:
            yield from explain_refusal(session, query("streams", {"user_id": batch}), error)
        except TwitchNotFoundError as closed:
            known = tuple(user for user in batch if user not in closed.unknown)
            # Get Streams without a filter means every stream of Twitch.
            return (yield from _look_up(session, known)) if known else {}
        raise


def _look_up(session: Session, batch: tuple[str, ...]) -> Generator[Step | LightPage, Any, dict[str, str]]:
    params = (*(("user_id", user) for user in batch), ("first", str(MAX_VALUES)))
    live: dict[str, str] = {}
    after: tuple[tuple[str, str], ...] = ()
    empty_pages = 0
    while True:
        request = Request("GET", f"{session.base_url}/streams", (*params, *after), endpoint="streams")
        page = yield from converse(session, request, read_light_page)
        yield page
        languages = dict(zip(page.users, page.languages, strict=True))
        found = {user: languages[user] for user in batch if user in languages and user not in live}
        live |= found
        empty_pages = 0 if page.count else empty_pages + 1
        # A page that is neither full nor empty is the last: following its cursor would double the requests.
        last = bool(page.count) and not (is_full(page) and found)
        if page.cursor is None or last or empty_pages == EMPTY_PAGES:
            return live
        after = (("after", page.cursor),)
