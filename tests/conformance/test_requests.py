# SPDX-License-Identifier: Apache-2.0
"""Whatever our rules accept, Twitch accepts: each request of each walk, split lists and cursors included."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.arguments import BOUND, OF_HELIX, OF_READERS
from tests.conformance.samples import as_sent, subsets
from tests.conformance.stepping import Queries, drive, session, step, three_pages
from tests.conformance.validator import Description

from twitch_provider.crawl.plan import Crawl
from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import ENDPOINTS
from twitch_provider.helix.lookups import follower_count
from twitch_provider.helix.queries import Query, query
from twitch_provider.hooks.readers import Readers

EVERYWHERE = pytest.mark.parametrize("path", ENDPOINTS)
#: The same examples every time, so that a result depends on the code alone.
steady = settings(
    max_examples=75, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


READERS: dict[str, Callable[..., Query]] = {
    name: getattr(Queries(), name) for name in dir(Readers) if name.startswith(("get_", "search_"))
}


def judge(description: Description, asked: Query) -> None:
    """Check every request of a walk, the first ones and those that follow a cursor."""
    sent = step(asked, three_pages).sent
    assert len(sent) >= len(asked.batches)
    for request in sent:
        assert (request.method, request.body) == ("GET", None)
        assert request.url == f"https://api.twitch.tv/helix/{asked.endpoint.path}"
        assert description.breaches(asked.endpoint.path, request.params) == []
        _ = [value.encode() for _, value in request.params]


@EVERYWHERE
def test_every_parameter_that_twitch_documents_is_known_and_no_other(
    description: Description, path: str
) -> None:
    assert set(ENDPOINTS[path].params) == set(description.parameters(path))


@EVERYWHERE
def test_whatever_the_rules_accept_twitch_accepts(description: Description, path: str) -> None:
    accepted = []
    names = list(ENDPOINTS[path].params)
    taken = [each for each in subsets(names) if not description.breaches(path, as_sent(each))]
    # A request that Twitch accepts, with up to three parameters added or changed.
    changes = st.lists(st.sampled_from(names), unique=True, max_size=3).flatmap(
        lambda few: st.fixed_dictionaries({name: OF_HELIX[name] for name in few})
    )
    params = st.builds(operator.or_, st.sampled_from(taken), changes)

    @steady
    @given(params, BOUND, st.sampled_from([None, 1, 2]), st.booleans())
    def check(params: dict[str, Any], max_items: Any, max_pages: int | None, split: bool) -> None:
        try:
            asked = query(path, params, max_items=max_items, max_pages=max_pages, split=split)
        except TwitchParameterError:
            return
        accepted.append(asked)
        judge(description, asked)

    check()
    assert len(accepted) >= 3


@pytest.mark.parametrize("reader", READERS)
def test_whatever_a_reader_accepts_twitch_accepts(description: Description, reader: str) -> None:
    accepted = []
    parameters = inspect.signature(READERS[reader]).parameters.values()
    wanted = {each.name: OF_READERS[each.name] for each in parameters if each.default is each.empty}
    optional = [each.name for each in parameters if each.name not in wanted]
    some = st.lists(st.sampled_from(optional), unique=True, max_size=4) if optional else st.just([])

    @steady
    @given(some.flatmap(lambda few: st.fixed_dictionaries(wanted | {name: OF_READERS[name] for name in few})))
    def check(arguments: dict[str, Any]) -> None:
        try:
            asked = READERS[reader](**arguments)
        except TwitchParameterError:
            return
        accepted.append(asked)
        judge(description, asked)

    check()
    assert len(accepted) >= 3


def test_the_request_for_the_follower_count_is_one_that_twitch_accepts(description: Description) -> None:
    (request,) = drive(follower_count(session(), "123456"), lambda _: b'{"data": [], "total": 8}').sent
    assert description.breaches("channels/followers", request.params) == []


@pytest.mark.parametrize("path", [path for path, endpoint in ENDPOINTS.items() if endpoint.lists])
def test_long_lists_are_split_and_every_value_is_sent(description: Description, path: str) -> None:
    for name in ENDPOINTS[path].lists:
        # Languages, too: two letters.
        values = [a + b for a in "abcdefghijklmnop" for b in "abcdefghijklmnop"][:250]
        asked = query(path, {name: values}, split=True)
        judge(description, asked)
        assert [value for batch in asked.batches for each, value in batch if each == name] == values


def test_every_request_of_a_crawl_is_one_that_twitch_accepts(description: Description) -> None:
    remembered = SimpleNamespace(
        users=frozenset(str(number) for number in range(150)),
        languages={"en": 20_000, "tlh": 1},
        checkpoints={"en": ["a remembered cursor", "another one"]},
    )
    crawl = Crawl(remembered, from_checkpoints=True)
    sent = drive(crawl.open(session()), three_pages).sent
    for walk in crawl.walks:
        sent += drive(walk.read(session()), three_pages).sent
    for batch in crawl.missing_batches():
        sent += drive(crawl.reconcile(session(), batch), three_pages).sent
    assert {name for request in sent for name, _ in request.params} == {
        "language",
        "user_id",
        "first",
        "after",
    }
    for request in sent:
        assert (request.method, request.url) == ("GET", "https://api.twitch.tv/helix/streams")
        assert description.breaches("streams", request.params) == []
