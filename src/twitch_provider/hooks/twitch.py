# SPDX-License-Identifier: Apache-2.0
"""The hook for Twitch's Helix API."""

from __future__ import annotations

import functools
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import requests
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.providers.http.hooks.http import HttpHook

from twitch_provider import __version__
from twitch_provider.exceptions import TwitchConfigError, TwitchDataError, TwitchError, TwitchNotFoundError
from twitch_provider.helix import queries
from twitch_provider.helix.answers import read_response
from twitch_provider.helix.conversation import Session, Steps, converse, validate
from twitch_provider.helix.messages import Page, Reply, Request, Response, Send, Sleep
from twitch_provider.helix.queries import Query
from twitch_provider.helix.ratelimit import Bucket
from twitch_provider.helix.token import Credentials
from twitch_provider.helix.walk import walk
from twitch_provider.hooks.readers import Readers, Row
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.tokens import ProcessTokens
from twitch_provider.hooks.transport import ConversationAdapter, RequestsTransport

T = TypeVar("T")


@functools.lru_cache(maxsize=32)
def shared(credentials: Credentials, base_url: str, auth_url: str) -> tuple[ProcessTokens, Bucket]:
    """One token and one mirror of the rate limit for all hooks of an application in this process."""
    return ProcessTokens(), Bucket()


class TwitchHook(Readers[Iterator[Row]], HttpHook):
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
        the API's base URL (host) and the extras ``auth_url``, ``timeout`` and ``rate_limit_reserve``
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

    def pages(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_pages: int | None = None
    ) -> Iterator[Page]:
        """Walk any list endpoint, page by page.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter; ``first`` is 100 if not given
        :param max_pages: stop after so many pages
        :returns: a lazy iterator of pages, each with its untouched body, rows, cursor and instant
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self.walk(queries.query(endpoint, params, max_pages=max_pages))

    def paginate(
        self, endpoint: str, params: Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Iterator[Row]:
        """Walk any list endpoint, row by row, each id once.

        :param endpoint: for example ``streams`` or ``games/top``
        :param params: by Helix's names; a list is sent as a repeated parameter
        :param max_items: stop after so many rows
        :raises TwitchParameterError: at once, naming the parameter that Helix would refuse
        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        return self._rows(queries.query(endpoint, params, max_items=max_items))

    def walk(self, query: Query) -> Iterator[Page]:
        """Walk a checked query of :mod:`twitch_provider.helix.queries`, page by page.

        :raises TwitchError: while iterating; see :mod:`twitch_provider.exceptions`
        """
        steps = walk(self._session, query)
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            if isinstance(step, Page):
                yield step
                reply = None
            else:
                reply = self._do(step)

    def get_follower_count(self, broadcaster_id: str) -> int:
        """How many followers a channel has.

        https://dev.twitch.tv/docs/api/reference/#get-channel-followers

        :raises TwitchDataError: Twitch did not say
        """
        (page,) = self.walk(queries.follower_count(broadcaster_id))
        if page.total is None:
            raise TwitchDataError(f"channels/followers: no total for broadcaster {broadcaster_id}; try later")
        return page.total

    def require_games(self, ids: Iterable[str]) -> None:
        """Make sure that Twitch knows these games: it answers an unknown id with an empty list of streams.

        :raises TwitchNotFoundError: naming the ids that it does not know
        """
        wanted = sorted(set(ids))
        known = {game.get("id") for game in self.get_games(ids=wanted)} if wanted else set()
        if unknown := [each for each in wanted if each not in known]:
            raise TwitchNotFoundError(
                f"Twitch knows no game {', '.join(unknown)}; search_categories finds the ids of names",
                status=404,
                endpoint="games",
            )

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
        """Join the base URL and an endpoint, whichever of them has a slash there."""
        return f"{self.settings.base_url}/{(endpoint or '').lstrip('/')}"

    def test_connection(self) -> tuple[bool, str]:
        """Fetch or use a token and ask Twitch whose it is; the contract of the UI's Test button.

        :returns: whether it works, and a sentence
        """
        try:
            found = self._drive(validate(self._session))
        except TwitchError as error:
            return False, str(error)
        valid = "" if found.expires_in is None else f", token valid for {found.expires_in:,} s"
        return True, f"Twitch accepts client id {found.client_id}{valid}"

    # --- the engine ----------------------------------------------------------------------------------------

    @functools.cached_property
    def settings(self) -> Settings:
        """The connection, resolved and checked once for each hook.

        :raises TwitchConfigError: it is missing or malformed
        """
        conn_id = self.twitch_conn_id
        try:
            connection = self.get_connection(conn_id)
        except (AirflowNotFoundException, ValueError) as error:
            variable = f"AIRFLOW_CONN_{conn_id.upper()}"
            # Airflow takes a variable that it cannot read for none.
            if isinstance(error, AirflowNotFoundException) and variable not in os.environ:
                raise TwitchConfigError(
                    f"connection {conn_id} does not exist; make it under Admin → Connections, type Twitch, "
                    f"or set {variable}"
                ) from None
            # Not Airflow's own text: it may hold what was malformed, and with it the secret.
            raise TwitchConfigError(
                f"connection {conn_id} cannot be read by Airflow; check that {variable} and the extra in it "
                f"are JSON objects"
            ) from None
        return Settings.from_connection(connection)

    @property
    def tally(self) -> Counter[str]:
        """What this hook has done: see :class:`twitch_provider.helix.conversation.Session`."""
        return self._session.tally

    @functools.cached_property
    def _session(self) -> Session:
        settings = self.settings
        tokens, bucket = shared(settings.credentials, settings.base_url, settings.auth_url)
        bucket.reserve = settings.rate_limit_reserve
        return Session(
            credentials=settings.credentials,
            base_url=settings.base_url,
            auth_url=settings.auth_url,
            tokens=tokens,
            bucket=bucket,
            clock=self._clock,
            random=random.random,  # noqa: S311 - jitter, no secret
            name=settings.conn_id,
        )

    @functools.cached_property
    def _transport(self) -> RequestsTransport:
        self.base_url = self.settings.base_url
        session = self._configure_session_from_mount_adapters(requests.Session())
        session.headers["User-Agent"] = f"airflow-provider-twitch/{__version__}"
        return RequestsTransport(session, self.settings.timeout)

    def _ask(self, request: Request) -> Response:
        return self._drive(converse(self._session, request, read_response))

    def _rows(self, query: Query) -> Iterator[Row]:
        return (row for page in self.walk(query) for row in page.objects)

    def _drive(self, steps: Steps[T]) -> T:
        reply: Reply | None = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            reply = self._do(step)

    def _do(self, step: Send | Sleep) -> Reply | None:
        if isinstance(step, Send):
            return self._transport.send(step.request)
        self.log.info("Waiting %.1f s: %s", step.seconds, step.reason)
        self._sleep(step.seconds)
        return None

    # Time is an argument of all rules; these two are where it comes from.

    def _clock(self) -> float:
        return time.monotonic()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)
