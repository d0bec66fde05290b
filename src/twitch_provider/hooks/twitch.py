# SPDX-License-Identifier: Apache-2.0
"""The hook for Twitch's Helix API."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

import requests
from airflow.providers.http.hooks.http import HttpHook

from twitch_provider.exceptions import TwitchError
from twitch_provider.helix.answers import read_response
from twitch_provider.helix.conversation import converse, validate
from twitch_provider.helix.messages import Call, Page, Request, Response, Send, Sleep
from twitch_provider.helix.queries import Query
from twitch_provider.helix.session import Session, Step, Steps, yield_answer
from twitch_provider.helix.walk import walk
from twitch_provider.hooks import form, sessions
from twitch_provider.hooks.lineage import report_reading
from twitch_provider.hooks.questions import Questions
from twitch_provider.hooks.readers import Readers, Row
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.transport import ConversationAdapter, RequestsTransport
from twitch_provider.hooks.twitch_async import TwitchAsyncHook

__all__ = ["TwitchAsyncHook", "TwitchHook"]

#: Seconds that the Test button may wait for retries, and for one answer: a person is waiting.
TEST_MAX_WAIT = 2.0
TEST_TIMEOUT = 5.0

T = TypeVar("T")
Y = TypeVar("Y")


class TwitchHook(Readers[Iterator[Row], Iterator[Page]], Questions[int, list[str], None], HttpHook):
    """Read Twitch's Helix API with an app access token.

    The token is fetched on first use and renewed on 401; requests keep to the rate limit; transient failures
    are retried; lists are read to their end, each id once. Rows are Helix's own, as dicts:
    https://dev.twitch.tv/docs/api/reference lists their fields. IDs are text.

    Readers check their arguments at once and read lazily: rows arrive while you iterate. More than 100 ids
    are split into several requests; ids that Twitch does not know are absent from the answer.

    It works wherever an ``HttpHook`` does: :meth:`get_conn` and :meth:`run` sign, wait and retry in the same
    way. Of HttpHook's options only ``method``, ``adapter`` and the keep-alive ones have an effect: neither a
    caller nor a connection's extra can change signing, TLS checks, redirects or retries.

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
        """Read the pages of a checked query.

        The first page reports ``twitch://helix/{endpoint}`` to Airflow's hook lineage.

        :param query: made by :func:`twitch_provider.helix.queries.query`
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        for number, page in enumerate(self._drive(walk(self._session, query))):
            if number == 0:
                report_reading(self, page.endpoint)
            yield page

    # --- one request, one connection -----------------------------------------------------------------------

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """Return a ``requests`` session for Helix only, with token, rate limit and retries.

        :param headers: additional ones; Authorization and Client-Id are always set by the hook
        :param extra_options: as of ``HttpHook``; none has an effect
        :raises TwitchConfigError: the connection is missing or malformed
        """
        self.base_url = self.settings.base_url
        self.merged_extra = {"allow_redirects": False}
        session = requests.Session()
        adapter = ConversationAdapter(self._converse, self.settings.base_url)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers.update(headers or {})
        return session

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Join the base URL and an endpoint, with one slash.

        :param endpoint: for example ``games/top``
        """
        return f"{self.settings.base_url}/{(endpoint or '').lstrip('/')}"

    def test_connection(self) -> tuple[bool, str]:
        """Validate the app token, fetching one if needed: the Test button of Airflow's UI.

        :returns: whether it works, and a sentence
        """
        try:
            transport = self._open_transport(min(self.settings.timeout, TEST_TIMEOUT))
            found = self._answer(validate(replace(self._session, max_wait=TEST_MAX_WAIT)), transport)
        except TwitchError as error:
            return False, str(error)
        valid = "" if found.expires_in is None else f", token valid for {found.expires_in:,} s"
        return True, f"Twitch accepts client id {found.client_id}{valid}"

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields for Airflow 2.11 to 3.1; later, the provider metadata has them."""
        return form.connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form's labels for Airflow 2.11 to 3.1; later, the provider metadata has them."""
        return form.ui_field_behaviour()

    # --- how it works --------------------------------------------------------------------------------------

    @functools.cached_property
    def settings(self) -> Settings:
        """The connection, looked up and checked once per hook.

        :raises TwitchConfigError: it is missing or malformed
        """
        with sessions.explained(self.twitch_conn_id):
            connection = self.get_connection(self.twitch_conn_id)
        return Settings.from_connection(connection)

    @property
    def stats(self) -> Counter[str]:
        """Counts of requests, waits and retries: see :class:`twitch_provider.helix.session.Session`."""
        return self._session.stats

    @functools.cached_property
    def _session(self) -> Session:
        return sessions.open_session(self.settings, self._clock)

    @functools.cached_property
    def _transport(self) -> RequestsTransport:
        return self._open_transport(self.settings.timeout)

    def _open_transport(self, timeout: float) -> RequestsTransport:
        self.base_url = self.settings.base_url
        session = self._configure_session_from_mount_adapters(requests.Session())
        session.headers["User-Agent"] = sessions.USER_AGENT
        return RequestsTransport(session, timeout)

    def _converse(self, request: Request) -> Response:
        return self._answer(converse(self._session, request, read_response))

    def _rows(self, query: Query) -> Iterator[Row]:
        return (row for page in self.walk(query) for row in page.new_rows)

    def _asked(self, question: Callable[[Session], Steps[T]]) -> T:
        return self._answer(question(self._session))

    def _answer(self, steps: Steps[T], transport: RequestsTransport | None = None) -> T:
        (answer,) = self._drive(yield_answer(steps), transport)
        return answer

    def _drive(
        self, steps: Generator[Step | Y, Any, None], transport: RequestsTransport | None = None
    ) -> Iterator[Y]:
        """Do the steps of a generator, and yield everything else that it yields."""
        result: Any = None
        # Closed in any case, also where Airflow's task timeout interrupts: that releases claim and lock.
        with closing(steps):
            while True:
                try:
                    step = steps.send(result)
                except StopIteration:
                    return
                result = None
                if isinstance(step, Send):
                    result = (transport or self._transport).send(step.request)
                elif isinstance(step, Sleep):
                    self.log.log(step.level, "Waiting %.1f s: %s", step.seconds, step.reason)
                    self._sleep(step.seconds)
                elif isinstance(step, Call):
                    result = step.function()
                else:
                    yield step

    # Time is an argument everywhere else; it comes from these two.

    def _clock(self) -> float:
        return time.monotonic()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)
