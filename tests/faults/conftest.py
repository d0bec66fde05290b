# SPDX-License-Identifier: Apache-2.0
"""One simulated Twitch for the whole table, reset for every case."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator

import pytest
from tests.faults.readings import AT, WORLD

from twitch_provider.hooks import tokens, transport_async
from twitch_provider.hooks.twitch import TwitchAsyncHook, TwitchHook
from twitch_provider.testing import Simulator
from twitch_provider.testing.twitch import Counters


@pytest.fixture(scope="session")
def server() -> Iterator[Simulator]:
    """A Twitch whose time stands still, so that its lists do."""
    with Simulator(WORLD, at=AT, clock=lambda: 0.0) as simulator:
        yield simulator


@pytest.fixture
def simulator(server: Simulator, naps: list[float], monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The Twitch of one case: nothing was asked, nothing is known, nothing is masked."""
    server.clear_faults()
    server.revoke_tokens()
    server.twitch.rate_limit.remaining = server.twitch.rate_limit.limit
    server.twitch.counters = Counters()
    # Code that relies on Airflow's masking has leaked already: plain loggers show everything.
    monkeypatch.setattr(tokens, "mask_secret", lambda _: None)
    for hook in (TwitchHook, TwitchAsyncHook):
        monkeypatch.setattr(hook, "log", logging.getLogger("tests.faults"))
    # Reading the bundle of certificates takes longer than most cases do.
    monkeypatch.setattr(transport_async, "_ssl_context", _certificates)
    return server


_certificates = functools.lru_cache(transport_async._ssl_context)
