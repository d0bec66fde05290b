# SPDX-License-Identifier: Apache-2.0
"""A write that is held back waits, and then is stored or refused as it was told."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.cluster import bucket
from tests.cluster.backing import free_port
from tests.cluster.bucket import Holding


class Desk:
    """Asks a :class:`Holding` before an application that notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, bytes]] = []
        self.holding = Holding(self._store)

    def _store(self, environ: dict[str, Any], respond: Any) -> list[bytes]:
        self.reached.append((environ["PATH_INFO"], environ["wsgi.input"].read()))
        respond("200 OK", [])
        return [b"{}"]

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"x") -> tuple[str, Any]:
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        answer = b"".join(self.holding(environ, lambda status, _: statuses.append(status)))
        return statuses[0], answer

    def held(self) -> int:
        return int(json.loads(self.ask("GET", "/-/held")[1])["held"])


@pytest.mark.parametrize(("store", "status"), [("yes", "200 OK"), ("no", "503 Slow Down")])
def test_the_next_write_waits_until_it_is_let_go(store: str, status: str) -> None:
    desk, answers = Desk(), list[tuple[str, Any]]()
    desk.ask("POST", "/-/hold", "match=tables/")
    writer = threading.Thread(target=lambda: answers.append(desk.ask("PUT", "/lake/tables/a")), daemon=True)
    writer.start()
    assert desk.holding.wait_until_held()
    assert desk.held() == 1
    # Others go on meanwhile, and so does a second one.
    assert desk.ask("PUT", "/lake/other")[0] == desk.ask("PUT", "/lake/tables/b")[0] == "200 OK"
    desk.ask("POST", "/-/release", f"store={store}")
    writer.join()
    assert answers[0][0] == status
    stored = [("/lake/tables/a", b"x")] if store == "yes" else []
    assert desk.reached == [("/lake/other", b"x"), ("/lake/tables/b", b"x"), *stored]
    assert desk.held() == 0


def test_a_read_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_TIMEOUT", 0.001)
    desk = Desk()
    desk.ask("POST", "/-/hold", "match=tables/")
    desk.ask("GET", "/lake/tables/a")
    # It would have taken the place of the write that is waited for.
    assert desk.holding.waits_for == "tables/"


def test_nothing_is_held_after_a_release() -> None:
    desk = Desk()
    desk.ask("POST", "/-/hold", "match=tables/")
    desk.ask("POST", "/-/release", "store=yes")
    assert desk.holding.waits_for == ""


def _answer(environ: dict[str, Any], respond: Any) -> list[bytes]:
    respond("200 OK", [("Content-Length", "2")])
    return [b"{}"]


def test_a_closed_door_refuses_until_it_is_opened_again() -> None:
    holding, port = Holding(_answer), free_port()
    door = bucket.Door(holding, port)
    holding.doors = {"/-/refuse": door.close, "/-/accept": door.open}

    def tell(path: str) -> None:
        b"".join(holding({"REQUEST_METHOD": "POST", "PATH_INFO": path}, lambda *_: None))

    def answers() -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/lake/a", timeout=30) as answer:
            return bytes(answer.read())

    door.open()
    try:
        assert answers() == b"{}"
        tell("/-/refuse")
        with pytest.raises(urllib.error.URLError, match="refused"):
            answers()
        tell("/-/accept")
        assert answers() == b"{}"
    finally:
        door.close()
