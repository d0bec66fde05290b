# SPDX-License-Identifier: Apache-2.0
"""A crawl: which lists it reads, whom it asks for, and that it never calls itself complete when it is not."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.crawl.lists import Live, crowd, kept, page

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import LANGUAGES, LONG_WALK, MAX_PRIORITY, PAGES_APART, Crawl
from twitch_provider.crawl.report import FEW_ROWS, CrawlReport
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchServerError,
)


@dataclass(frozen=True)
class Known:
    """The last snapshot."""

    users: frozenset[str] = frozenset()
    languages: Mapping[str, int] = field(default_factory=dict)
    checkpoints: Mapping[str, Sequence[str]] = field(default_factory=dict)


def known(users: Iterable[str], languages: Mapping[str, int] | None = None) -> Known:
    users = frozenset(users)
    return Known(users, {"en": len(users)} if languages is None else languages)


def names(rows: Iterable[Live]) -> list[str]:
    return [user for user, _ in rows]


def note(crawl: Crawl, twitch: Any, steps: Any, replies: Sequence[Any]) -> list[LightPage]:
    """Drive a generator of the crawl, and show it the light_pages as its driver does."""
    light_pages: list[LightPage] = []
    try:
        twitch.play(kept(steps, light_pages), replies)
    finally:
        for light_page in light_pages:
            crawl.record(light_page)
    return light_pages


def opened(
    twitch: Any, *, shown: Mapping[str, int] | None = None, remembered: Known | None = None, **options: Any
) -> Crawl:
    """A crawl that has read the page without a filter; so many streams of each language are on it."""
    crawl = Crawl(remembered, **options)
    data = [
        {"user_id": f"{language}-{at}", "language": language, "viewer_count": 9_000}
        for language, many in (shown or {}).items()
        for at in range(many)
    ]
    (light_page,) = note(crawl, twitch, crawl.open(twitch.session), [{"data": data}])
    assert light_page.params == (("first", "100"),)
    return crawl


def walk_of(crawl: Crawl, label: str) -> LanguageWalk:
    (walk,) = [walk for walk in crawl.walks if walk.label == label]
    return walk


def read(
    crawl: Crawl, twitch: Any, lists: Mapping[str, Sequence[Live]], *, but: Collection[str] = ()
) -> None:
    """Read every walk of a crawl from a page, or two."""
    for walk in crawl.walks:
        if walk.label not in but:
            rows = lists.get(walk.language, ())
            pages = [page(rows[:100], "next" if rows[100:] else None, language=walk.language)]
            pages += [page(rows[100:], language=walk.language)] if rows[100:] else []
            note(crawl, twitch, walk.read(twitch.session), pages)


def reported(crawl: Crawl, stats: Mapping[str, int] | None = None) -> CrawlReport:
    return crawl.report(seconds=12.3456, stats=stats or {}, points_left=99.9)


# --- which lists -----------------------------------------------------------------------------------------


def test_reads_a_list_for_each_language_that_twitch_documents(signed_in: Any) -> None:
    crawl = opened(signed_in)
    assert [walk.label for walk in crawl.walks] == list(LANGUAGES)
    assert crawl.new_languages == []


def test_reads_those_of_the_last_snapshot_too(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known([], {"en": 10, "tlh": 3, "": 2}))
    assert {walk.language for walk in crawl.walks} == {*LANGUAGES, "tlh"}
    assert crawl.new_languages == []


def test_reads_one_that_the_page_without_a_filter_shows_and_nobody_told_of(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 2, "tlh": 1, "": 1, "qya": 1}, remembered=known([], {"qya": 1}))
    assert {walk.language for walk in crawl.walks} == {*LANGUAGES, "tlh", "qya"}
    assert crawl.new_languages == ["tlh"]
    assert reported(crawl).new_languages == ["tlh"]


def test_no_language_has_two_lists(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 50, "zh-hk": 1}, remembered=known([], {"en": 1, "other": 5}))
    assert len({walk.label for walk in crawl.walks}) == len(crawl.walks)


def test_keeps_what_the_page_without_a_filter_brought(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 2, "de": 1})
    assert crawl.seen.keys() == {"en-0", "en-1", "de-0"}
    assert (crawl.pages, crawl.rows) == (1, 3)
    assert dict(reported(crawl).languages) == {"en": 2, "de": 1}


def test_an_unfiltered_page_that_cannot_be_read_is_an_error(signed_in: Any, answers: Any) -> None:
    crawl = Crawl()
    with pytest.raises(TwitchServerError):
        signed_in.play(crawl.open(signed_in.session), [answers.error(500)] * 4)
    assert crawl.walks == []


# --- who is in a hurry -----------------------------------------------------------------------------------


def test_the_longest_lists_of_the_last_snapshot_go_first(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known([], {"ja": 50, "en": 20, "tlh": 90}))
    assert [walk.language for walk in crawl.walks[:3]] == ["tlh", "ja", "en"]


def test_without_one_the_languages_that_most_choose_go_first(signed_in: Any) -> None:
    assert [walk.language for walk in opened(signed_in).walks[:3]] == ["en", "es", "ru"]


def test_a_chain_leaves_more_points_the_less_it_is_in_a_hurry(signed_in: Any) -> None:
    crawl = opened(signed_in)
    points = [crawl.priority(walk) for walk in crawl.walks]
    assert points[: MAX_PRIORITY + 2] == [*range(MAX_PRIORITY), MAX_PRIORITY, MAX_PRIORITY]
    assert max(points) == MAX_PRIORITY


# --- remembered cursors ----------------------------------------------------------------------------------

MARKED = Known(languages={"en": 900, "de": 500}, checkpoints={"en": ["a", "b"], "xx": ["c"]})


def test_begins_long_lists_at_remembered_cursors_where_that_is_wanted(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_cursors=True)
    top, second, third = (walk_of(crawl, label) for label in ("en", "en+1", "en+2"))
    assert [walk.start for walk in (top, second, third)] == [None, "a", "b"]
    assert (top.below, second.below, third.below) == (second, third, None)
    assert top.expected == 300
    assert [walk.language for walk in crawl.walks[:2]] == ["de", "en"]
    assert reported(crawl).strategy == "remembered cursors"


def test_begins_them_at_the_top_where_it_is_not(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED)
    assert all(walk.start is None for walk in crawl.walks)
    assert reported(crawl).strategy == "languages"


def test_without_a_last_snapshot_there_are_none_to_begin_at(signed_in: Any) -> None:
    assert len(opened(signed_in, from_cursors=True).walks) == len(LANGUAGES)


def pages_of(walk: LanguageWalk, first: int, last: int) -> None:
    walk.cursors += [f"c{number}" for number in range(first, last + 1)]


def test_hands_on_cursors_of_long_lists_evenly_spaced(signed_in: Any) -> None:
    crawl = opened(signed_in, from_cursors=True)
    pages_of(walk_of(crawl, "en"), 1, LONG_WALK + PAGES_APART)
    pages_of(walk_of(crawl, "de"), 1, LONG_WALK - 1)
    checkpoints = reported(crawl).checkpoints
    assert checkpoints == {"en": [f"c{number}" for number in range(25, 176, 25)]}


def test_hands_on_the_cursors_of_all_chains_of_a_list_in_order(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_cursors=True)
    for place, label in enumerate(("en", "en+1", "en+2")):
        pages_of(walk_of(crawl, label), 50 * place + 1, 50 * place + 50)
    assert reported(crawl).checkpoints == {"en": [f"c{number}" for number in range(25, 151, 25)]}


def test_hands_on_none_where_nobody_wants_them(signed_in: Any) -> None:
    crawl = opened(signed_in)
    pages_of(walk_of(crawl, "en"), 1, 2 * LONG_WALK)
    assert reported(crawl).checkpoints == {}


# --- lists that cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TwitchAuthError("no"), TwitchConfigError("no")])
def test_what_every_chain_would_meet_ends_the_crawl(signed_in: Any, error: TwitchError) -> None:
    crawl = opened(signed_in)
    with pytest.raises(type(error)):
        crawl.fail(crawl.walks[0], error)


@pytest.mark.parametrize(
    "error",
    [
        TwitchConnectionError("gone"),
        TwitchServerError("down", status=500),
        TwitchRateLimitError("slow", status=429),
        TwitchRequestError("forbidden", status=403),
    ],
)
def test_what_one_chain_meets_cuts_that_chain(signed_in: Any, error: TwitchError) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {}, but={"de"})
    crawl.fail(walk_of(crawl, "de"), error)
    crawl.stop("time is over")
    report = reported(crawl)
    assert report.cut == {"de": str(error)}
    assert not report.complete
    assert report.rate_limited == isinstance(error, TwitchRateLimitError)
    assert report.as_dict()["language_walks"]["de"] == {"pages": 0, "rows": 0, "ended": "cut"}


def test_a_remembered_cursor_that_is_refused_costs_no_chain_and_no_stream(
    signed_in: Any, answers: Any
) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_cursors=True)
    lists = {"en": crowd(1, 150)}
    read(crawl, signed_in, lists, but={"en", "en+1", "en+2"})
    for label in ("en+2", "en+1"):
        with pytest.raises(TwitchRequestError) as caught:
            signed_in.play(walk_of(crawl, label).read(signed_in.session), [answers.error(400)] * 2)
        crawl.fail(walk_of(crawl, label), caught.value)
    read(crawl, signed_in, lists, but={walk.label for walk in crawl.walks} - {"en"})
    crawl.stop("time is over")
    report = reported(crawl)
    assert report.complete
    assert report.as_dict()["language_walks"]["en+1"]["ended"] == "dropped"
    assert crawl.seen.keys() == set(names(lists["en"]))


def test_a_language_that_twitch_refuses_is_none(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 20)}, but={"asl"})
    crawl.fail(walk_of(crawl, "asl"), TwitchRequestError("no such language", status=400))
    crawl.stop("time is over")
    assert reported(crawl).complete
    assert reported(crawl).as_dict()["language_walks"]["asl"]["ended"] == "refused"


@pytest.mark.parametrize(
    ("language", "options"),
    [
        ("pl", {}),
        ("asl", {"shown": {"asl": 1}}),
        ("asl", {"remembered": known([], {"asl": 3})}),
    ],
    ids=["ISO 639-1", "on the page without a filter", "in the last snapshot"],
)
def test_a_language_that_somebody_has_is_lost_where_it_is_refused(
    signed_in: Any, language: str, options: dict[str, Any]
) -> None:
    crawl = opened(signed_in, **options)
    crawl.fail(walk_of(crawl, language), TwitchRequestError("no such language", status=400))
    assert walk_of(crawl, language).cut == "no such language"


def test_a_list_that_ends_with_a_full_page_is_looked_at_once_more(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 195), "de": crowd(1, 95), "fr": crowd(1, 150), "pl": ()})
    en, de = again = crawl.recheck()
    assert [walk.label for walk in again] == ["en", "de"]
    note(crawl, signed_in, en.read(signed_in.session), [page(crowd(101, 195), "on"), page(crowd(196, 230))])
    assert dict(signed_in.played.sent[-2].params)["after"] == "next"
    note(crawl, signed_in, de.read(signed_in.session), [page(crowd(1, 95))])
    assert (en.ended, en.last_count, de.ended) == ("end", 35, "end")
    assert len(crawl.seen) == 230
    crawl.stop("time is over")
    assert reported(crawl).cut == {}


def test_a_full_page_that_leads_to_an_empty_one_is_the_end_at_the_second_look_too(signed_in: Any) -> None:
    crawl = opened(signed_in)
    en = walk_of(crawl, "en")
    full, empty = page(crowd(1, 100, viewers=1), "c1"), page(())
    note(crawl, signed_in, en.read(signed_in.session), [full, empty])
    assert (en.ended, crawl.recheck()) == ("end", [en])
    note(crawl, signed_in, en.read(signed_in.session), [full, empty])
    assert (en.ended, en.cut) == ("end", "")


def test_a_second_look_that_fails_or_finds_no_time_cuts_nothing(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 100), "de": crowd(1, 100), "fr": crowd(1, 10, viewers=1_500)})
    en, de = crawl.recheck()
    crawl.fail(en, TwitchServerError("no", status=503))
    crawl.stop("time is over")
    assert (en.ended, en.cut, de.ended, de.cut) == ("end", "", "end", "")


def test_a_cursor_that_is_refused_in_the_middle_of_a_list_cuts_it(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in)
    walk = walk_of(crawl, "en")
    with pytest.raises(TwitchRequestError) as caught:
        note(
            crawl,
            signed_in,
            walk.read(signed_in.session),
            [page(crowd(1, 100), "a"), *[answers.error(400)] * 2],
        )
    crawl.fail(walk, caught.value)
    assert not reported(crawl).complete
    assert "(page 2, 100 rows read so far)" in reported(crawl).cut["en"]


# --- the end of the time ---------------------------------------------------------------------------------


def test_what_is_not_at_its_end_then_is_cut(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {}, but={"en", "de"})
    steps = walk_of(crawl, "en").read(signed_in.session)
    next(steps)
    steps.send(page(crowd(1, 100), "a"))
    crawl.stop("204 s were not enough")
    assert reported(crawl).cut == {
        "en": "204 s were not enough, 1 pages read so far",
        "de": "204 s were not enough, 0 pages read so far",
    }


def test_a_remembered_cursor_that_nobody_came_to_is_no_loss(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_cursors=True)
    read(crawl, signed_in, {"en": crowd(1, 20)}, but={"en+1", "en+2"})
    crawl.stop("time is over")
    assert reported(crawl).complete


def test_before_the_first_page_it_is_an_error() -> None:
    with pytest.raises(TwitchConnectionError, match="streams: 240 s were not enough; try later"):
        Crawl().stop("240 s were not enough")


def test_before_the_first_page_of_any_chain_it_is_an_error(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 50})
    with pytest.raises(TwitchConnectionError, match="were not enough"):
        crawl.stop("240 s were not enough")


@pytest.mark.parametrize(
    "error", [TwitchServerError("down", status=500), TwitchRequestError("forbidden", status=403)]
)
def test_where_no_chain_could_be_read_it_is_the_error_itself(signed_in: Any, error: TwitchError) -> None:
    crawl = opened(signed_in, shown={"en": 50})
    for walk in crawl.walks:
        crawl.fail(walk, error)
    with pytest.raises(type(error)) as caught:
        crawl.stop("time is over")
    assert caught.value is error


def test_a_refused_cursor_is_not_why_nothing_could_be_read(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_cursors=True)
    crawl.fail(walk_of(crawl, "en+1"), TwitchRequestError("invalid cursor", status=400))
    with pytest.raises(TwitchConnectionError, match="240 s were not enough"):
        crawl.stop("240 s were not enough")


def test_a_twitch_on_which_nobody_is_live_is_not_complete(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {})
    crawl.stop("time is over")
    assert not reported(crawl).complete
    assert reported(crawl).cut == {}


# --- those who did not come ------------------------------------------------------------------------------


def crawled(twitch: Any, came: Sequence[Live], were: Iterable[str], **options: Any) -> Crawl:
    """A crawl whose walks are read; so many were live in the last snapshot."""
    crawl = opened(twitch, remembered=known(were), **options)
    read(crawl, twitch, {"en": came})
    crawl.stop("time is over")
    return crawl


def test_asks_for_nobody_without_a_last_snapshot(signed_in: Any) -> None:
    crawl = opened(signed_in)
    assert crawl.missing_batches() == []
    assert reported(crawl).as_dict()["completeness"] is None


def test_asks_for_those_who_did_not_come_by_the_hundred(signed_in: Any) -> None:
    were = names(crowd(1, 160)) + [f"gone-{number:03}" for number in range(250)]
    crawl = crawled(signed_in, crowd(1, 180), were)
    batches = crawl.missing_batches()
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert [user for batch in batches for user in batch] == [f"gone-{number:03}" for number in range(250)]
    assert crawl.reconciled.known_seen == 160
    assert crawl.reconciled.new_broadcasters == 20
    assert crawl.reconciled.unresolved == 250


@pytest.mark.parametrize(("were", "asked"), [(2_500, 2_000), (40_000, 10_000)])
def test_asks_for_so_many_at_the_most(signed_in: Any, were: int, asked: int) -> None:
    crawl = crawled(signed_in, (), [f"gone-{number}" for number in range(were)])
    assert sum(map(len, crawl.missing_batches())) == asked
    assert crawl.reconciled.unresolved == were
    assert not reported(crawl).complete


def reconcile(crawl: Crawl, twitch: Any, batch: Sequence[str], replies: Sequence[Any]) -> list[LightPage]:
    return note(crawl, twitch, crawl.reconcile(twitch.session, batch), replies)


def test_who_is_live_was_missed_and_who_is_not_has_ended(signed_in: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), "missed-1", "missed-2", "gone"])
    (batch,) = crawl.missing_batches()
    reconcile(crawl, signed_in, batch, [page([("missed-1", 5), ("missed-2", 3)], language="de")])
    asked = signed_in.played.sent[-1].params
    assert [value for name, value in asked if name == "user_id"] == ["gone", "missed-1", "missed-2"]
    assert ("first", "100") in asked
    now = crawl.reconciled
    assert (now.recovered, now.ended, now.unresolved) == (2, 1, 0)
    assert crawl.seen.keys() >= {"missed-1", "missed-2"}
    assert dict(reported(crawl).languages) == {"en": 100, "de": 2}


def batch_of(number: int) -> list[str]:
    return [f"m{at}" for at in range(number)]


def test_a_page_that_is_full_is_followed(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    rows = [(user, 5) for user in batch_of(100)]
    reconcile(crawl, signed_in, batch_of(100), [page(rows[:98], "more"), page(rows[98:], "yet more")])
    assert signed_in.played.cursors[-1] == "more"
    assert ("user_id", "m99") in signed_in.played.sent[-1].params


def test_a_page_that_is_not_full_is_all_there_is(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    crawl.missing_batches()
    reconcile(crawl, signed_in, batch_of(100), [page([(user, 5) for user in batch_of(60)], "more")])
    assert (crawl.reconciled.recovered, crawl.reconciled.ended) == (60, 40)


def test_an_empty_page_with_a_cursor_is_followed(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    crawl.missing_batches()
    replies = [page((), "on"), page([(user, 5) for user in batch_of(60)])]
    reconcile(crawl, signed_in, batch_of(100), replies)
    assert (crawl.reconciled.recovered, crawl.reconciled.ended) == (60, 40)


def test_empty_pages_are_not_followed_for_ever(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    crawl.missing_batches()
    reconcile(crawl, signed_in, batch_of(100), [page((), f"on {number}") for number in range(3)])
    assert crawl.reconciled.ended == 100


def test_pages_of_others_are_not_followed_for_ever(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    crawl.missing_batches()
    reconcile(crawl, signed_in, batch_of(100), [page(crowd(1, 100), "more")])
    assert (crawl.reconciled.recovered, crawl.reconciled.ended) == (0, 100)


def test_the_same_page_again_and_again_is_not_followed_for_ever(signed_in: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    crawl.missing_batches()
    same = [(user, 5) for user in batch_of(95)]
    reconcile(crawl, signed_in, batch_of(100), [page(same, "more"), page(same, "more")])
    assert (crawl.reconciled.recovered, crawl.reconciled.ended) == (95, 5)


def test_a_batch_that_cannot_be_read_stays_unresolved(signed_in: Any, answers: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), *batch_of(100)])
    (batch,) = crawl.missing_batches()
    with pytest.raises(TwitchRateLimitError):
        reconcile(crawl, signed_in, batch, [answers.error(429)] * 6)
    report = reported(crawl, signed_in.session.stats)
    assert report.reconciled.unresolved == 100
    assert report.rate_limited == 6
    assert report.reconciled.completeness == 0.5
    assert not report.complete


# --- what it says ----------------------------------------------------------------------------------------


def test_counts_what_it_did(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in, shown={"en": 1})
    walk = walk_of(crawl, "en")
    pages = [page([("en-0", 9), ("x", 8)], "a"), answers.error(500), page([("x", 8), ("y", 1)])]
    note(crawl, signed_in, walk.read(signed_in.session), pages)
    read(crawl, signed_in, {}, but={"en"})
    report = reported(crawl, signed_in.session.stats)
    others = len(LANGUAGES) - 1
    assert (report.pages, report.requests) == (3 + others, 4 + others)
    assert (report.rows, report.broadcasters, report.duplicates) == (5, 3, 2)
    assert (report.seconds, report.points_left) == (12.346, 99)
    assert report.retries == {"transient": 1}
    assert report.rate_limited == 0
    assert report.as_dict()["language_walks"]["en"] == {"pages": 2, "rows": 4, "ended": "end"}


def test_says_no_secret(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in)
    echo = answers.error(500, "token-0 of client-secret was sent")
    with pytest.raises(TwitchServerError) as caught:
        signed_in.play(walk_of(crawl, "en").read(signed_in.session), [echo] * 4)
    crawl.fail(walk_of(crawl, "en"), caught.value)
    said = json.dumps(reported(crawl).as_dict()) + reported(crawl).sentence()
    assert "was sent" in said
    assert "token-0" not in said
    assert "client-secret" not in said


# --- a list that ends early, with every sign of an end ---------------------------------------------------


@pytest.mark.parametrize(("missed", "early"), [(FEW_ROWS, False), (FEW_ROWS + 1, True)])
def test_many_who_come_only_when_asked_for_tell_of_an_early_end(
    signed_in: Any, missed: int, early: bool
) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), *batch_of(missed)])
    (batch,) = crawl.missing_batches()
    reconcile(crawl, signed_in, batch, [page([(user, 5) for user in batch])])
    report = reported(crawl)
    assert ("en" in report.cut) is early
    if early:
        assert report.cut["en"] == "its list ended early: 51 of 151 streams came only when asked for"
        assert report.as_dict()["language_walks"]["en"]["ended"] == "cut"


def test_many_of_a_long_list_tell_of_nothing(signed_in: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 150), names(crowd(1, 700)))
    crawl.record(read_of(signed_in, crowd(151, 600)))
    (batch,) = crawl.missing_batches()
    reconcile(crawl, signed_in, batch[:60], [page([(user, 5) for user in batch[:60]])])
    assert reported(crawl).cut == {}


def read_of(twitch: Any, rows: Sequence[Live]) -> LightPage:
    (light_page,) = note(Crawl(), twitch, LanguageWalk("en").read(twitch.session), [page(rows)])
    return light_page


def test_a_chain_that_was_cut_keeps_its_reason(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known(batch_of(90)))
    read(crawl, signed_in, {}, but={"en"})
    crawl.fail(walk_of(crawl, "en"), TwitchConnectionError("gone"))
    (batch,) = crawl.missing_batches()
    reconcile(crawl, signed_in, batch, [page([(user, 5) for user in batch])])
    assert reported(crawl).cut == {"en": "gone"}


def test_a_list_without_those_that_the_page_without_a_filter_shows_ended_early(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 45, "de": 1})
    read(crawl, signed_in, {"en": crowd(1, 21)})
    report = reported(crawl)
    assert report.cut == {"en": "its list ended early: 21 streams, and the list of all begins with 45"}
    assert not report.complete


def test_a_language_that_is_refused_though_it_is_on_the_first_page_is_cut(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 45})
    read(crawl, signed_in, {}, but={"en"})
    crawl.fail(walk_of(crawl, "en"), TwitchRequestError("no such language", status=400))
    crawl.stop("time is over")
    assert set(reported(crawl).cut) == {"en"}


def test_empty_lists_where_thousands_were_live_are_not_complete(signed_in: Any, answers: Any) -> None:
    crawl = crawled(signed_in, (), batch_of(100))
    (batch,) = crawl.missing_batches()
    reconcile(crawl, signed_in, batch, [page()])
    report = reported(crawl)
    assert report.reconciled.ended == 100
    assert not report.complete
