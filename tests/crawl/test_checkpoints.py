# SPDX-License-Identifier: Apache-2.0
"""Lists that are read from several places at once: no stream between two segments is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from demo.worlds.moving import MovingWorld
from tests.crawl.crawls import Known, names, opened, read, reported, walk_of
from tests.crawl.lists import crowd, keeping, page, users
from tests.crawl.place import AT, Place, live, quiet, run, still

from twitch_provider.crawl import checkpoints
from twitch_provider.crawl.checkpoints import LONG_LIST_PAGES, PAGES_APART, ListSegment, gaps
from twitch_provider.crawl.light_page import LightPage
from twitch_provider.crawl.plan import LANGUAGES
from twitch_provider.crawl.report import CrawlReport
from twitch_provider.exceptions import (
    TwitchConnectionError,
    TwitchPaginationError,
    TwitchRequestError,
    TwitchServerError,
)
from twitch_provider.testing import cursors
from twitch_provider.testing.world import World


def step(twitch: Any, replies: Sequence[Any], **options: Any) -> tuple[ListSegment, list[LightPage]]:
    """A segment that has read these pages to its end."""
    segment = ListSegment("en", **options)
    pages: list[LightPage] = []
    twitch.play(keeping(segment.read(twitch.session), pages), replies)
    return segment, pages


def begun(twitch: Any, first: Any, below: ListSegment | None = None) -> ListSegment:
    """A segment further down that has read its first page."""
    segment = ListSegment("en", start="checkpoint", below=below)
    steps = keeping(segment.read(twitch.session), [])
    next(steps)
    steps.send(first)
    return segment


# --- one segment -----------------------------------------------------------------------------------------


def test_begins_at_its_checkpoint_and_keeps_the_cursor_of_each_page(signed_in: Any) -> None:
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 200), "b"), page(crowd(201, 210))]
    segment, _ = step(signed_in, replies, start="checkpoint", number=1)
    assert signed_in.played.cursors == ["checkpoint", "a", "b"]
    assert segment.cursors == ["a", "b"]
    assert (segment.label, ListSegment("en").label) == ("en+1", "en")


def test_ends_where_the_list_leads_back_to_its_top(signed_in: Any) -> None:
    replies = [page(crowd(501, 540), "b"), page(crowd(1, 100), "c")]
    segment, _ = step(signed_in, replies, start="checkpoint")
    assert segment.ended == "wrapped"


def test_the_top_of_the_list_in_the_middle_of_a_segment_is_an_error(signed_in: Any) -> None:
    replies = [page(crowd(501, 600), "b"), page(crowd(1, 100), "c")]
    with pytest.raises(TwitchPaginationError, match="led back"):
        step(signed_in, replies, start="checkpoint")


def test_a_segment_that_had_begun_and_failed_is_cut_short(signed_in: Any) -> None:
    below = begun(signed_in, page(crowd(50, 149), "on"))
    above, _ = step(signed_in, [page(crowd(1, 100), "a")], below=below)
    below.fail(TwitchConnectionError("gone"))
    assert (above.outcome, below.outcome) == ("met", "cut")


def test_the_top_segment_that_fails_is_cut_short() -> None:
    top = ListSegment("en")
    top.fail(TwitchConnectionError("gone"))
    assert top.outcome == "cut"


# --- where the segment below began -----------------------------------------------------------------------


def test_ends_where_the_segment_below_began(signed_in: Any) -> None:
    below = begun(signed_in, page(crowd(150, 249), "on"))
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 200), "b")]
    segment, pages = step(signed_in, replies, below=below)
    assert segment.ended == "met"
    assert set(users(pages)) >= set(names(crowd(1, 150)))


def test_reads_on_where_the_segment_below_has_not_begun(signed_in: Any) -> None:
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 150))]
    segment, _ = step(signed_in, replies, below=ListSegment("en", start="checkpoint"))
    assert segment.ended == "end"


@pytest.mark.parametrize("shift", [0, 1, 50, 98, 99])
def test_where_all_have_as_many_viewers_one_of_both_reads_every_row(signed_in: Any, shift: int) -> None:
    """The segment below begins in the middle of 1,000 streams with one viewer."""
    plateau = crowd(1, 1_000, viewers=1)
    begins = 500 + shift
    below = begun(signed_in, page(plateau[begins : begins + 100], "on"))
    replies = [page(plateau[at : at + 100], f"c{at}") for at in range(0, 700, 100)]
    segment = ListSegment("en", below=below)
    pages: list[LightPage] = []
    steps = keeping(segment.read(signed_in.session), pages)
    next(steps)
    with suppress(StopIteration):
        for reply in replies:
            steps.send(reply)
    assert segment.ended == "met"
    assert set(users(pages)) >= set(names(plateau[:begins]))


def test_a_row_that_has_risen_from_below_is_not_where_the_segment_below_began(signed_in: Any) -> None:
    below = begun(signed_in, page(crowd(500, 599, viewers=1), "on"))
    risen = [*crowd(1, 97, viewers=2), ("u500", 2), ("u501", 2), *crowd(98, 98, viewers=1)]
    replies = [page(risen, "a"), page(crowd(99, 198, viewers=1), "b"), page(crowd(199, 250, viewers=1))]
    segment, pages = step(signed_in, replies, below=below)
    assert segment.ended == "end"
    assert len(set(users(pages))) == 252


def test_a_segment_below_of_one_row_is_met_at_that_row(signed_in: Any) -> None:
    below = begun(signed_in, page(crowd(150, 150, viewers=3), "on"))
    rows = [*crowd(1, 99, viewers=4), *crowd(150, 150, viewers=3)]
    segment, _ = step(signed_in, [page(rows, "a")], below=below)
    assert segment.ended == "met"


def test_a_segment_below_without_viewers_is_never_met(signed_in: Any, answers: Any) -> None:
    odd = answers.ok({"data": [{"user_id": "u3"}], "pagination": {"cursor": "on"}})
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 110))]
    segment, _ = step(signed_in, replies, below=begun(signed_in, odd))
    assert segment.ended == "end"


# --- checkpoints that lead nowhere -----------------------------------------------------------------------


def refused(twitch: Any, answers: Any) -> ListSegment:
    """A segment whose checkpoint Twitch refuses."""
    segment = ListSegment("en", start="old")
    with pytest.raises(TwitchRequestError) as caught:
        twitch.play(segment.read(twitch.session), [answers.error(400)] * 2)
    segment.fail(caught.value)
    return segment


def test_a_checkpoint_that_is_refused_drops_the_segment_and_the_one_above_reads_on(
    signed_in: Any, answers: Any
) -> None:
    below = refused(signed_in, answers)
    assert (below.outcome, below.pages) == ("dropped", 0)
    replies = [page(crowd(1, 100), "a"), page(crowd(101, 150))]
    segment, pages = step(signed_in, replies, below=below)
    assert segment.ended == "end"
    assert len(users(pages)) == 150


@pytest.mark.parametrize("cursor", [None, "on"])
def test_a_checkpoint_that_leads_to_an_empty_page_drops_the_segment(
    signed_in: Any, cursor: str | None
) -> None:
    segment, _ = step(signed_in, [page((), cursor)], start="old")
    assert (segment.outcome, segment.pages) == ("dropped", 0)


def test_the_segment_above_dropped_ones_ends_where_the_next_good_one_began(signed_in: Any) -> None:
    good = begun(signed_in, page(crowd(301, 400), "on"))
    lower, _ = step(signed_in, [page()], start="old", below=good)
    upper = ListSegment("en", start="older", below=lower)
    upper.fail(TwitchServerError("down", status=500))
    replies = [page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201, 301)]
    segment, pages = step(signed_in, replies, below=upper)
    assert segment.ended == "met"
    assert len(users(pages)) == 400


def test_a_checkpoint_that_leads_to_page_one_loses_nothing(signed_in: Any) -> None:
    """The segment above ends at once, for this one reads all of the list."""
    above, _ = step(signed_in, [page(crowd(1, 100), "a")], below=begun(signed_in, page(crowd(1, 100), "on")))
    assert above.ended == "met"
    whole, pages = step(signed_in, [page(crowd(1, 100), "a"), page(crowd(101, 180))], start="old")
    assert whole.ended == "end"
    assert len(users(pages)) == 180


def test_checkpoints_in_the_wrong_order_lose_nothing(signed_in: Any) -> None:
    lowest = begun(signed_in, page(crowd(101, 200), "on"))
    middle, _ = step(signed_in, [page(crowd(501, 600), "m")], start="low", below=lowest)
    assert middle.ended == "met"  # the lowest one began above it, and reads what follows
    replies = [page(crowd(at, at + 99), f"c{at}") for at in (1, 101, 201, 301, 401, 501)]
    segment, pages = step(signed_in, replies, below=middle)
    assert segment.ended == "met"
    assert len(users(pages)) == 600


# --- a gap between two segments --------------------------------------------------------------------------


def test_a_segment_that_ends_above_the_one_below_ended_early(signed_in: Any) -> None:
    below = begun(signed_in, page(crowd(300, 390), "on"))
    top, _ = step(signed_in, [page(crowd(1, 50))], below=below)
    assert gaps([top, below]) == {top: "at 9950 viewers, and the segment below began at 9700"}


def test_a_segment_above_dropped_ones_may_end(signed_in: Any, answers: Any) -> None:
    below = refused(signed_in, answers)
    top, _ = step(signed_in, [page(crowd(1, 50))], below=below)
    assert gaps([top, below]) == {}


# --- a crawl ---------------------------------------------------------------------------------------------

MARKED = Known(languages={"en": 900, "de": 500}, checkpoints={"en": ["a", "b"], "xx": ["c"]})


def segment_of(crawl: Any, label: str) -> ListSegment:
    walk = walk_of(crawl, label)
    assert isinstance(walk, ListSegment)
    return walk


def test_divides_long_lists_at_the_checkpoints_of_the_last_crawl(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_checkpoints=True)
    top, second, third = (segment_of(crawl, label) for label in ("en", "en+1", "en+2"))
    assert [walk.start for walk in (top, second, third)] == [None, "a", "b"]
    assert (top.below, second.below, third.below) == (second, third, None)
    assert top.expected == 300
    assert [walk.language for walk in crawl.walks[:2]] == ["de", "en"]
    assert reported(crawl).strategy == "checkpoints"


def test_without_a_last_snapshot_there_are_no_checkpoints(signed_in: Any) -> None:
    assert len(opened(signed_in, from_checkpoints=True).walks) == len(LANGUAGES)


def read_pages(crawl: Any, label: str, first: int, last: int) -> None:
    segment_of(crawl, label).cursors += [f"c{number}" for number in range(first, last + 1)]


def test_reports_checkpoints_of_long_lists_evenly_spaced(signed_in: Any) -> None:
    crawl = opened(signed_in, from_checkpoints=True)
    read_pages(crawl, "en", 1, LONG_LIST_PAGES + PAGES_APART)
    read_pages(crawl, "de", 1, LONG_LIST_PAGES - 1)
    assert reported(crawl).checkpoints == {"en": [f"c{number}" for number in range(25, 176, 25)]}


def test_reports_checkpoints_over_all_segments_of_a_list_in_order(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_checkpoints=True)
    for number, label in enumerate(("en", "en+1", "en+2")):
        read_pages(crawl, label, 50 * number + 1, 50 * number + 50)
    assert reported(crawl).checkpoints == {"en": [f"c{number}" for number in range(25, 151, 25)]}


def test_checkpoints_that_are_refused_cost_no_stream(signed_in: Any, answers: Any) -> None:
    lists = {"en": crowd(1, 150)}
    remembered = replace(MARKED, users=frozenset(names(lists["en"])))
    crawl = opened(signed_in, remembered=remembered, from_checkpoints=True)
    read(crawl, signed_in, lists, but={"en", "en+1", "en+2"})
    for label in ("en+2", "en+1"):
        with pytest.raises(TwitchRequestError) as caught:
            signed_in.play(walk_of(crawl, label).read(signed_in.session), [answers.error(400)] * 2)
        crawl.fail(walk_of(crawl, label), caught.value)
    read(crawl, signed_in, lists, but={walk.label for walk in crawl.walks} - {"en"})
    crawl.stop("time is over")
    crawl.missing_batches()
    report = reported(crawl)
    assert report.complete
    assert report.as_dict()["language_walks"]["en+1"]["ended"] == "dropped"
    assert crawl.seen.keys() == set(names(lists["en"]))


def test_a_segment_that_there_was_no_time_for_costs_no_stream(signed_in: Any) -> None:
    remembered = replace(MARKED, users=frozenset(names(crowd(1, 20))))
    crawl = opened(signed_in, remembered=remembered, from_checkpoints=True)
    read(crawl, signed_in, {"en": crowd(1, 20)}, but={"en+1", "en+2"})
    crawl.stop("time is over")
    crawl.missing_batches()
    assert reported(crawl).complete


def test_a_refused_checkpoint_is_not_why_nothing_could_be_read(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_checkpoints=True)
    crawl.fail(walk_of(crawl, "en+1"), TwitchRequestError("invalid cursor", status=400))
    with pytest.raises(TwitchConnectionError, match="240 s were not enough"):
        crawl.stop("240 s were not enough")


def test_a_gap_between_segments_cuts_the_one_above_short(signed_in: Any) -> None:
    crawl = opened(signed_in, remembered=MARKED, from_checkpoints=True)
    read(crawl, signed_in, {}, but={"en", "en+1", "en+2"})
    for label, first, last in (("en+2", 800, 840), ("en+1", 400, 410), ("en", 1, 50)):
        signed_in.play(walk_of(crawl, label).read(signed_in.session), [page(crowd(first, last))])
    assert reported(crawl).cut.keys() == {"en", "en+1"}


# --- whole crawls, one after another ---------------------------------------------------------------------


@pytest.fixture
def _short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of 20 pages is a long one."""
    monkeypatch.setattr(checkpoints, "LONG_LIST_PAGES", 20)
    monkeypatch.setattr(checkpoints, "PAGES_APART", 5)


Change = Callable[[Sequence[str]], Sequence[str]]


def crawl_twice(world: World, change: Change) -> Any:
    """Two crawls: the second one gets changed checkpoints of the first."""

    async def twice(place: Place) -> tuple[CrawlReport, CrawlReport]:
        first = await place.crawl(from_checkpoints=True)
        known = place.known(first)
        place.pages.clear()
        changed = {name: change(found) for name, found in known.checkpoints.items()}
        remembered = Known(known.users, known.languages, changed)
        return first, await place.crawl(remembered=remembered, from_checkpoints=True)

    return run(twice, world)


def outcomes(report: CrawlReport, prefix: str) -> dict[str, str]:
    return {label: walk.ended for label, walk in report.language_walks.items() if label.startswith(prefix)}


@pytest.mark.usefixtures("_short_lists")
def test_the_same_streams_are_found_sooner() -> None:
    (first, second), place = crawl_twice(still(6_000), lambda found: found)
    assert [len(found) for found in first.checkpoints.values()] == [5]
    assert place.users == live(still(6_000))
    assert second.complete
    assert second.seconds < first.seconds / 2
    assert second.requests <= first.requests + len(first.checkpoints["en"])
    ends = {"en": "met", **{f"en+{number}": "met" for number in range(1, 5)}, "en+5": "end"}
    assert outcomes(second, "en") == ends
    assert len(second.checkpoints["en"]) == 5


CHANGES: dict[str, tuple[Change, set[str]]] = {
    "none is valid": (lambda found: ["no cursor"] * len(found), {"dropped"}),
    "one is not valid": (lambda found: [*found[:2], "no cursor", *found[3:]], {"met", "dropped", "end"}),
    "to an empty page": (lambda found: [cursors.encode(0, -1)] * len(found), {"dropped"}),
    "to page one": (lambda found: [cursors.encode(0, cursors.TOP)] * len(found), {"met", "end"}),
    "wrong way round": (lambda found: found[::-1], {"met", "end"}),
    "all the same": (lambda found: [found[0]] * 5, {"met", "end"}),
}


@pytest.mark.usefixtures("_short_lists")
@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_checkpoints_that_lead_elsewhere_cost_no_stream(change: Change, expected: set[str]) -> None:
    (_, second), place = crawl_twice(quiet(), change)
    assert place.users == live(quiet())
    assert second.complete, second.cut
    assert set(outcomes(second, "en+").values()) == expected


@pytest.mark.usefixtures("_short_lists")
def test_the_streams_of_a_world_that_moves_are_found() -> None:
    async def twice(place: Place) -> tuple[CrawlReport, set[str]]:
        remembered = place.known(await place.crawl(from_checkpoints=True))
        place.advance(300)
        began = place.simulator.now
        report = await place.crawl(remembered=remembered, from_checkpoints=True)
        return report, world.users_live_throughout(began, place.simulator.now)

    world = MovingWorld(2, streams=6_000, starts_at=AT)
    (report, throughout), place = run(twice, world)
    assert "en+2" in report.language_walks
    assert len(throughout - place.users) <= 0.001 * len(throughout)
    assert report.complete
