# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from twitch_provider.helix.messages import Failure, Reply, Request, Response
from twitch_provider.hooks import transport
from twitch_provider.hooks.transport import RequestsTransport

Serve = Callable[[bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A socket that answers one connection with these bytes, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(raw: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(raw)

    def start(raw: bytes) -> str:
        threads.append(threading.Thread(target=answer, args=(raw,)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/helix/streams"

    yield start
    for thread in threads:
        thread.join(5)
    listener.close()


def send(url: str, timeout: float = 5) -> Reply:
    with requests.Session() as session:
        session.trust_env = False
        return RequestsTransport(session, timeout).send(Request("GET", url, endpoint="streams"))


def test_reads_an_answer_with_headers_in_lower_case(serve: Serve) -> None:
    reply = send(serve(b"HTTP/1.1 429 Slow\r\nRatelimit-Limit: 800\r\nContent-Length: 2\r\n\r\n{}"))
    assert isinstance(reply, Response)
    assert (reply.status, reply.body, reply.headers["ratelimit-limit"]) == (429, b"{}", "800")


def packed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_unpacks_gzip(serve: Serve) -> None:
    reply = send(serve(packed(gzip.compress(b"{}"))))
    assert isinstance(reply, Response)
    assert reply.body == b"{}"


def test_a_redirect_is_an_answer_and_not_looked_into(serve: Serve) -> None:
    reply = send(serve(b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(reply, Response)
    assert reply.status == 302


def test_cookies_are_not_kept(serve: Serve) -> None:
    url = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    with requests.Session() as session:
        RequestsTransport(session, 5).send(Request("GET", url))
        assert not session.cookies


@pytest.mark.parametrize(
    "raw",
    [
        packed(gzip.compress(b"{}" * 100)[:-9]),
        b"",
        b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"data"',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"data"',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"nonsense\r\n\r\n",
    ],
    ids=["half a gzip", "nothing", "half a body", "half a chunk", "not gzip", "not HTTP"],
)
def test_anything_less_than_a_whole_answer_is_a_failure(serve: Serve, raw: bytes) -> None:
    assert send(serve(raw)) == Failure("the connection broke")


def test_an_endless_answer_is_a_failure(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 10)
    reply = send(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20))
    assert isinstance(reply, Failure)


def test_a_gzip_that_swells_is_a_failure(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    assert isinstance(send(serve(packed(gzip.compress(b"x" * 100_000)))), Failure)


def test_a_trickle_is_cut_off_at_the_time_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr("twitch_provider.hooks.transport.time.monotonic", lambda: next(ticks))
    reply = send(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    assert reply == Failure("not within 5 s")


def test_a_name_that_does_not_resolve_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert send("https://api.twitch.example/helix/streams") == Failure("its name could not be resolved")


def test_a_header_that_cannot_be_sent_is_a_failure_without_its_value() -> None:
    request = Request("GET", "http://127.0.0.1:9/x", headers={"Authorization": "Bearer a\nb"})
    with requests.Session() as session:
        reply = RequestsTransport(session, 1).send(request)
    assert reply == Failure("a header is malformed")
