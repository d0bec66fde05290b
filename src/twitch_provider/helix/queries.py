# SPDX-License-Identifier: Apache-2.0
"""What to read: an endpoint, the first request of each walk, and where to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, TypeVar

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import MAX_VALUES, Endpoint, endpoint
from twitch_provider.helix.messages import Params

#: One id or several.
Ids = str | Sequence[str]
T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """A checked query of one list endpoint. Make one with :func:`query`.

    :param endpoint: the list
    :param batches: the parameters of each first request; several where there were more than 100 ids
    :param max_items: stop after this many distinct rows
    :param max_pages: stop after this many pages of a batch
    """

    endpoint: Endpoint
    batches: tuple[Params, ...]
    max_items: int | None = None
    max_pages: int | None = None

    def follows(self, params: Params) -> bool:
        """Whether the walk may continue at a cursor.

        Not on a list without pages; not backwards, where cursors loop
        (https://github.com/twitchdev/issues/issues/1172); and Get Videos takes ``after`` only with a user.
        """
        given = {name for name, _ in params}
        needed = self.endpoint.needs.get("after")
        return self.endpoint.paged and "before" not in given and (needed is None or bool(given & set(needed)))


def query(
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    max_items: int | None = None,
    max_pages: int | None = None,
    split: bool = False,
) -> Query:
    """Check what is to be read, before anything is sent.

    :param path: the endpoint, for example ``games/top``
    :param params: arguments by Helix's names; None stands for "not given"
    :param max_items: stop after this many distinct rows
    :param max_pages: stop after this many pages of a batch
    :param split: split more than 100 ids into several requests, instead of refusing them
    :raises TwitchParameterError: naming the parameter
    """
    found = endpoint(path)
    for name, bound in (("max_items", max_items), ("max_pages", max_pages)):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 1):
            raise TwitchParameterError(
                f"{found.path}: {name} must be a whole number, 1 or more, not {bound!r:.60}", parameter=name
            )
    given = {name: value for name, value in (params or {}).items() if value is not None}
    # Videos and clips by id come in one answer, without pages.
    if found.paged and "first" not in given and not ("id" in found.lists and "id" in given):
        given["first"] = min(MAX_VALUES, max_items or MAX_VALUES)
    values = found.check(given)
    if not split:
        found.check_counts(values)
    return Query(found, tuple(_batches(found, values)), max_items, max_pages)


def _batches(found: Endpoint, values: Mapping[str, list[str]]) -> Iterator[Params]:
    """Spread checked values over as many requests as it takes; usually that is one."""
    lists = [[(name, text) for text in values[name]] for name in values if name in found.lists]
    rest = [(name, text) for name in values if name not in found.lists for text in values[name]]
    # Where 100 is for all lists together, how they are mixed does not matter: no order is promised.
    groups = [list(chain.from_iterable(lists))] if found.joint else lists
    for chunks in product(*(list(_chunks(group)) for group in groups)):
        yield (*chain.from_iterable(chunks), *rest)


def _chunks(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), MAX_VALUES):
        yield values[start : start + MAX_VALUES]
