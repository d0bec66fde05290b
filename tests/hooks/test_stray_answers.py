# SPDX-License-Identifier: Apache-2.0
"""What arrives on a connection that nobody asked for is never taken for an answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests

from twitch_provider.helix.messages import Failure, Reply, Request, Response
from twitch_provider.hooks.transport import RequestsTransport
from twitch_provider.hooks.transport_async import AiohttpTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


class Server:
    """Numbers its answers, and says something more once the client has read the first one."""

    def __init__(self, stray: bytes) -> None:
        self.stray = stray
        self.connections = 0
        self._read, self._said = threading.Event(), threading.Event()
        self._answered = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/helix/streams"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65536):
                self._answered += 1
                connection.sendall(OK + b"no %2d" % self._answered)
                if not self._said.is_set() and self._read.wait(5):
                    connection.sendall(self.stray)
                    self._said.set()

    def say_more(self) -> None:
        """Say it now, on the idle connection."""
        self._read.set()
        assert self._said.wait(5)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], Server]]:
    """Start servers, each with its stray answer."""
    servers: list[Server] = []

    def start(stray: bytes) -> Server:
        servers.append(Server(stray))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def by_requests(server: Server) -> list[Reply]:
    with requests.Session() as session:
        session.trust_env = False
        transport = RequestsTransport(session, 5)
        replies = [transport.send(Request("GET", server.url))]
        server.say_more()
        return [*replies, *(transport.send(Request("GET", server.url)) for _ in range(2))]


def by_aiohttp(server: Server) -> list[Reply]:
    async def send() -> list[Reply]:
        async with AiohttpTransport(5, "agent") as transport:
            replies = [await transport.send(Request("GET", server.url))]
            await asyncio.to_thread(server.say_more)
            return [*replies, *[await transport.send(Request("GET", server.url)) for _ in range(2)]]

    return asyncio.run(send())


def by_aiohttp_at_once(server: Server) -> list[Reply]:
    """What arrived is not even read by the event loop before the next request."""

    async def send() -> list[Reply]:
        async with AiohttpTransport(5, "agent") as transport:
            replies = [await transport.send(Request("GET", server.url))]
            server.say_more()
            return [*replies, *[await transport.send(Request("GET", server.url)) for _ in range(2)]]

    return asyncio.run(send())


@pytest.mark.parametrize("send", [by_requests, by_aiohttp, by_aiohttp_at_once])
@pytest.mark.parametrize(
    "stray",
    [
        OK + b"stray",
        (OK + b"stray") * 3,
        OK + b"s",
        OK[:20],
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"nonsense",
    ],
    ids=["an answer", "three answers", "part of an answer", "part of its head", "408", "nonsense"],
)
def test_a_stray_answer_is_not_the_answer_to_the_next_request(
    serve: Callable[[bytes], Server], send: Callable[[Server], list[Reply]], stray: bytes
) -> None:
    server = serve(stray)
    replies = send(server)
    assert [reply.body for reply in replies if isinstance(reply, Response)] == [b"no  1", b"no  2", b"no  3"]


@pytest.mark.parametrize("send", [by_requests, by_aiohttp, by_aiohttp_at_once])
def test_a_connection_without_a_stray_answer_is_kept(
    serve: Callable[[bytes], Server], send: Callable[[Server], list[Reply]]
) -> None:
    server = serve(b"")
    assert not any(isinstance(reply, Failure) for reply in send(server))
    assert server.connections == 1
