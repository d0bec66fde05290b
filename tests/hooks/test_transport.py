# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from twitch_provider.helix.messages import Failure, Reply, Request, Response
from twitch_provider.hooks import transport
from twitch_provider.hooks.transport import RequestsTransport
from twitch_provider.hooks.transport_async import AiohttpTransport

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A socket that answers one connection with these bytes, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(raw: bytes, seen: list[bytes]) -> None:
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(65536))
            connection.sendall(raw)

    def start(raw: bytes, seen: list[bytes] | None = None) -> str:
        threads.append(threading.Thread(target=answer, args=(raw, [] if seen is None else seen)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/helix/streams"

    yield start
    for thread in threads:
        thread.join(5)
    listener.close()


def send_by_requests(request: Request, timeout: float) -> Reply:
    with requests.Session() as session:
        session.trust_env = False
        return RequestsTransport(session, timeout).send(request)


def send_by_aiohttp(request: Request, timeout: float) -> Reply:
    async def send() -> Reply:
        async with AiohttpTransport(timeout, "agent") as opened:
            return await opened.send(request)

    return asyncio.run(send())


@pytest.fixture(params=[send_by_requests, send_by_aiohttp], ids=["requests", "aiohttp"])
def send(request: pytest.FixtureRequest) -> Callable[..., Reply]:
    """Send a request over one transport, then over the other."""

    def send(url: str, timeout: float = 5, **more: Any) -> Reply:
        reply: Reply = request.param(Request("GET", url, endpoint="streams", **more), timeout)
        return reply

    return send


def test_reads_an_answer_with_headers_in_lower_case(send: Any, serve: Serve) -> None:
    reply = send(serve(b"HTTP/1.1 429 Slow\r\nRatelimit-Limit: 800\r\nContent-Length: 2\r\n\r\n{}"))
    assert isinstance(reply, Response)
    assert (reply.status, reply.body, reply.headers["ratelimit-limit"]) == (429, b"{}", "800")


@pytest.mark.parametrize("interim", [b"103 Early Hints", b"100 Continue", b"102 Processing"])
def test_an_interim_answer_is_not_the_answer(send: Any, serve: Serve, interim: bytes) -> None:
    hint = b"HTTP/1.1 %s\r\nLink: </style.css>; rel=preload\r\n\r\n" % interim
    reply = send(serve(hint * 2 + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    assert isinstance(reply, Response)
    assert (reply.status, reply.body, "link" in reply.headers) == (200, b"{}", False)


def packed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_a_body_of_many_small_gzips_is_a_failure(send: Any, serve: Serve) -> None:
    assert send(serve(packed(gzip.compress(b"") * 1000))) == Failure("the connection broke")


def test_unpacks_gzip(send: Any, serve: Serve) -> None:
    reply = send(serve(packed(gzip.compress(b"{}"))))
    assert isinstance(reply, Response)
    assert reply.body == b"{}"


def test_a_redirect_is_an_answer_and_not_looked_into(send: Any, serve: Serve) -> None:
    reply = send(serve(b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(reply, Response)
    assert reply.status == 302


def test_cookies_are_not_kept(send: Any, serve: Serve) -> None:
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
def test_anything_less_than_a_whole_answer_is_a_failure(send: Any, serve: Serve, raw: bytes) -> None:
    assert send(serve(raw)) == Failure("the connection broke")


def test_an_endless_answer_is_a_failure(send: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 10)
    reply = send(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20))
    assert isinstance(reply, Failure)


def test_a_gzip_bomb_is_a_failure(send: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    assert isinstance(send(serve(packed(gzip.compress(b"x" * 100_000)))), Failure)


@pytest.fixture
def trickle() -> Iterator[Callable[[bytes, bytes], str]]:
    """A server that sends a beginning, and then the same bytes repeatedly until the client disconnects."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    over = threading.Event()

    def answer(beginning: bytes, endless: bytes) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(beginning)
            while not over.wait(0.01):
                connection.sendall(endless)

    def start(beginning: bytes, endless: bytes) -> str:
        threads.append(threading.Thread(target=answer, args=(beginning, endless)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/helix/streams"

    yield start
    over.set()
    for thread in threads:
        thread.join(5)
    listener.close()


@pytest.mark.parametrize(
    ("beginning", "endless"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Trickle: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
    ids=["headers", "100 Continue", "103 Early Hints", "body", "chunk size", "trailers", "until it closes"],
)
def test_a_trickle_ends_at_the_time_out(
    send: Any, trickle: Callable[[bytes, bytes], str], beginning: bytes, endless: bytes
) -> None:
    assert send(trickle(beginning, endless), timeout=0.15) == Failure("timed out after 0.15 s")


def test_a_host_name_that_does_not_resolve_is_named_as_the_cause(
    send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert send("https://api.twitch.example/helix/streams") == Failure("the host name could not be resolved")


def test_a_header_that_cannot_be_sent_is_a_failure_without_its_value(send: Any) -> None:
    reply = send("http://127.0.0.1:9/x", headers={"Authorization": "Bearer a\nb"})
    assert isinstance(reply, Failure)
    assert reply.reason in {"a header is malformed", "the connection broke"}


def test_a_hang_ends_at_the_time_out(send: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/helix/streams"
        assert send(url, timeout=0.1) == Failure("timed out after 0.1 s")


def test_nobody_listens(send: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/helix/streams"
    assert send(url) == Failure("the connection broke")


@pytest.mark.parametrize(
    ("variable", "scheme", "bypassed"),
    [
        ("http_proxy", "http://", False),
        ("http_proxy", "", False),
        ("all_proxy", "http://", False),
        ("http_proxy", "http://", True),
    ],
    ids=["http_proxy", "without a scheme", "all_proxy", "no_proxy"],
)
def test_aiohttp_takes_the_proxy_of_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str, bypassed: bool
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    address = serve(answer).removesuffix("/helix/streams")
    proxy = "http://127.0.0.1:9" if bypassed else f"{scheme}{address.removeprefix('http://')}"
    monkeypatch.setenv(variable, proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1" if bypassed else "")
    url = f"{address}/helix/streams" if bypassed else "http://api.twitch.invalid/helix/streams"
    reply = send_by_aiohttp(Request("GET", url), 5)
    assert isinstance(reply, Response)
    assert reply.body == b"{}"


def test_requests_follows_the_proxies_of_the_environment_from_request_to_request(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").removesuffix("/helix/streams")
    with requests.Session() as session:
        transport = RequestsTransport(session, 5)
        outside = Request("GET", "http://api.twitch.invalid/helix/streams")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert isinstance(transport.send(outside), Failure)
        monkeypatch.setenv("http_proxy", proxy)
        assert isinstance(transport.send(outside), Response)
        monkeypatch.setenv("no_proxy", "twitch.invalid")
        assert transport.send(outside) == Failure("the host name could not be resolved")


def test_requests_takes_the_ca_bundle_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    with requests.Session() as session:
        transport = RequestsTransport(session, 1)
        monkeypatch.setattr(
            session.get_adapter("https://"), "send", lambda _, **options: seen.append(options["verify"])
        )
        for bundle in ("", str(tmp_path)):
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
            with suppress(TypeError, AttributeError):
                transport.send(Request("GET", "https://127.0.0.1:9/"))
    assert seen == [True, str(tmp_path)]


def test_aiohttp_signs_nothing_with_a_netrc(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []
    url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen)
    send_by_aiohttp(Request("GET", url, headers={"Authorization": "Bearer ours"}), 5)
    (head,) = seen
    assert b"Authorization: Bearer ours" in head
    assert b"Basic" not in head


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_aiohttp_takes_the_ca_bundle_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    bundle = tmp_path
    if kind == "file":
        bundle = tmp_path / "bundle.pem"
        bundle.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    if kind == "file":
        with pytest.raises(ssl.SSLError):
            send_by_aiohttp(Request("GET", "https://127.0.0.1:9/"), 1)
    else:
        assert send_by_aiohttp(Request("GET", "https://127.0.0.1:9/"), 1) == Failure("the connection broke")
