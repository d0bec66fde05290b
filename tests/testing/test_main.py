# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twitch_provider.testing import FAULTS
from twitch_provider.testing.__main__ import _instant, main

SECRET = "s3cretsecretsecretsecretsecret"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal_comes_and_ends_quietly(number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "twitch_provider.testing",
        "--streams",
        "50",
        "--at",
        "2026-11-23T16:35:00Z",
    ]
    environment = {**os.environ, "TWITCH_SIMULATOR_CLIENT_SECRET": SECRET}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        card = json.loads(process.stdout.readline())
        with urllib.request.urlopen(f"{card['url']}/_simulator/counters", timeout=5) as answer:  # noqa: S310
            assert json.load(answer)["now"].startswith("2026-11-23T16:35:")
        process.send_signal(number)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
    assert card.keys() == {"url", "api_url", "auth_url", "client_id", "world"}
    assert card["world"] == "a made-up Twitch from seed 1: 50 live streams in 120 categories"
    assert SECRET not in json.dumps(card)


def test_prints_a_connection_that_a_shell_can_set(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "twitch_provider.testing", "--streams", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        script = tmp_path / "connection.sh"
        script.write_text(process.stdout.readline() + 'printf %s "$AIRFLOW_CONN_TWITCH_DEFAULT"\n')
        connection = json.loads(subprocess.check_output(["/bin/sh", script], text=True))
        form = urllib.parse.urlencode(
            {
                "client_id": connection["login"],
                "client_secret": connection["password"],
                "grant_type": "client_credentials",
            }
        )
        url = f"{connection['extra']['auth_url']}/token"
        with urllib.request.urlopen(url, form.encode(), timeout=5) as answer:  # noqa: S310
            assert json.load(answer)["access_token"]
        process.terminate()


def test_ends_with_one_sentence_on_a_bad_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--streams", "0"]) == 2
    out, errors = capsys.readouterr()
    assert (out, errors) == ("", "error: streams must be between 1 and 1,048,576, not 0.\n")


def test_help_lists_options_routes_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert "/_simulator/counters" in text
    assert all(name in text for name in FAULTS)


@pytest.mark.parametrize(
    "arguments",
    [["--at", "yesterday"], ["--port", "x"], ["--seed", "1.5"], ["--nonsense"]],
)
def test_refuses_invalid_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage:" in capsys.readouterr().err


def test_an_instant_without_a_zone_is_utc() -> None:
    assert _instant("2026-11-23T16:35") == datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
