# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from aiohttp import web

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.testing import FAULTS, Simulator
from twitch_provider.testing.generated import GeneratedWorld

AT = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture
def simulator(small_world: GeneratedWorld) -> Iterator[Simulator]:
    with Simulator(small_world, at=AT, clock=lambda: 0.0) as simulator:
        yield simulator


@pytest.fixture
def session(simulator: Simulator) -> Iterator[requests.Session]:
    form = {
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "grant_type": "client_credentials",
    }
    with requests.Session() as session:
        token = session.post(f"{simulator.auth_url}/token", data=form, timeout=5).json()["access_token"]
        session.headers.update({"Authorization": f"Bearer {token}", "Client-Id": simulator.client_id})
        yield session


def test_serves_twitch_on_loopback(simulator: Simulator, session: requests.Session) -> None:
    answer = session.get(f"{simulator.api_url}/streams", params={"language": ["en", "es"]}, timeout=5)
    assert answer.status_code == 200
    assert {row["language"] for row in answer.json()["data"]} <= {"en", "es"}
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 16:35:00 GMT"
    assert answer.headers["Ratelimit-Remaining"] == "799"
    assert simulator.counters.requests == {"token": 1, "streams": 1}


def test_only_loopback_is_served(simulator: Simulator) -> None:
    assert simulator.url.startswith("http://127.0.0.1:")
    assert simulator.api_url == simulator.url + "/helix"
    assert simulator.auth_url == simulator.url + "/oauth2"


def test_the_connection_is_airflows(simulator: Simulator) -> None:
    assert json.loads(simulator.connection_json()) == {
        "conn_type": "twitch",
        "login": simulator.client_id,
        "password": simulator.client_secret,
        "host": simulator.api_url,
        "extra": {"auth_url": simulator.auth_url},
    }


def test_ids_and_secrets_look_real_and_follow_from_the_seed(small_world: GeneratedWorld) -> None:
    one, same, other = Simulator(small_world), Simulator(small_world), Simulator(small_world, seed=2)
    assert len(one.client_id) == len(one.client_secret) == 30
    assert one.client_secret.isalnum()
    assert one.client_id != one.client_secret == same.client_secret != other.client_secret


def test_leaves_no_thread_behind(small_world: GeneratedWorld) -> None:
    before = threading.active_count()
    with Simulator(small_world) as simulator:
        assert threading.active_count() == before + 1
        simulator.start()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    simulator.close()


def test_says_so_when_it_does_not_listen(small_world: GeneratedWorld) -> None:
    with pytest.raises(TwitchConfigError, match="does not listen yet"):
        _ = Simulator(small_world).url


def test_says_so_when_the_port_is_taken(simulator: Simulator, small_world: GeneratedWorld) -> None:
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(TwitchConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
        Simulator(small_world, port=port).start()


def test_says_so_when_the_port_is_invalid(small_world: GeneratedWorld) -> None:
    with pytest.raises(TwitchConfigError, match="cannot listen"):
        Simulator(small_world, port=70_000).start()


def test_refuses_an_instant_without_a_time_zone(small_world: GeneratedWorld) -> None:
    with pytest.raises(TwitchConfigError, match="must have a time zone"):
        Simulator(small_world, at=AT.replace(tzinfo=None))


def test_a_half_body_is_shorter_than_promised(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("half_body")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        session.get(f"{simulator.api_url}/streams", timeout=5)


def test_a_dropped_connection_brings_nothing(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("dropped_connection")
    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(f"{simulator.api_url}/streams", timeout=5)


def test_an_answer_may_lack_a_date(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("no_date")
    assert "Date" not in session.get(f"{simulator.api_url}/streams", timeout=5).headers
    assert "Date" in session.get(f"{simulator.api_url}/streams", timeout=5).headers


def test_a_client_may_give_up_on_a_held_answer(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("hang")
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(f"{simulator.api_url}/streams", timeout=0.05)


def test_a_held_answer_comes_when_it_is_released(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("hang")
    simulator.release()
    assert session.get(f"{simulator.api_url}/streams", timeout=5).status_code == 200


def test_a_held_answer_does_not_hold_up_the_end(simulator: Simulator, session: requests.Session) -> None:
    simulator.fault("hang")
    asking = threading.Thread(target=session.get, args=(f"{simulator.api_url}/games/top",))
    asking.start()
    counters = f"{simulator.url}/_simulator/counters"
    while "games/top" not in requests.get(counters, timeout=5).json()["requests"]:
        pass
    simulator.close()
    asking.join(timeout=5)
    assert not asking.is_alive()


def test_answers_take_their_latency(small_world: GeneratedWorld) -> None:
    with Simulator(small_world, latency_ms=30) as simulator:
        answer = requests.get(f"{simulator.auth_url}/validate", timeout=5)
        assert answer.elapsed.total_seconds() >= 0.03


# --- /_simulator -----------------------------------------------------------------------------------------


def test_scripts_read_counters_and_log(simulator: Simulator, session: requests.Session) -> None:
    session.get(f"{simulator.api_url}/streams", timeout=5)
    counters = session.get(f"{simulator.url}/_simulator/counters", timeout=5).json()
    assert counters["requests"] == {"token": 1, "streams": 1}
    assert counters["now"] == "2026-11-23T16:35:00Z"
    log = session.get(f"{simulator.url}/_simulator/log", timeout=5)
    assert [entry["path"] for entry in log.json()] == ["/oauth2/token", "/helix/streams"]
    assert simulator.client_secret not in log.text


def test_scripts_move_the_time_forward(simulator: Simulator, session: requests.Session) -> None:
    session.post(f"{simulator.url}/_simulator/advance", json={"seconds": 300}, timeout=5).raise_for_status()
    answer = session.get(f"{simulator.api_url}/streams", timeout=5)
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 16:40:00 GMT"


def test_scripts_switch_faults(simulator: Simulator, session: requests.Session) -> None:
    faults = f"{simulator.url}/_simulator/faults"
    assert session.get(faults, timeout=5).json() == FAULTS
    session.post(faults, json={"name": "error_503", "times": None}, timeout=5).raise_for_status()
    assert session.get(f"{simulator.api_url}/streams", timeout=5).status_code == 503
    session.delete(faults, timeout=5).raise_for_status()
    assert session.get(f"{simulator.api_url}/streams", timeout=5).status_code == 200


def test_scripts_revoke_all_tokens(simulator: Simulator, session: requests.Session) -> None:
    session.post(f"{simulator.url}/_simulator/revoke", timeout=5).raise_for_status()
    assert session.get(f"{simulator.api_url}/streams", timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("advance", "{}"),
        ("advance", '{"seconds": -1}'),
        ("advance", '{"seconds": "many"}'),
        ("advance", "no json"),
        ("faults", "[]"),
        ("faults", '{"name": "nonsense"}'),
        ("faults", '{"name": "hang", "nonsense": 1}'),
    ],
)
def test_scripts_get_the_reason_of_an_error(
    simulator: Simulator, session: requests.Session, path: str, body: str
) -> None:
    answer = session.post(f"{simulator.url}/_simulator/{path}", data=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_importing_it_stays_light() -> None:
    code = (
        "import sys, twitch_provider.testing\n"
        "mine = {name for name in sys.modules if name.startswith('twitch_provider.')}\n"
        "heavy = {'airflow', 'numpy', 'pandas', 'pytest', 'requests', 'boto3'} & set(sys.modules)\n"
        "print(sorted(heavy), sorted(name for name in mine if '.testing' not in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] ['twitch_provider.exceptions']\n"


def test_it_shares_no_code_with_what_it_tests() -> None:
    folder = Path(sys.modules["twitch_provider.testing"].__file__ or "").parent
    for file in folder.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "twitch_provider.helix" not in text, file.name
        assert "twitch_provider.hooks" not in text, file.name


def test_serves_routes_beside_twitchs(small_world: GeneratedWorld) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    with Simulator(small_world, routes=[web.get("/_simulator/hello", hello)]) as simulator:
        assert requests.get(f"{simulator.url}/_simulator/hello", timeout=5).json() == {"hello": "world"}


@pytest.fixture
def compressing(small_world: GeneratedWorld) -> Iterator[Simulator]:
    with Simulator(small_world, at=AT, compress=True, clock=lambda: 0.0) as simulator:
        yield simulator


def _signed(simulator: Simulator, **headers: str) -> dict[str, str]:
    token = simulator.twitch.auth.tokens.mint(simulator.now.timestamp())
    return {"Authorization": f"Bearer {token}", "Client-Id": simulator.client_id, **headers}


def test_compresses_for_a_client_that_accepts_gzip(compressing: Simulator, simulator: Simulator) -> None:
    compressed = requests.get(
        f"{compressing.api_url}/streams",
        headers=_signed(compressing, **{"Accept-Encoding": "gzip"}),
        timeout=5,
    )
    plain = requests.get(f"{simulator.api_url}/streams", headers=_signed(simulator), timeout=5)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert int(compressed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert compressed.content == plain.content


def test_does_not_compress_for_a_client_that_does_not(compressing: Simulator) -> None:
    headers = _signed(compressing, **{"Accept-Encoding": "identity"})
    answer = requests.get(f"{compressing.api_url}/streams", headers=headers, timeout=5)
    assert "Content-Encoding" not in answer.headers
    assert len(answer.json()["data"]) == 20


def test_half_of_a_body_is_not_compressed(compressing: Simulator) -> None:
    compressing.fault("half_body")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        requests.get(f"{compressing.api_url}/streams", headers=_signed(compressing), timeout=5)


def test_a_response_that_a_fault_compressed_is_not_compressed_again(compressing: Simulator) -> None:
    compressing.fault("gzip")
    answer = requests.get(f"{compressing.api_url}/streams", headers=_signed(compressing), timeout=5)
    assert compressing.counters.faults == {"gzip": 1}
    assert len(answer.json()["data"]) == 20
