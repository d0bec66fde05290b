# SPDX-License-Identifier: Apache-2.0
"""Sends requests with the ``requests`` library. It decides nothing: the rules are in ``helix``."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.client import responses
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from twitch_provider.helix.messages import Failure, Reply, Request, Response
from twitch_provider.hooks.deadline import bound_answers

#: A page of Helix has about 50 kB; an answer that is larger than this is not from Helix.
MOST_BYTES = 8 * 1024 * 1024

#: All that ``requests`` reads from the environment.
_ENVIRONMENT = (
    *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
    *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")),
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


class RequestsTransport:
    """Sends one request and reads its answer to the end. A network failure is returned, not raised.

    :param session: its adapters, headers and environment (proxies, CA bundle) are used; its redirects,
        cookies and ``.netrc`` are not
    :param timeout: seconds for a whole answer, from the connect to the last byte
    """

    def __init__(self, session: requests.Session, timeout: float) -> None:
        # Without an auth of its own, requests takes one from a .netrc file, over our header.
        session.auth = lambda prepared: prepared
        session.headers["Accept-Encoding"] = "gzip"
        self._session = session
        self._timeout = timeout
        self._merged: dict[tuple[str | None, ...], dict[str, Any]] = {}

    def send(self, request: Request) -> Reply:
        """Send a request."""
        try:
            prepared = self._session.prepare_request(
                requests.Request(
                    request.method,
                    request.url,
                    params=request.params,
                    headers=dict(request.headers),
                    data=request.body,
                )
            )
            url = prepared.url or ""
            options = self._options(request)
            # The adapter itself: a session would look into a redirect even where it does not follow it.
            adapter = self._session.get_adapter(url)
            options["timeout"] = self._timeout
            if isinstance(adapter, HTTPAdapter):
                tls_and_proxy = options["verify"], options["proxies"], options["cert"]
                pool: Any = adapter.get_connection_with_tls_context(prepared, *tls_and_proxy)
                bound_answers(pool)
                options["timeout"] = Timeout(total=self._timeout)
            with adapter.send(prepared, **options) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                body = _read(answer)
            if is_gzip(headers):
                body = unpacked(body)
            return Response(answer.status_code, headers, body, datetime.now(UTC))
        except (requests.RequestException, HTTPError, OSError, ValueError, zlib.error) as error:
            # Not the library's error: it holds the request with all its headers.
            return Failure(self._reason(error))

    def _options(self, request: Request) -> dict[str, Any]:
        """Return proxies and CA bundle; to find them in the environment takes a tenth of a request's CPU."""
        key = server_of(request), *(os.environ.get(name) for name in _ENVIRONMENT)
        if key not in self._merged:
            self._merged[key] = dict(
                self._session.merge_environment_settings(request.url, {}, True, None, None)
            )
        # Without encryption only to this machine, and then through no proxy.
        return self._merged[key] | ({"proxies": {}} if request.loopback else {})

    def _reason(self, error: Exception) -> str:
        if isinstance(error, requests.Timeout | TimeoutError | ReadTimeoutError):
            return f"timed out after {self._timeout:g} s"
        causes = [error, *error.args, *(getattr(cause, "reason", None) for cause in error.args)]
        if any(isinstance(cause, NameResolutionError) for cause in causes):
            return "the host name could not be resolved"
        return _REASONS.get(type(error), "the connection broke")


def server_of(request: Request) -> str:
    """Return the scheme, host and port that a request goes to."""
    scheme, _, rest = request.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _read(answer: requests.Response) -> bytes:
    body = BytesIO()
    while chunk := answer.raw.read1(65536, decode_content=False):
        body.write(chunk)
        if body.tell() > MOST_BYTES:
            raise ValueError("too large")
    return body.getvalue()


def is_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a body is compressed, as we asked for."""
    return headers.get("content-encoding", "").lower() in {"gzip", "x-gzip"}


def unpacked(body: bytes) -> bytes:
    """Decompress gzip, but no more of it than an answer may have.

    :raises ValueError: it is incomplete or too large
    :raises zlib.error: it is not gzip
    """
    if not body:
        return b""
    # One gzip member, as Helix sends: a small body could have any number of empty ones.
    member = zlib.decompressobj(wbits=31)
    whole = member.decompress(body, MOST_BYTES + 1)
    if not member.eof or member.unused_data or len(whole) > MOST_BYTES:
        raise ValueError("incomplete, or too large")
    return whole


_REASONS: Mapping[type[Exception], str] = {
    requests.exceptions.SSLError: "the TLS connection failed",
    requests.exceptions.ProxyError: "the proxy failed",
    requests.exceptions.InvalidHeader: "a header is malformed",
}


class ConversationAdapter(BaseAdapter):
    """Sends what code for ``requests`` sends with token, rate limit and retries.

    :param converse: takes a ``helix`` request and returns its answer, or raises one of our errors
    :param base_url: of Helix
    """

    def __init__(self, converse: Callable[[Request], Response], base_url: str) -> None:
        super().__init__()
        self._converse = converse
        self._base_url = base_url

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Answer a prepared request; the connection decides about everything else.

        :param request: as ``requests`` prepared it
        :param stream: no effect
        :param timeout: no effect
        :param verify: no effect
        :param cert: no effect
        :param proxies: no effect
        """
        url = urlsplit(request.url or "")
        bare = urlunsplit(url._replace(query="", fragment=""))
        body = request.body.encode() if isinstance(request.body, str) else request.body
        answer = self._converse(
            Request(
                request.method or "GET",
                bare,
                tuple(parse_qsl(url.query, keep_blank_values=True)),
                dict(request.headers),
                body if isinstance(body, bytes) else None,
                endpoint=bare.removeprefix(f"{self._base_url}/"),
            )
        )
        return _as_requests(answer, request)

    def close(self) -> None:
        """Do nothing: this adapter has no connections."""


def _as_requests(answer: Response, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = responses.get(answer.status, "")
    response.headers = CaseInsensitiveDict(answer.headers)
    response.encoding = "utf-8"
    response.raw = BytesIO(answer.body)
    response.url = request.url or ""
    response.request = request
    return response
