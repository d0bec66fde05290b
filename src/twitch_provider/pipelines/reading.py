# SPDX-License-Identifier: Apache-2.0
"""Any list of Helix, for operators that are told its name and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix import endpoints, queries
from twitch_provider.pipelines import rendered

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.helix.queries import Query


def reading(endpoint: Any, endpoint_params: Any, max_items: Any) -> Query:
    """Check a reading, as templates rendered it, before anything is sent.

    :param endpoint: for example ``games/top``
    :param endpoint_params: by Helix's names; more than 100 values of one are cut into several requests
    :param max_items: stop after so many rows; None for all
    :raises TwitchParameterError: naming the parameter that Helix would refuse
    """
    params = rendered.mapping(endpoint_params) or {}
    if not isinstance(params, Mapping):
        raise TwitchParameterError(
            f"endpoint_params wants Helix's parameters by name, not {params!r:.60}",
            parameter="endpoint_params",
        )
    found = endpoints.endpoint(str(endpoint))
    kinds = dict.fromkeys(found.lists, rendered.listed)
    kinds |= dict.fromkeys(found.flags, rendered.flag) | dict.fromkeys(found.numbers, rendered.number)
    meant = {name: kinds.get(name, rendered.given)(value) for name, value in params.items()}
    return queries.query(found.path, meant, max_items=rendered.number(max_items), split=True)


def shown(pages: Iterable[Page]) -> Iterator[Page]:
    """Pass pages on, and refuse a list that Twitch counts but does not show: that one is not empty.

    https://dev.twitch.tv/docs/api/reference/#get-channel-followers

    :param pages: of one walk
    :raises TwitchParameterError: at the end; such a list is not for app tokens
    """
    rows, counted, name = 0, 0, ""
    for page in pages:
        rows, counted, name = rows + len(page.rows), page.total or 0, page.endpoint
        yield page
    if counted and not rows:
        raise TwitchParameterError(
            f"{name}: Twitch counts {counted:,} rows and shows none of them to an app token; "
            f"where the number is enough, TwitchHook.get_follower_count gives it",
            parameter="endpoint",
        )
