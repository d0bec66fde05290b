# SPDX-License-Identifier: Apache-2.0
"""The overview that the page shows: one object of the lake at one key.

S3 may be slow or down while many look at the page. So one thread of its own asks S3, requests wait for it on
the event loop, and none waits longer than :data:`TIMEOUT`: Airflow's own threads are not used.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from twitch_provider.config import LakeConfig, option
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchDataError,
    TwitchError,
    TwitchStoreAccessError,
)

log = logging.getLogger(__name__)

#: The one that this page can show.
VERSION = 1

#: It has some 300 kB.
MAX_BYTES = 5_000_000

#: For how many seconds one that was read is served without asking S3 again. Errors are not kept.
FRESH = 10.0

#: How many seconds a request waits for S3.
TIMEOUT = 10.0

#: After how many seconds without a result S3 is asked anew, by another thread: bytes that trickle in break no
#: timeout of the client, so a thread may wait for them long after S3 answers others.
READ_LIMIT = 30.0

#: How many threads may wait in that way; with as many, the newest is waited for.
GIVEN_UP = 8

#: Of the client: S3 is asked twice at most, and not for longer than somebody would look at an empty page.
LIMITS = {
    "connect_timeout": 3,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}

_NO_BUCKET = (
    "No bucket is set for the page: set the option [twitch] bucket (AIRFLOW__TWITCH__BUCKET) on Airflow's "
    "API server, and restart it."
)


class Overview(NamedTuple):
    """The overview as it lies in the lake.

    :param body: JSON
    :param tag: of its bytes
    """

    body: bytes
    tag: str


class Problem(NamedTuple):
    """Why there is no overview.

    :param status: of HTTP
    :param code: for the page's heading
    :param sentence: what, where and what to do
    """

    status: int
    code: str
    sentence: str


class _Reading:
    """What a thread is reading.

    :param began: seconds, as of the clock
    """

    def __init__(self, began: float) -> None:
        self.began = began
        self.result: Future[Overview | Problem] = Future()


class _Header(msgspec.Struct):
    version: int


class Overviews:
    """Reads the overview for all requests of a process.

    :param read: reads it from S3
    :param clock: seconds
    :param timeout: how many seconds a request waits
    """

    def __init__(
        self,
        read: Callable[[LakeConfig], Overview | Problem] | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
    ) -> None:
        self._read = read or read_overview
        self._clock = clock
        self._timeout = timeout
        self._lock = Lock()
        self._reading: dict[str, _Reading] = {}
        self._given_up = 0
        self._kept: tuple[str, float, Overview] | None = None

    async def get(self) -> Overview | Problem | Mapping[str, Any]:
        """Return the overview, why it cannot be shown, or where Airflow has it."""
        if dag_id := option("overview_xcom").strip():
            return in_airflow(dag_id)
        if not option("bucket").strip():
            return Problem(503, "no_bucket", _NO_BUCKET)
        try:
            config = LakeConfig.resolve()
        except TwitchConfigError as error:
            return _refusal(error)
        reading = self._ask(config)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(reading)), self._timeout)
        except TimeoutError:
            return Problem(
                504,
                "unavailable",
                f"S3 has not answered for s3://{config.bucket}/{_key(config)} within {self._timeout:g} "
                "seconds: look at the page again later.",
            )

    def _ask(self, config: LakeConfig) -> Future[Overview | Problem]:
        """Return what is fresh, or what a thread is reading."""
        place = repr(config)
        with self._lock:
            if self._kept and self._kept[0] == place and self._clock() - self._kept[1] < FRESH:
                done: Future[Overview | Problem] = Future()
                done.set_result(self._kept[2])
                return done
            reading = self._reading.get(place)
            if reading is not None and self._is_late(reading):
                self._given_up += 1
                reading = None
            if reading is None:
                reading = _Reading(self._clock())
                # Not one of a pool, which Python would wait for at its end. It needs the lock to end.
                Thread(
                    target=self._run, args=(config, place, reading), name="twitch-overview", daemon=True
                ).start()
                self._reading[place] = reading
            return reading.result

    def _is_late(self, reading: _Reading) -> bool:
        return self._clock() - reading.began >= READ_LIMIT and self._given_up < GIVEN_UP

    def _run(self, config: LakeConfig, place: str, reading: _Reading) -> None:
        try:
            found = self._read(config)
        except BaseException:
            # Whatever it is: a thread that ended without a result would leave all requests waiting.
            log.exception("The overview could not be read.")
            found = Problem(
                500,
                "unavailable",
                "The overview could not be read: look into the log of Airflow's API server.",
            )
        with self._lock:
            if self._reading.get(place) is reading:
                del self._reading[place]
                # From now on, or one that takes longer to read than it stays fresh would never be shown.
                self._kept = (place, self._clock(), found) if isinstance(found, Overview) else None
            else:
                # Given up: what others have read since then is newer.
                self._given_up -= 1
        reading.result.set_result(found)


def read_overview(config: LakeConfig) -> Overview | Problem:
    """Read the overview from S3.

    :param config: where the lake is
    """
    from twitch_provider.aws.store import S3Store

    key = _key(config)
    store = S3Store(config.bucket, config.aws_conn_id or None, config.s3_extra_args, LIMITS)
    try:
        found = store.read_within(key, MAX_BYTES)
    except TwitchError as error:
        return _refusal(error)
    if found is None:
        return Problem(
            404,
            "no_metrics",
            f"There is no overview at {store.uri(key)} yet: let the DAGs twitch_top_games and twitch_metrics "
            "run.",
        )
    return _checked(found.body, store.uri(key))


def _checked(body: bytes, place: str) -> Overview | Problem:
    """Check that it is whole, and of the version that the page knows."""
    again = "let the DAG twitch_metrics run again"
    try:
        # Of what it skips it does not look at the encoding.
        version = msgspec.json.decode(body.decode(), type=_Header).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Problem(502, "unreadable", f"The object {place} is not a whole overview: {again}.")
    if version != VERSION:
        return Problem(
            502,
            "unreadable",
            f"The overview {place} has version {version!s:.20}, and this page shows version {VERSION}: "
            f"install the same airflow-provider-twitch on the API server and on the workers, and {again}.",
        )
    return Overview(body, hashlib.sha256(body).hexdigest())


def _refusal(error: TwitchError) -> Problem:
    if isinstance(error, TwitchDataError):
        return Problem(502, "too_large", f"The object {error} and not an overview: delete it.")
    if isinstance(error, TwitchStoreAccessError):
        return Problem(503, "denied", _sentence(error))
    code = "misconfigured" if isinstance(error, TwitchConfigError) else "unavailable"
    return Problem(503, code, _sentence(error))


def in_airflow(dag_id: str) -> Mapping[str, Any]:
    """Return where the page finds the overview in Airflow's own API, relative to the page.

    The browser asks there with the user's own session, so that Airflow decides who may see it.

    :param dag_id: of the DAG whose task ``overview`` returns it
    """
    runs = f"../api/v2/dags/{quote(dag_id, safe='')}/dagRuns"
    return {
        "xcom": {
            "newest": f"{runs}/~/taskInstances?task_id=overview&state=success&order_by=-run_after&limit=1",
            "entry": f"{runs}/{{run_id}}/taskInstances/overview/xcomEntries/overview",
        }
    }


def _key(config: LakeConfig) -> str:
    return f"{config.prefix}/latest/overview.json".removeprefix("/")


def _sentence(error: Exception) -> str:
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
