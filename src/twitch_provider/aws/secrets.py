# SPDX-License-Identifier: Apache-2.0
"""Why a secrets backend of Airflow's, such as AWS Secrets Manager, does not return a connection.

Airflow ignores whatever a backend raises, and says that the connection does not exist.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from airflow.configuration import get_custom_secret_backend

from twitch_provider.aws.masking import code_of, said
from twitch_provider.exceptions import TwitchConfigError, TwitchError, TwitchLookupError

#: The value of a secret: https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html
WANTED = '{"conn_type": "twitch", "login": "<client id>", "password": "<client secret>"}'

_DENIED = {"AccessDeniedException", "AccessDenied"}
_CLOCK = {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}


def explain_absence(conn_id: str) -> TwitchError | None:
    """Return our error for a connection that Airflow does not find; None if no backend is responsible for it.

    The backend is asked once more, since only the backend knows the reason; but not within an event loop,
    which that would block.
    """
    backend = _backend()
    if backend is None or not _is_asked(backend, conn_id):
        return None
    place = _place(backend, conn_id)
    missing = f"connection {conn_id} does not exist: store {WANTED} in {place}"
    if _is_on_a_loop():
        return TwitchConfigError(f"{missing}, and let this worker read it (secretsmanager:GetSecretValue)")
    try:
        value = backend.get_conn_value(conn_id)
    except NotImplementedError:
        return None
    except Exception as error:  # Whatever a backend raises; its text may hold what it read.
        return _failure(error, conn_id, place)
    if value and value.strip():
        return _malformed(conn_id, place)
    return TwitchConfigError(missing)


def also_in(conn_id: str) -> str:
    """Name the secret that a connection may come from: the end of a sentence, often empty."""
    backend = _backend()
    return f" or in {_place(backend, conn_id)}" if backend and _is_asked(backend, conn_id) else ""


def _backend() -> Any:
    """Return the backend of a worker."""
    try:
        # Since Airflow 3.0, [workers] may name one of their own.
        return get_custom_secret_backend(worker_mode=True)
    except TypeError:
        return get_custom_secret_backend()


def _is_asked(backend: Any, conn_id: str) -> bool:
    pattern = getattr(backend, "connections_lookup_pattern", None)
    asked = getattr(backend, "connections_prefix", "") is not None
    return asked and (not pattern or re.match(pattern, conn_id, re.IGNORECASE) is not None)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _place(backend: Any, conn_id: str) -> str:
    name = type(backend).__name__
    prefix, separator = getattr(backend, "connections_prefix", None), getattr(backend, "sep", "/")
    if prefix is None:
        return name
    return f"secret {f'{prefix}{separator}{conn_id}' if prefix else conn_id!r} of {name}"


def _malformed(conn_id: str, place: str) -> TwitchError:
    return TwitchConfigError(f"connection {conn_id}: invalid value in {place}; store {WANTED} in it")


def _failure(error: Exception, conn_id: str, place: str) -> TwitchError:
    # botocore is not imported where there is nothing of AWS's to explain.
    from twitch_provider.aws import identity

    code, words = code_of(error), said(error)
    failed = f"connection {conn_id} cannot be looked up in {place}"
    if code in _DENIED:
        return TwitchConfigError(
            f"{failed} ({code}): grant secretsmanager:GetSecretValue on it to {identity.holder()}, and "
            f"kms:Decrypt if the secret has a KMS key of its own.{words}"
        )
    if code in _CLOCK:
        return TwitchConfigError(f"{failed} ({code}): if the signature expired, {identity.CLOCK}.{words}")
    if found := identity.cause(error):
        kind = TwitchConfigError if found.fatal else TwitchLookupError
        return kind(f"{failed}: {found.sentence}")
    if isinstance(error, ValueError) and not code:  # such as JSON that breaks off
        return _malformed(conn_id, place)
    return TwitchLookupError(
        f"{failed} ({code or type(error).__name__}): a later try may succeed; if this persists, check that "
        f"this worker can reach it.{words}"
    )
