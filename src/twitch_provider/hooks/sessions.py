# SPDX-License-Identifier: Apache-2.0
"""From a connection to a session of ``helix``: what the hooks for tasks and for event loops share."""

from __future__ import annotations

import functools
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twitch_provider import __version__
from twitch_provider.aws.quiet import keep_boto_quiet
from twitch_provider.aws.secrets import explain_absence
from twitch_provider.compat import AirflowNotFoundException
from twitch_provider.exceptions import TwitchConfigError, TwitchLookupError
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.session import Session
from twitch_provider.hooks.caches import open_cache
from twitch_provider.hooks.encryption import TokenCipher
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.tokens import SharedTokens

USER_AGENT = f"airflow-provider-twitch/{__version__}"

_sharing = threading.Lock()


@functools.lru_cache(maxsize=32)
def _shared(application: Settings) -> tuple[SharedTokens, RateLimiter]:
    seal = TokenCipher(application.credentials, application.base_url, application.auth_url)
    return SharedTokens(open_cache(application.auth_cache, seal)), RateLimiter()


def shared(settings: Settings) -> tuple[SharedTokens, RateLimiter]:
    """One token and one mirror of the rate limit for all hooks of an application in this process.

    :param settings: of a connection
    """
    application = Settings(
        conn_id="",
        credentials=settings.credentials,
        base_url=settings.base_url,
        auth_url=settings.auth_url,
        auth_cache=settings.auth_cache,
    )
    # The cache of functools lets two threads make two of a thing that has to be one.
    with _sharing:
        return _shared(application)


def forget_shared() -> None:
    """Begin anew, as a new process would."""
    with _sharing:
        _shared.cache_clear()


def _in_child() -> None:
    # What another thread had claimed when the process was forked would stay claimed here.
    _shared.cache_clear()
    _sharing.release()


os.register_at_fork(before=_sharing.acquire, after_in_parent=_sharing.release, after_in_child=_in_child)


def open_session(settings: Settings, clock: Callable[[], float]) -> Session:
    """Open a session on what this process shares.

    :param settings: of a connection
    :param clock: seconds on a monotonic clock
    """
    tokens, limiter = shared(settings)
    limiter.reserve = settings.rate_limit_reserve
    return Session(
        credentials=settings.credentials,
        base_url=settings.base_url,
        auth_url=settings.auth_url,
        tokens=tokens,
        limiter=limiter,
        clock=clock,
        random=random.random,  # noqa: S311 - jitter, no secret
        name=settings.conn_id,
        timeout=settings.timeout,
    )


@contextmanager
def explained(conn_id: str) -> Iterator[None]:
    """Say in one sentence why Airflow cannot give us a connection.

    :param conn_id: of the connection
    :raises TwitchConfigError: it is missing or malformed
    :raises TwitchLookupError: it cannot be looked up at the moment
    """
    # The secrets backend may be AWS's.
    keep_boto_quiet()
    try:
        yield
    except (AirflowNotFoundException, ValueError) as error:
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        # Airflow takes a variable that it cannot read for none.
        if isinstance(error, AirflowNotFoundException) and variable not in os.environ:
            raise explain_absence(conn_id) or TwitchConfigError(
                f"connection {conn_id} does not exist; make it under Admin → Connections, type Twitch, "
                f"or set {variable}"
            ) from None
        # Not Airflow's own text: it may hold what was malformed, and with it the secret.
        raise TwitchConfigError(
            f"connection {conn_id} cannot be read by Airflow; check that {variable} and the extra in it "
            f"are JSON objects"
        ) from None
    except Exception as error:
        # Whatever an API server, a database or a secrets backend raises; their texts may hold what they read.
        raise TwitchLookupError(
            f"connection {conn_id} could not be looked up ({type(error).__name__}); see the logs of "
            f"Airflow's API server and of the secrets backend, and try later"
        ) from None
