# SPDX-License-Identifier: Apache-2.0
"""Any list endpoint of Helix, for operators that are given its name and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix import endpoints, queries
from twitch_provider.pipelines.templates import native

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.helix.queries import Query

#: The parameters of Helix that may be any word.
_TEXTS = ("query", "name", "login", "user_login")


def endpoint_query(endpoint: Any, endpoint_params: Any, max_items: Any) -> Query:
    """Check a query, as templates rendered it, before anything is sent.

    :param endpoint: for example ``games/top``
    :param endpoint_params: by Helix's names; more than 100 values of one are split into several requests
    :param max_items: stop after that many rows; None for all
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    params = native(endpoint_params, dict) or {}
    if not isinstance(params, Mapping):
        raise TwitchParameterError(
            f"endpoint_params must be Helix's parameters by name, as a dict or its text in JSON or Python, "
            f"not {params!r:.60}",
            parameter="endpoint_params",
        )
    found = endpoints.endpoint(str(endpoint))
    kinds: dict[str, tuple[type, ...]] = dict.fromkeys(found.lists, (list, tuple))
    kinds |= dict.fromkeys(found.flags, (bool,)) | dict.fromkeys(found.numbers, (int,))
    for name in _TEXTS:
        kinds[name] = (*kinds.get(name, ()), str)
    typed = {name: native(value, *kinds.get(name, ())) for name, value in params.items()}
    return queries.query(found.path, typed, max_items=native(max_items, int), split=True)


def require_shown(pages: Iterable[Page]) -> Iterator[Page]:
    """Pass pages on, and refuse a list that Twitch counts but does not show: it is not empty.

    https://dev.twitch.tv/docs/api/reference/#get-channel-followers

    :raises TwitchParameterError: at the end; such a list is not for app tokens
    """
    rows, counted, name = 0, 0, ""
    for page in pages:
        rows, counted, name = rows + len(page.rows), page.total or 0, page.endpoint
        yield page
    if counted and not rows:
        raise TwitchParameterError(
            f"{name}: Twitch counts {counted:,} rows and shows none of them to an app token; "
            f"if the number is enough, use TwitchHook.get_follower_count",
            parameter="endpoint",
        )
