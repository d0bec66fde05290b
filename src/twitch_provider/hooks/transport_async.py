# SPDX-License-Identifier: Apache-2.0
"""Sends requests with aiohttp, as :mod:`twitch_provider.hooks.transport` does with ``requests``."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from weakref import WeakSet

import aiohttp
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_environ_proxies,
    prepend_scheme_if_needed,
    select_proxy,
)
from urllib3.util import wait_for_read

from twitch_provider.helix.messages import Failure, Reply, Request, Response, is_on_loopback
from twitch_provider.hooks import transport
from twitch_provider.hooks.transport import is_gzip, server_of, unpacked

#: The most requests at the same time; 800 points a minute do not need more.
CONNECTIONS = 32

#: Compressed bytes that are decompressed on the loop; a page of 100 streams has about 13,000.
SMALL_BODY = 2**16


class _StaleConnectionError(Exception):
    """Something arrived on an idle connection, or it was closed: nothing was sent."""


class _Request(aiohttp.ClientRequest):
    """Sends nothing on an idle connection with something to read, as ``requests`` does.

    The library would take an answer that nobody asked for as the answer to this request.
    """

    #: The connections that have carried an answer.
    _used: ClassVar[WeakSet[Any]] = WeakSet()

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        protocol: Any = conn.protocol
        if protocol in self._used:
            transport = protocol.transport
            if (
                transport is None
                or protocol.should_close
                or wait_for_read(transport.get_extra_info("socket"), timeout=0)
            ):
                raise _StaleConnectionError
        self._used.add(protocol)
        return await super().send(conn)


class AiohttpTransport:
    """Sends one request and reads its answer to the end. A network failure is returned, not raised.

    Proxies and the CA bundle come from the environment, as they do for tasks (``HTTPS_PROXY``, ``NO_PROXY``,
    ``REQUESTS_CA_BUNDLE``); redirects, cookies and ``.netrc`` are not used.

    :param timeout: seconds for a whole answer, from the connect to the last byte
    :param user_agent: of the requests
    """

    def __init__(self, timeout: float, user_agent: str) -> None:
        self._timeout = timeout
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        # Not the library's own limit: waiting there counts towards the time-out of an answer.
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._proxies: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        # Reading the CA bundle would block the loop.
        context = await asyncio.to_thread(_ssl_context)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            # Decompressed below: the library does not limit the size.
            auto_decompress=False,
            # It would take a login from .netrc, in place of our header.
            trust_env=False,
        )
        # The library would repeat a request after a lost connection, uncounted. It has no public switch.
        if hasattr(self._session, "_retry_connection"):
            self._session._retry_connection = False  # noqa: SLF001
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request) -> Reply:
        """Send a request.

        :raises RuntimeError: it is not inside ``async with``
        """
        if self._session is None:
            raise RuntimeError("AiohttpTransport must be used inside `async with`")
        while True:
            try:
                return await self._exchange(self._session, request)
            except _StaleConnectionError:
                continue  # with another connection: that one is closed
            except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
                # Not the library's error: it may hold the request with all its headers.
                return Failure(self._reason(error))

    async def _exchange(self, session: aiohttp.ClientSession, request: Request) -> Response:
        async with (
            self._free,
            session.request(
                request.method,
                request.url,
                params=request.params,
                headers=dict(request.headers),
                data=request.body,
                allow_redirects=False,
                proxy=self._proxy(request),
            ) as answer,
        ):
            body = await _read(answer)
            headers = {name.lower(): value for name, value in answer.headers.items()}
        if is_gzip(headers):
            # A thread costs more than decompressing a page does.
            small = len(body) <= SMALL_BODY
            body = unpacked(body) if small else await asyncio.to_thread(unpacked, body)
        return Response(answer.status, headers, body, datetime.now(UTC))

    def _proxy(self, request: Request) -> str | None:
        """The environment's proxy for a server; looking it up takes as long as sending a request."""
        server = server_of(request)
        if server not in self._proxies:
            self._proxies[server] = _proxy(request.url)
        return self._proxies[server]

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"timed out after {self._timeout:g} s"
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, socket.gaierror):
            return "the host name could not be resolved"
        if isinstance(error, aiohttp.ClientSSLError):
            return "the TLS connection failed"
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
            return "the proxy failed"
        return "the connection broke"


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > transport.MOST_BYTES:
            raise ValueError("too large")
    return bytes(body)


def _ssl_context() -> ssl.SSLContext:
    bundle = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    )
    folder = os.path.isdir(bundle)  # noqa: PTH112 - text from the environment
    return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)


def _proxy(url: str) -> str | None:
    if is_on_loopback(url):
        return None  # not encrypted, so only to this machine and through no proxy
    proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
    return None if proxy is None else str(prepend_scheme_if_needed(proxy, "http"))  # type: ignore[no-untyped-call]
