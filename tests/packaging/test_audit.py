# SPDX-License-Identifier: Apache-2.0
"""``make audit``, with a database of vulnerabilities on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.packaging import audit

VULNERABLE = {
    "id": "PYSEC-2026-1",
    "summary": "made up",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "urllib3", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
            "versions": [],
        }
    ],
}


class Database(ThreadingHTTPServer):
    """OSV's API: a POST of a package and version to ``/v1/query``.

    :ivar status: of each answer
    :ivar known: vulnerabilities by package
    :ivar asked: every package that was looked up
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.known: dict[str, Any] = {}
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        self.server.asked.append(asked)
        vulnerable = self.server.known.get(asked)
        body = json.dumps({"vulns": [vulnerable]} if vulnerable else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Database() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def options(database: Database, tmp_path: Path) -> list[str]:
    """Options of pip-audit that lead to the database."""
    address = f"http://127.0.0.1:{database.server_port}/v1/query"
    return ["--vulnerability-service", "osv", "--osv-url", address, "--cache-dir", str(tmp_path)]


def test_every_package_is_looked_up(
    database: Database, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(options) == audit.NONE_KNOWN
    assert capsys.readouterr().out == f"{len(database.asked)} packages audited: 0 known vulnerabilities.\n"
    assert {"apache-airflow", "duckdb", "pyarrow", "urllib3"} <= set(database.asked)


def test_a_vulnerability_is_named(
    database: Database, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    database.known["urllib3"] = VULNERABLE
    assert audit.main(options) == audit.VULNERABLE
    assert "PYSEC-2026-1, fixed in 99.1" in capsys.readouterr().err


@pytest.mark.parametrize("status", [404, 503])
def test_a_database_that_does_not_answer_is_not_taken_for_a_good_one(
    database: Database, options: list[str], capsys: pytest.CaptureFixture[str], status: int
) -> None:
    database.status = status
    assert audit.main(options) == audit.NOT_AUDITED
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("NOT AUDITED: ")


def test_a_machine_without_a_network_says_so(
    options: list[str], capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    options[3] = f"http://127.0.0.1:{unused_tcp_port}/v1/query"
    assert audit.main(options) == audit.NOT_AUDITED
    assert "known vulnerabilities" not in capsys.readouterr().out
