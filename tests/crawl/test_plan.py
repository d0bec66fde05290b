# SPDX-License-Identifier: Apache-2.0
"""The plan of a crawl: which lists it reads, what it looks up, and when it may call itself complete."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.crawl.crawls import Known, crawled, known, names, opened, read, record, reported, walk_of
from tests.crawl.lists import crowd, page

from twitch_provider.crawl.plan import LANGUAGES, MAX_PRIORITY, Crawl
from twitch_provider.crawl.reconciliation import FEW_ROWS
from twitch_provider.exceptions import (
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchSecretError,
    TwitchServerError,
)

NO_SUCH_LANGUAGE = TwitchRequestError("no such language", status=400)

# --- which lists -----------------------------------------------------------------------------------------


def test_reads_a_list_for_each_language_that_twitch_documents(signed_in: Any) -> None:
    crawl = opened(signed_in)
    assert [walk.label for walk in crawl.walks] == list(LANGUAGES)
    assert crawl.new_languages == []


def test_reads_the_languages_of_the_last_snapshot_too(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known([], {"en": 10, "tlh": 3, "": 2}))
    assert sorted(walk.language for walk in crawl.walks) == sorted([*LANGUAGES, "tlh"])
    assert crawl.new_languages == []


def test_reads_new_languages_that_the_page_without_a_filter_shows(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 2, "tlh": 1, "": 1, "qya": 1}, remembered=known([], {"qya": 1}))
    assert sorted(walk.language for walk in crawl.walks) == sorted([*LANGUAGES, "tlh", "qya"])
    assert reported(crawl).new_languages == ["tlh"]


def test_counts_the_streams_of_the_page_without_a_filter(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 2, "de": 1})
    assert crawl.seen.keys() == {"en-0", "en-1", "de-0"}
    assert (crawl.pages, crawl.rows) == (1, 3)
    assert dict(reported(crawl).languages) == {"en": 2, "de": 1}


def test_an_unfiltered_page_that_cannot_be_read_is_an_error(signed_in: Any, answers: Any) -> None:
    crawl = Crawl()
    with pytest.raises(TwitchServerError):
        signed_in.play(crawl.open(signed_in.session), [answers.error(500)] * 4)
    assert crawl.walks == []


def test_does_not_use_checkpoints_unless_told_to(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=Known(languages={"en": 900}, checkpoints={"en": ["a", "b"]}))
    assert len(crawl.walks) == len(LANGUAGES)
    assert (reported(crawl).strategy, reported(crawl).checkpoints) == ("languages", {})


# --- which first -----------------------------------------------------------------------------------------


def test_the_longest_lists_of_the_last_snapshot_go_first(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known([], {"ja": 50, "en": 20, "tlh": 90}))
    assert [walk.language for walk in crawl.walks[:3]] == ["tlh", "ja", "en"]


def test_without_one_the_most_used_languages_go_first(signed_in: Any) -> None:
    assert [walk.language for walk in opened(signed_in).walks[:3]] == ["en", "es", "ru"]


def test_a_walk_leaves_more_points_the_shorter_its_list(signed_in: Any) -> None:
    crawl = opened(signed_in)
    points = [crawl.priority(walk) for walk in crawl.walks]
    assert points[: MAX_PRIORITY + 2] == [*range(MAX_PRIORITY), MAX_PRIORITY, MAX_PRIORITY]
    assert max(points) == MAX_PRIORITY


# --- walks that fail -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TwitchAuthError("no"), TwitchSecretError("no"), TwitchConfigError("no")])
def test_an_error_that_every_walk_would_get_ends_the_crawl(signed_in: Any, error: TwitchError) -> None:
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
def test_an_error_of_one_walk_cuts_that_walk_short(signed_in: Any, error: TwitchError) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {}, but={"de"})
    crawl.fail(walk_of(crawl, "de"), error)
    crawl.stop("time is over")
    report = reported(crawl)
    assert report.cut == {"de": str(error)}
    assert not report.complete
    assert report.rate_limited == isinstance(error, TwitchRateLimitError)
    assert report.as_dict()["language_walks"]["de"] == {"pages": 0, "rows": 0, "ended": "cut"}


def test_a_language_that_twitch_refuses_and_nobody_uses_does_not_count(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=known(names(crowd(1, 20))))
    read(crawl, signed_in, {"en": crowd(1, 20)}, but={"asl"})
    crawl.fail(walk_of(crawl, "asl"), NO_SUCH_LANGUAGE)
    crawl.stop("time is over")
    crawl.missing_batches()
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
def test_a_language_in_use_that_twitch_refuses_is_cut_short(
    signed_in: Any, language: str, options: dict[str, Any]
) -> None:
    crawl = opened(signed_in, **options)
    crawl.fail(walk_of(crawl, language), NO_SUCH_LANGUAGE)
    assert walk_of(crawl, language).cut == "no such language"


def test_a_cursor_that_is_refused_in_the_middle_of_a_list_cuts_it_short(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in)
    walk = walk_of(crawl, "asl")
    replies = [page(crowd(1, 100), "a"), *[answers.error(400)] * 2]
    with pytest.raises(TwitchRequestError) as caught:
        record(crawl, signed_in, walk.read(signed_in.session), replies)
    crawl.fail(walk, caught.value)
    assert not reported(crawl).complete
    assert "(page 2, 100 rows read so far)" in reported(crawl).cut["asl"]


def test_lists_that_ended_with_a_full_page_are_read_on(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 195), "de": crowd(1, 95), "fr": crowd(1, 150), "pl": ()})
    en, de = again = crawl.recheck()
    assert [walk.label for walk in again] == ["en", "de"]
    replies = [page(crowd(101, 195), "on"), page(crowd(196, 230))]
    record(crawl, signed_in, en.read(signed_in.session), replies)
    record(crawl, signed_in, de.read(signed_in.session), [page(crowd(1, 95))])
    assert len(crawl.seen) == 230
    crawl.stop("time is over")
    assert reported(crawl).cut == {}


def test_reading_on_that_fails_or_finds_no_time_cuts_nothing_short(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {"en": crowd(1, 100), "de": crowd(1, 100), "fr": crowd(1, 10, viewers=1_500)})
    en, de = crawl.recheck()
    crawl.fail(en, TwitchServerError("no", status=503))
    crawl.stop("time is over")
    assert (en.outcome, de.outcome) == ("end", "end")


# --- the end of the time ---------------------------------------------------------------------------------


def test_walks_that_have_not_ended_then_are_cut_short(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {}, but={"en", "de"})
    steps = walk_of(crawl, "en").read(signed_in.session)
    next(steps)
    steps.send(page(crowd(1, 100), "a"))
    next(steps)
    crawl.stop("204 s were not enough")
    assert reported(crawl).cut == {
        "en": "204 s were not enough, 1 pages read so far",
        "de": "204 s were not enough, 0 pages read so far",
    }


def test_no_page_of_any_walk_by_then_is_an_error(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 50})
    with pytest.raises(TwitchConnectionError, match="streams: 240 s were not enough; try again later"):
        crawl.stop("240 s were not enough")


@pytest.mark.parametrize(
    "error", [TwitchServerError("down", status=500), TwitchRequestError("forbidden", status=403)]
)
def test_if_every_walk_failed_it_is_the_error_of_the_first(signed_in: Any, error: TwitchError) -> None:
    crawl = opened(signed_in, shown={"en": 50})
    for walk in crawl.walks:
        crawl.fail(walk, error)
    with pytest.raises(type(error)) as caught:
        crawl.stop("time is over")
    assert caught.value is error


def test_a_twitch_without_any_stream_is_not_complete(signed_in: Any) -> None:
    crawl = opened(signed_in)
    read(crawl, signed_in, {})
    crawl.stop("time is over")
    assert not reported(crawl).complete
    assert reported(crawl).cut == {}


# --- broadcasters missing from the walks -----------------------------------------------------------------


def test_looks_up_nobody_without_a_last_snapshot(signed_in: Any) -> None:
    crawl = opened(signed_in)
    assert crawl.missing_batches() == []
    assert reported(crawl).as_dict()["completeness"] is None


def test_looks_up_the_missing_broadcasters_of_the_last_snapshot(signed_in: Any) -> None:
    gone = [f"gone-{number:03}" for number in range(250)]
    crawl = crawled(signed_in, crowd(1, 180), [*names(crowd(1, 160)), *gone])
    batches = crawl.missing_batches()
    assert [user for batch in batches for user in batch] == gone
    counts = crawl.reconciliation
    assert (counts.known_seen, counts.new_broadcasters, counts.unresolved) == (160, 20, 250)


def test_broadcasters_that_are_live_were_missed_and_the_others_have_ended(signed_in: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), "missed-1", "missed-2", "gone"])
    (batch,) = crawl.missing_batches()
    replies = [page([("missed-1", 5), ("missed-2", 3)], language="de")]
    record(crawl, signed_in, crawl.reconcile(signed_in.session, batch), replies)
    counts = crawl.reconciliation
    assert (counts.recovered, counts.ended, counts.unresolved) == (2, 1, 0)
    assert crawl.seen.keys() >= {"missed-1", "missed-2"}
    assert dict(reported(crawl).languages) == {"en": 100, "de": 2}


def test_closed_accounts_do_not_keep_the_others_from_being_looked_up(signed_in: Any, answers: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), "missed", "gone", "closed"])
    (batch,) = crawl.missing_batches()
    replies = [answers.error(400), answers.page("missed", "gone"), page([("missed", 5)])]
    record(crawl, signed_in, crawl.reconcile(signed_in.session, batch), replies)
    counts = crawl.reconciliation
    assert (counts.recovered, counts.ended, counts.unresolved) == (1, 2, 0)


def test_a_batch_of_closed_accounts_is_not_a_request_for_every_stream(signed_in: Any, answers: Any) -> None:
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), "closed"])
    (batch,) = crawl.missing_batches()
    replies = [answers.error(400), answers.page()]
    record(crawl, signed_in, crawl.reconcile(signed_in.session, batch), replies)
    assert (crawl.reconciliation.ended, crawl.reconciliation.unresolved) == (1, 0)


def test_a_batch_that_cannot_be_read_stays_unresolved(signed_in: Any, answers: Any) -> None:
    missing = [f"m{number}" for number in range(100)]
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), *missing])
    (batch,) = crawl.missing_batches()
    with pytest.raises(TwitchRateLimitError):
        record(crawl, signed_in, crawl.reconcile(signed_in.session, batch), [answers.error(429)] * 6)
    report = reported(crawl, signed_in.session.stats)
    assert report.reconciliation.unresolved == 100
    assert report.rate_limited == 6
    assert report.reconciliation.completeness == 0.5
    assert not report.complete


# --- lists that ended early ------------------------------------------------------------------------------


@pytest.mark.parametrize(("missed", "early"), [(FEW_ROWS, False), (FEW_ROWS + 1, True)])
def test_a_list_of_which_many_had_to_be_looked_up_is_cut_short(
    signed_in: Any, missed: int, early: bool
) -> None:
    missing = [f"m{number}" for number in range(missed)]
    crawl = crawled(signed_in, crowd(1, 100), [*names(crowd(1, 100)), *missing])
    (batch,) = crawl.missing_batches()
    replies = [page([(user, 5) for user in batch])]
    record(crawl, signed_in, crawl.reconcile(signed_in.session, batch), replies)
    report = reported(crawl)
    assert ("en" in report.cut) is early
    assert report.as_dict()["language_walks"]["en"]["ended"] == ("cut" if early else "end")
    if early:
        assert report.cut["en"].startswith("its list ended early: 51 of 151 streams")


def test_a_list_without_the_streams_of_the_unfiltered_page_is_cut_short(signed_in: Any) -> None:
    crawl = opened(signed_in, shown={"en": 45, "de": 1})
    read(crawl, signed_in, {"en": crowd(1, 21)})
    assert reported(crawl).cut.keys() == {"en"}


# --- the report ------------------------------------------------------------------------------------------


def test_counts_what_it_did(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in, shown={"en": 1})
    walk = walk_of(crawl, "en")
    pages = [page([("en-0", 9), ("x", 8)], "a"), answers.error(500), page([("x", 8), ("y", 1)])]
    record(crawl, signed_in, walk.read(signed_in.session), pages)
    read(crawl, signed_in, {}, but={"en"})
    report = reported(crawl, signed_in.session.stats)
    others = len(LANGUAGES) - 1
    assert (report.pages, report.requests) == (3 + others, 4 + others)
    assert (report.rows, report.broadcasters, report.duplicates) == (5, 3, 2)
    assert (report.seconds, report.points_left) == (12.346, 99)
    assert report.retries == {"transient": 1}
    assert report.rate_limited == 0
    assert report.as_dict()["language_walks"]["en"] == {"pages": 2, "rows": 4, "ended": "end"}


def test_contains_no_secret(signed_in: Any, answers: Any) -> None:
    crawl = opened(signed_in)
    echo = answers.error(500, "token-0 of client-secret was sent")
    with pytest.raises(TwitchServerError) as caught:
        signed_in.play(walk_of(crawl, "en").read(signed_in.session), [echo] * 4)
    crawl.fail(walk_of(crawl, "en"), caught.value)
    text = json.dumps(reported(crawl).as_dict()) + reported(crawl).sentence()
    assert "was sent" in text
    assert "token-0" not in text
    assert "client-secret" not in text
