# SPDX-License-Identifier: Apache-2.0
"""Questions that take more than a list of rows to answer, the same in every hook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast

from twitch_provider.helix import lookups
from twitch_provider.helix.queries import Ids
from twitch_provider.helix.session import Session, Steps

#: What is returned: itself in TwitchHook, an awaitable of it in TwitchAsyncHook.
Number = TypeVar("Number")
Texts = TypeVar("Texts")
Nothing = TypeVar("Nothing")


class Questions(ABC, Generic[Number, Texts, Nothing]):
    """Declares what can be asked. An error is raised when it is answered."""

    @abstractmethod
    def _asked(self, question: Callable[[Session], Steps[Any]]) -> Any:
        """Have a question answered."""

    def get_follower_count(self, broadcaster_id: str) -> Number:
        """Return how many followers a channel has.

        https://dev.twitch.tv/docs/api/reference/#get-channel-followers

        :param broadcaster_id: of the channel
        :raises TwitchDataError: the answer has no total
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        return cast("Number", self._asked(lambda session: lookups.follower_count(session, broadcaster_id)))

    def get_game_ids(self, names: Ids) -> Texts:
        """Return the ids of games by name, in the order of the names.

        https://dev.twitch.tv/docs/api/reference/#get-games

        :param names: one or several, exact but for upper and lower case
        :raises TwitchNotFoundError: naming those that Twitch does not know
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        return cast("Texts", self._asked(lambda session: lookups.game_ids(session, names)))

    def require_games(self, ids: Iterable[str]) -> Nothing:
        """Make sure that Twitch knows these games: it answers an unknown id with an empty list of streams.

        :param ids: of games
        :raises TwitchNotFoundError: naming the ids that it does not know
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        return cast("Nothing", self._asked(lambda session: lookups.require_games(session, ids)))
