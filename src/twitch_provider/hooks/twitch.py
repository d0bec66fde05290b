# SPDX-License-Identifier: Apache-2.0
"""The hook for Twitch's Helix API."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

import requests
from airflow.providers.http.hooks.http import HttpHook

from twitch_provider.exceptions import TwitchError
from twitch_provider.helix import lookups
from twitch_provider.helix.answers import read_response
from twitch_provider.helix.conversation import converse, validate
from twitch_provider.helix.messages import Page, Request, Response, Send, Sleep
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step, Steps
from twitch_provider.helix.walk import walk
from twitch_provider.hooks import form, sessions
from twitch_provider.hooks.lineage import report_reading
from twitch_provider.hooks.readers import Readers, Row
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.transport import ConversationAdapter, RequestsTransport
from twitch_provider.hooks.twitch_async import TwitchAsyncHook

__all__ = ["TwitchAsyncHook", "TwitchHook"]

T = TypeVar("T")


class TwitchHook(Readers[Iterator[Row], Iterator[Page]], HttpHook):
    """Read Twitch's Helix API with an app access token.

    The token is fetched on first use and renewed on 401; requests keep to the rate limit; passing faults are
    survived; lists are read to their end, each id once. All rows are Helix's own, as dicts:
    https://dev.twitch.tv/docs/api/reference lists their fields. IDs are text.

    Readers check their arguments at once and read lazily: rows come while you iterate. Everywhere, more than
    100 ids are cut into several requests; ids that Twitch does not know are absent from the answer.

    Whatever takes an ``HttpHook`` takes this one: :meth:`get_conn` and :meth:`run` go through the same
    conversation. Of HttpHook's options only ``method``, ``adapter`` and the keep-alive ones have an effect:
    signing, TLS checks, redirects and retries are not for a caller or a connection's extra to switch.

    :param twitch_conn_id: the ``twitch`` connection: client id (login), client secret (password), optionally
        the API's base URL (host) and the extras ``auth_url``, ``timeout``, ``rate_limit_reserve`` and
        ``auth_cache``
    :param method: HTTP method of :meth:`run`
    :param kwargs: as of ``HttpHook``
    """

    conn_name_attr = "twitch_conn_id"
    default_conn_name = "twitch_default"
    conn_type = "twitch"
    hook_name = "Twitch"

    def __init__(
        self, twitch_conn_id: str = default_conn_name, *, method: str = "GET", **kwargs: Any
    ) -> None:
        super().__init__(method=method, http_conn_id=twitch_conn_id, **kwargs)
        self.twitch_conn_id = twitch_conn_id

    # --- the lists -----------------------------------------------------------------------------------------

    def walk(self, query: Query) -> Iterator[Page]:
        """Walk a checked query of :mod:`twitch_provider.helix.queries`, page by page.

        Airflow's hook lineage learns of ``twitch://helix/{endpoint}`` with the first page.

        :param query: what to read
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        steps, reply, seen = walk(self._session, query), None, False
        with closing(steps):
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration:
                    return
                if not isinstance(step, Page):
                    reply = self._do(step)
                    continue
                if not seen:
                    report_reading(self, step.endpoint)
                yield step
                reply, seen = None, True

    def get_follower_count(self, broadcaster_id: str) -> int:
        """How many followers a channel has.

        https://dev.twitch.tv/docs/api/reference/#get-channel-followers

        :param broadcaster_id: of the channel
        :raises TwitchDataError: Twitch did not say
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        return self._drive(lookups.follower_count(self._session, broadcaster_id))

    def require_games(self, ids: Iterable[str]) -> None:
        """Make sure that Twitch knows these games: it answers an unknown id with an empty list of streams.

        :param ids: of games
        :raises TwitchNotFoundError: naming the ids that it does not know
        :raises TwitchError: see :mod:`twitch_provider.exceptions`
        """
        self._drive(lookups.require_games(self._session, ids))

    # --- one request, one connection -----------------------------------------------------------------------

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """Return a ``requests`` session that reads Helix, and nothing else, through our conversation.

        :param headers: additional ones; Authorization and Client-Id are always ours
        :param extra_options: for ``HttpHook``'s sake; none has an effect
        :raises TwitchConfigError: the connection is missing or malformed
        """
        self.base_url = self.settings.base_url
        self.merged_extra = {"allow_redirects": False}
        session = requests.Session()
        adapter = ConversationAdapter(self._ask, self.settings.base_url)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers.update(headers or {})
        return session

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Join the base URL and an endpoint, whichever of them has a slash there.

        :param endpoint: for example ``games/top``
        """
        return f"{self.settings.base_url}/{(endpoint or '').lstrip('/')}"

    def test_connection(self) -> tuple[bool, str]:
        """Fetch or use a token and ask Twitch whose it is; the contract of the UI's Test button.

        :returns: whether it works, and a sentence
        """
        try:
            settings = replace(self.settings, timeout=min(self.settings.timeout, sessions.TEST_TIMEOUT))
            session = replace(self._session, budget=sessions.TEST_BUDGET)
            transport = self._open_transport(settings)
            return True, sessions.accepted(self._drive(validate(session), transport))
        except TwitchError as error:
            return False, str(error)

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the form, for Airflow 2.11 to 3.1; newer ones read our card."""
        return form.connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the form names and hides fields, for Airflow 2.11 to 3.1; newer ones read our card."""
        return form.ui_field_behaviour()

    # --- the engine ----------------------------------------------------------------------------------------

    @functools.cached_property
    def settings(self) -> Settings:
        """The connection, resolved and checked once for each hook.

        :raises TwitchConfigError: it is missing or malformed
        """
        with sessions.explained(self.twitch_conn_id):
            connection = self.get_connection(self.twitch_conn_id)
        return Settings.from_connection(connection)

    @property
    def stats(self) -> Counter[str]:
        """What this hook has done: see :class:`twitch_provider.helix.session.Session`."""
        return self._session.stats

    @functools.cached_property
    def _session(self) -> Session:
        return sessions.open_session(self.settings, self._clock)

    @functools.cached_property
    def _transport(self) -> RequestsTransport:
        return self._open_transport(self.settings)

    def _open_transport(self, settings: Settings) -> RequestsTransport:
        self.base_url = settings.base_url
        session = self._configure_session_from_mount_adapters(requests.Session())
        session.headers["User-Agent"] = sessions.USER_AGENT
        return RequestsTransport(session, settings.timeout)

    def _ask(self, request: Request) -> Response:
        return self._drive(converse(self._session, request, read_response))

    def _rows(self, query: Query) -> Iterator[Row]:
        return (row for page in self.walk(query) for row in page.objects)

    def _drive(self, steps: Steps[T], transport: RequestsTransport | None = None) -> T:
        reply: Any = None
        # Closed at once, also where a time-out of Airflow breaks in: what it had claimed is given back then.
        with closing(steps):
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]
                reply = self._do(step, transport)

    def _do(self, step: Step, transport: RequestsTransport | None = None) -> Any:
        if isinstance(step, Send):
            return (transport or self._transport).send(step.request)
        if isinstance(step, Sleep):
            self.log.log(step.level, "Waiting %.1f s: %s", step.seconds, step.reason)
            return self._sleep(step.seconds)
        return step.function()

    # Time is an argument of all rules; these two are where it comes from.

    def _clock(self) -> float:
        return time.monotonic()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)
