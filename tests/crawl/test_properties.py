# SPDX-License-Identifier: Apache-2.0
"""What the walks of one list find together, wherever they begin and however their requests interleave.

Each of these mistakes, made by hand, fails here: a segment that ends where the one below has as many viewers,
or at a single row in common; one that takes a dropped segment, or one that has not begun, for the one below;
one that looks no further down than the segment next to it; a cursor to page one that counts as a loss.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crawl.lists import Lists, Live, Reading, page, users

from twitch_provider.crawl.checkpoints import segments
from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.exceptions import TwitchError, TwitchPaginationError
from twitch_provider.helix.messages import Request, Response

reproducible = settings(derandomize=True, deadline=None, max_examples=150, database=None)

ENDS = ["nothing", "empty", "empties", "wrap"]


@st.composite
def still_lists(draw: st.DrawFn, most: int = 60) -> list[Live]:
    """A list in order, in which many streams have the same viewers."""
    runs = draw(st.lists(st.integers(1, 25), min_size=1, max_size=8))
    viewers = [level for level, run in enumerate(reversed(runs)) for _ in range(run)]
    return [(f"u{number}", level) for number, level in enumerate(reversed(viewers[:most]))]


def walks_of(checkpoints: list[str]) -> list[LanguageWalk]:
    """The walks of one list."""
    return segments("en", 0, checkpoints) if checkpoints else [LanguageWalk("en")]


def read_all(
    twitch: Any, walks: list[LanguageWalk], lists: Lists, data: st.DataObject
) -> tuple[set[str], list[TwitchError]]:
    """Read them all, one request at a time, in any order; returns the users, and what cut walks short."""
    errors: list[TwitchError] = []
    readings: list[tuple[LanguageWalk, Reading]] = []
    waiting = list(walks)
    found: set[str] = set()
    while waiting or readings:
        pick = data.draw(st.integers(0, len(waiting) + len(readings) - 1), label="next")
        if pick < len(waiting):
            walk = waiting.pop(pick)
            readings.append((walk, Reading(walk.read(twitch.session), lists)))
            continue
        walk, reading = readings[pick - len(waiting)]
        try:
            goes_on = reading.go_on()
        except TwitchError as error:
            walk.fail(error)
            errors += [error] if walk.cut else []
            goes_on = False
        if not goes_on:
            readings.remove((walk, reading))
            found |= set(users(reading.pages))
    return found, errors


@given(rows=still_lists(), size=st.integers(1, 12), end=st.sampled_from(ENDS), data=st.data())
@reproducible
def test_the_walks_of_a_list_find_all_of_it(
    new_twitch: Any, rows: list[Live], size: int, end: str, data: st.DataObject
) -> None:
    places = data.draw(st.lists(st.integers(0, len(rows)), max_size=5), label="checkpoints")
    if data.draw(st.booleans(), label="in order"):
        places.sort()
    checkpoints = [f"{place} mark{number}" for number, place in enumerate(places)]
    refused = data.draw(
        st.sets(st.sampled_from(checkpoints)) if checkpoints else st.just(set()), label="refused"
    )
    emptied = data.draw(
        st.sets(st.sampled_from(checkpoints)) if checkpoints else st.just(set()), label="emptied"
    )

    def spoil(request: Request) -> Response | None:
        after = dict(request.params).get("after")
        if after in refused:
            return Response(400, {}, b'{"status":400,"message":"invalid cursor"}', page().received_at)
        return page((), "0 elsewhere") if after in emptied else None

    lists = Lists({"en": rows}, size=size, end=end, spoil=spoil)
    walks = walks_of(checkpoints)
    found, errors = read_all(new_twitch(), walks, lists, data)
    # Where all have as many viewers, a list that wraps looks like one that loops: that is an error.
    assert not errors or end == "wrap"
    assert all(isinstance(error, TwitchPaginationError) for error in errors)
    assert found == {user for user, _ in rows}
    assert all(walk.done for walk in walks)
    # Segments that are dropped cost two requests, and the others overlap by some pages; none loops.
    assert lists.asked["en"] <= (len(rows) // size + 12) * (len(checkpoints) + 1)


@given(rows=still_lists(), size=st.integers(2, 12), broken=st.integers(0, 12), data=st.data())
@reproducible
def test_no_stream_is_lost_without_an_error(
    new_twitch: Any, rows: list[Live], size: int, broken: int, data: st.DataObject
) -> None:
    """From some request on Twitch fails for good, or its cursors loop."""
    checkpoints = [str(place) for place in sorted(data.draw(st.lists(st.integers(1, len(rows)), max_size=3)))]
    kind = data.draw(st.sampled_from(["500", "same cursor", "page one", "old rows"]))
    count = 0

    def spoil(request: Request) -> Response | None:
        nonlocal count
        count += 1
        if count <= broken:
            return None
        after = dict(request.params).get("after", "0")
        return {
            "500": Response(500, {}, b"", page().received_at),
            "same cursor": page(rows[int(after.split()[0]) :][:size], after),
            "page one": page(rows[:size], f"{min(size, len(rows))} {count}"),
            "old rows": page(rows[:1], f"{len(rows)} {count}"),
        }[kind]

    walks = walks_of(checkpoints)
    found, _ = read_all(new_twitch(), walks, Lists({"en": rows}, size=size, spoil=spoil), data)
    missing = {user for user, _ in rows} - found
    # Any small page may be the last: a list that wraps there has ended, and the crawl finds out otherwise.
    assert not missing or any(walk.cut or walk.ended == "wrapped" for walk in walks)
