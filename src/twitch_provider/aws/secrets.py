# SPDX-License-Identifier: Apache-2.0
"""Why a secrets backend of Airflow's, such as AWS Secrets Manager, gives no connection.

Airflow passes over whatever goes wrong there, and says that the connection does not exist.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from airflow.configuration import get_custom_secret_backend

from twitch_provider.exceptions import TwitchConfigError, TwitchError, TwitchLookupError

#: What belongs into a secret: https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html
WANTED = '{"conn_type": "twitch", "login": "<client id>", "password": "<client secret>"}'

_DENIED = {"AccessDeniedException", "AccessDenied"}
_CLOCK = {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}


def explain_absence(conn_id: str) -> TwitchError | None:
    """Return our error for a connection that Airflow does not find; None where no backend is to blame.

    The backend is asked once more, which is the only way to its own error; but not within an event loop: that
    would be held up.

    :param conn_id: of the connection
    """
    backend = _backend()
    if backend is None or not _is_asked(backend, conn_id):
        return None
    place = _place(backend, conn_id)
    fill = f"connection {conn_id} does not exist: {place} has none; put {WANTED} there"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return TwitchConfigError(f"{fill}, and let this machine read it (secretsmanager:GetSecretValue)")
    try:
        value = backend.get_conn_value(conn_id)
    except NotImplementedError:
        return None
    except Exception as error:  # Whatever a backend raises; its text may hold what it read.
        return _failure(error, conn_id, place)
    if value and value.strip():
        return _malformed(conn_id, place)
    return TwitchConfigError(fill)


def also_in(conn_id: str) -> str:
    """Say where else a connection may be that has to be mended: the end of a sentence, often empty.

    :param conn_id: of the connection
    """
    backend = _backend()
    return f" or in {_place(backend, conn_id)}" if backend and _is_asked(backend, conn_id) else ""


def _backend() -> Any:
    """Make the backend that a worker asks."""
    try:
        # Since Airflow 3.0, [workers] may name one of their own.
        return get_custom_secret_backend(worker_mode=True)
    except TypeError:
        return get_custom_secret_backend()


def _is_asked(backend: Any, conn_id: str) -> bool:
    pattern = getattr(backend, "connections_lookup_pattern", None)
    asked = getattr(backend, "connections_prefix", "") is not None
    return asked and (not pattern or re.match(pattern, conn_id, re.IGNORECASE) is not None)


def _place(backend: Any, conn_id: str) -> str:
    name = type(backend).__name__
    prefix, separator = getattr(backend, "connections_prefix", None), getattr(backend, "sep", "/")
    if prefix is None:
        return name
    return f"secret {f'{prefix}{separator}{conn_id}' if prefix else conn_id!r} of {name}"


def _malformed(conn_id: str, place: str) -> TwitchError:
    return TwitchConfigError(f"connection {conn_id}: what {place} has is none; put {WANTED} there")


def _failure(error: Exception, conn_id: str, place: str) -> TwitchError:
    # botocore is not loaded where there is nothing of AWS's to explain.
    from twitch_provider.aws import identity

    answer = getattr(error, "response", None)
    details = answer.get("Error", {}) if isinstance(answer, dict) else {}
    code = str(details.get("Code", ""))[:60]
    failed = f"connection {conn_id} cannot be looked up in {place}"
    if code in _DENIED:
        # The whole of what Secrets Manager says of a key: "Access to KMS is not allowed".
        by_kms = "KMS" in str(details.get("Message"))
        action = "kms:Decrypt on its KMS key" if by_kms else "secretsmanager:GetSecretValue on it"
        return TwitchConfigError(f"{failed}: grant {action} to this machine's IAM role ({code})")
    if code in _CLOCK:
        return TwitchConfigError(
            f"{failed}: AWS refuses the time of the signature ({code}); {identity.CLOCK}"
        )
    if found := identity.cause(error):
        kind = TwitchConfigError if found.fatal else TwitchLookupError
        return kind(f"{failed}: {found.sentence}")
    if isinstance(error, ValueError) and not code:  # such as JSON that breaks off
        return _malformed(conn_id, place)
    return TwitchLookupError(
        f"{failed} ({code or type(error).__name__}): a later try may succeed; if this stays, see that this "
        "machine can reach it"
    )
