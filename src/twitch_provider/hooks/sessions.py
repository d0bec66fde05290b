# SPDX-License-Identifier: Apache-2.0
"""From a connection to a ``helix`` session: what both hooks share."""

from __future__ import annotations

import functools
import os
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from twitch_provider import __version__
from twitch_provider.aws.quiet import keep_boto_quiet, keep_masks_quiet
from twitch_provider.aws.secrets import explain_absence
from twitch_provider.compat import AirflowNotFoundException
from twitch_provider.exceptions import TwitchConfigError, TwitchLookupError
from twitch_provider.helix.ratelimit import RateLimiter
from twitch_provider.helix.session import Session, new_fetched
from twitch_provider.hooks.caches import open_cache
from twitch_provider.hooks.encryption import TokenCipher
from twitch_provider.hooks.settings import Settings
from twitch_provider.hooks.tokens import SharedTokens

USER_AGENT = f"airflow-provider-twitch/{__version__}"

_sharing = threading.Lock()


@functools.lru_cache(maxsize=32)
def _shared(application: Settings) -> tuple[SharedTokens, RateLimiter, deque[float]]:
    cipher = TokenCipher(application.credentials, application.base_url, application.auth_url)
    return SharedTokens(open_cache(application.auth_cache, cipher)), RateLimiter(), new_fetched()


def shared(settings: Settings) -> tuple[SharedTokens, RateLimiter, deque[float]]:
    """Return what all hooks of an application share in this process.

    :returns: the token store, the rate limiter, and when tokens were fetched
    """
    application = replace(settings, conn_id="", timeout=0, rate_limit_reserve=0)
    # functools' cache would let two threads create two of them.
    with _sharing:
        return _shared(application)


def forget_shared() -> None:
    """Forget all tokens and rate limiters, as in a new process."""
    with _sharing:
        _shared.cache_clear()


def _in_child() -> None:
    # A claim of another thread at the time of the fork would never be released here.
    _shared.cache_clear()
    _sharing.release()


os.register_at_fork(before=_sharing.acquire, after_in_parent=_sharing.release, after_in_child=_in_child)


def open_session(settings: Settings, clock: Callable[[], float]) -> Session:
    """Create a session with the token store and the rate limiter that this process shares.

    :param settings: of a connection
    :param clock: seconds on a monotonic clock
    """
    tokens, limiter, fetched = shared(settings)
    limiter.reserve = settings.rate_limit_reserve
    return Session(
        credentials=settings.credentials,
        base_url=settings.base_url,
        auth_url=settings.auth_url,
        tokens=tokens,
        limiter=limiter,
        fetched=fetched,
        clock=clock,
        random=random.random,  # noqa: S311 - jitter, not a secret
        name=settings.conn_id,
        timeout=settings.timeout,
    )


@contextmanager
def explained(conn_id: str) -> Iterator[None]:
    """Explain in one sentence why a connection cannot be looked up.

    :raises TwitchConfigError: it is missing or malformed
    :raises TwitchLookupError: it cannot be looked up at the moment
    """
    # The secrets backend may use boto3.
    keep_boto_quiet()
    keep_masks_quiet()
    try:
        yield
    except (AirflowNotFoundException, ValueError) as error:
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        # Airflow treats a variable that it cannot parse as missing.
        if isinstance(error, AirflowNotFoundException) and variable not in os.environ:
            raise explain_absence(conn_id) or TwitchConfigError(
                f"connection {conn_id} does not exist; create it under Admin → Connections, type Twitch, "
                f"or set {variable}"
            ) from None
        # Not Airflow's own text: it may repeat what is malformed, and with it the secret.
        raise TwitchConfigError(
            f"connection {conn_id} cannot be read by Airflow; check that {variable} and the extra in it "
            f"are JSON objects"
        ) from None
    except Exception as error:
        # Whatever an API server, a database or a secrets backend raises; its text may repeat what it read.
        raise TwitchLookupError(
            f"connection {conn_id} could not be looked up ({type(error).__name__}); see the logs of "
            f"Airflow's API server and of the secrets backend, and try later"
        ) from None
