# SPDX-License-Identifier: Apache-2.0
"""What the walks of one list bring together, wherever they begin and however their readings interleave.

Tried by hand, each fails: a walk that ends where the next one has as many viewers, or at one row that both
have; one that takes a dropped walk, or one that has not begun, for the next one; one that does not look
further down than the walk next to it; a cursor to page one taken for a loss.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crawl.lists import Lists, Live, Reading, page

from twitch_provider.crawl.language_walk import LanguageWalk
from twitch_provider.exceptions import TwitchError, TwitchPaginationError
from twitch_provider.helix.messages import Request, Response

reproducible = settings(derandomize=True, deadline=None, max_examples=150, database=None)

ENDS = ["nothing", "empty", "empties", "wrap"]


@st.composite
def still_lists(draw: st.DrawFn, most: int = 60) -> list[Live]:
    """A list in order, with many that have as many viewers."""
    runs = draw(st.lists(st.integers(1, 25), min_size=1, max_size=8))
    viewers = [level for level, run in enumerate(reversed(runs)) for _ in range(run)]
    return [(f"u{number}", level) for number, level in enumerate(reversed(viewers[:most]))]


def walks_of(checkpoints: list[str]) -> list[LanguageWalk]:
    """The walks of one list from the top down, each knowing the one below."""
    walks: list[LanguageWalk] = []
    for place, mark in reversed([*enumerate([None, *checkpoints])]):
        walks.insert(0, LanguageWalk("en", start=mark, below=walks[0] if walks else None, place=place))
    return walks


def read_all(twitch: Any, walks: list[LanguageWalk], lists: Lists, data: st.DataObject) -> set[str]:
    """Read them all, one request at a time, in any order."""
    readings: list[tuple[LanguageWalk, Reading]] = []
    waiting = list(walks)
    users: set[str] = set()
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
            goes_on = False
        if not goes_on:
            readings.remove((walk, reading))
            users |= reading.users
    return users


@given(rows=still_lists(), size=st.integers(1, 12), end=st.sampled_from(ENDS), data=st.data())
@reproducible
def test_the_chains_of_a_list_bring_all_of_it(
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
            return Response(400, {}, b'{"message":"invalid cursor"}', page().received_at)
        return page((), "0 elsewhere") if after in emptied else None

    lists = Lists({"en": rows}, size=size, end=end, spoil=spoil)
    walks = walks_of(checkpoints)
    users = read_all(new_twitch(), walks, lists, data)
    cut = [walk for walk in walks if walk.cut]
    # Where all have as many viewers, a list that wraps looks like one that goes in circles: that is loud.
    assert not cut or (end == "wrap" and all("the list" in walk.cut for walk in cut))
    assert users == {user for user, _ in rows}
    assert all(walk.done for walk in walks)
    # Chains that are dropped cost two requests, and the others overlap by some pages; nobody goes round.
    assert lists.asked["en"] <= (len(rows) // size + 12) * (len(checkpoints) + 1)


@given(rows=still_lists(), size=st.integers(2, 12), broken=st.integers(0, 12), data=st.data())
@reproducible
def test_what_is_lost_is_never_lost_in_silence(
    new_twitch: Any, rows: list[Live], size: int, broken: int, data: st.DataObject
) -> None:
    """From some request on Twitch fails for good, or sends people in circles."""
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
    users = read_all(new_twitch(), walks, Lists({"en": rows}, size=size, spoil=spoil), data)
    missing = {user for user, _ in rows} - users
    # Small pages pass for the last one: what wraps there is its end, and shows elsewhere.
    assert not missing or any(walk.cut or walk.ended == "wrapped" for walk in walks)


def test_a_circle_is_an_error_of_its_own(new_twitch: Any) -> None:
    lists = Lists({"en": [("a", 1), ("b", 1)]}, size=1, spoil=lambda request: page([("a", 1)], "0 again"))
    walk = LanguageWalk("en", start="1")
    reading = Reading(walk.read(new_twitch().session), lists)
    try:
        while reading.go_on():
            pass
    except TwitchPaginationError as error:
        walk.fail(error)
    assert walk.outcome == "cut"
