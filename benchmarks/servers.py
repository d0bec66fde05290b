# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch in its own process, so that its work is not measured as the client's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.children import Child

from twitch_provider.testing import Simulator

_READY = 120.0
_SECRET = "s" * 30


@dataclass(frozen=True)
class SimulatedTwitch:
    """The addresses of a simulated Twitch, and its controls.

    :param url: its root; Helix, the token endpoint and the controls are below it
    """

    url: str
    client_id: str
    client_secret: str = field(default=_SECRET, repr=False)

    @property
    def api_url(self) -> str:
        """The root of Helix."""
        return f"{self.url}/helix"

    @property
    def auth_url(self) -> str:
        """The root of ``token``."""
        return f"{self.url}/oauth2"

    @property
    def connection(self) -> str:
        """The value for ``AIRFLOW_CONN_TWITCH_DEFAULT``; tokens are not stored beyond the process."""
        extra = {"auth_url": self.auth_url, "auth_cache": "none"}
        fields = {"conn_type": "twitch", "login": self.client_id, "password": self.client_secret}
        return json.dumps({**fields, "host": self.api_url, "extra": extra})

    def token(self) -> str:
        """Return a new app token."""
        form = {"client_id": self.client_id, "client_secret": self.client_secret}
        body = urllib.parse.urlencode({**form, "grant_type": "client_credentials"}).encode()
        return str(_call(f"{self.auth_url}/token", body)["access_token"])

    def counters(self) -> dict[str, Any]:
        """The counters since it was started."""
        counters: dict[str, Any] = self._control("counters")
        return counters

    def fault(self, name: str, **options: Any) -> None:
        """Switch a fault on.

        :param name: of :data:`twitch_provider.testing.FAULTS`
        :param options: as :meth:`twitch_provider.testing.Simulator.fault` takes them
        """
        self._control("faults", {"name": name, **options})

    def advance(self, seconds: float) -> None:
        """Move its time forward.

        :param seconds: how far
        """
        self._control("advance", {"seconds": seconds})

    def live(self, since: str, until: str) -> frozenset[str]:
        """Return the broadcasters that were live throughout; only of a moving world.

        :param since: an instant of its time, RFC 3339
        :param until: a later one
        """
        found = self._control(f"live?{urllib.parse.urlencode({'since': since, 'until': until})}")
        return frozenset(found["user_ids"])

    def now(self) -> str:
        """Its time, RFC 3339."""
        return str(self.counters()["now"])

    def _control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _call(f"{self.url}/_simulator/{path}", json.dumps(body).encode() if body else None)


def simulator_command(*, client_id: str = "", **options: Any) -> list[str]:
    """Return the command that simulates Twitch.

    :param client_id: of its client
    :param options: of ``python -m demo.worlds``; True is a flag, None is left out
    """
    command = [sys.executable, "-m", "demo.worlds"]
    for name, value in {"client_id": client_id or None, **options}.items():
        if value is not None and value is not False:
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return command


@contextmanager
def simulated_twitch(**options: Any) -> Iterator[SimulatedTwitch]:
    """Simulate Twitch in its own process, to the end of the block.

    :param options: of ``python -m demo.worlds``, such as ``streams=…, latency=150``
    """
    env = {**os.environ, "TWITCH_SIMULATOR_CLIENT_SECRET": _SECRET}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "twitch.log"
        command = simulator_command(client_id="b" * 30, **options)
        with Child("The simulated Twitch", command, env=env, log=log) as server:
            address = json.loads(server.wait_for(r"^\{.*\}$", timeout=_READY)[0])
            yield SimulatedTwitch(address["url"], address["client_id"])


def beside_us(simulator: Simulator) -> SimulatedTwitch:
    """Return the handle of a simulator in this process, for tests, which measure no time.

    :param simulator: a listening one
    """
    return SimulatedTwitch(simulator.url, simulator.client_id, simulator.client_secret)


def _call(url: str, body: bytes | None = None) -> Any:
    kind = "application/x-www-form-urlencoded" if "/oauth2/" in url else "application/json"
    request = urllib.request.Request(url, body, {"Content-Type": kind} if body else {})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def run_json(command: Sequence[str], env: Mapping[str, str] | None = None) -> Any:
    """Run a command and return the JSON of its last line.

    :param command: that prints it
    :param env: added to this process's environment
    :raises RuntimeError: it failed; with the end of its output
    """
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
