# SPDX-License-Identifier: Apache-2.0
"""The settings of a ``twitch`` connection, checked once."""

from __future__ import annotations

import functools
import ipaddress
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from twitch_provider.aws.secrets import also_in
from twitch_provider.exceptions import TwitchConfigError, plain
from twitch_provider.helix.messages import is_loopback
from twitch_provider.helix.token import Credentials

BASE_URL = "https://api.twitch.tv/helix"
AUTH_URL = "https://id.twitch.tv/oauth2"

#: The numeric extras, each with its least and greatest value. Unknown extras are ignored, and never sent.
_NUMBERS = {"timeout": (0.1, 600.0), "rate_limit_reserve": (0.0, 1_000_000.0)}
#: How a token is shared between processes.
_AUTH_CACHES = ("file", "variable", "none")
_EXTRAS = {"auth_url", "auth_cache", *_NUMBERS}

log = logging.getLogger(__name__)


class ConnectionLike(Protocol):
    """The attributes of Airflow's ``Connection`` that are read."""

    conn_id: Any
    login: Any
    password: Any
    host: Any
    port: Any
    schema: Any
    extra: Any


@dataclass(frozen=True)
class Settings:
    """A checked ``twitch`` connection.

    :param conn_id: its id, for messages
    :param credentials: login and password: client id and client secret
    :param base_url: of Helix, without a slash at its end
    :param auth_url: of OAuth; ``/token`` and ``/validate`` are below it
    :param timeout: seconds for one request, from the connect to the last byte of its answer
    :param rate_limit_reserve: points of the rate limit to leave to others
    :param auth_cache: how a token is shared between processes: ``file`` (all processes of this user on a
        machine), ``variable`` (a whole deployment) or ``none``
    """

    conn_id: str
    credentials: Credentials
    base_url: str = BASE_URL
    auth_url: str = AUTH_URL
    timeout: float = 30.0
    rate_limit_reserve: float = 50.0
    auth_cache: str = "file"

    @classmethod
    def from_connection(cls, connection: ConnectionLike) -> Settings:
        """Read a connection.

        :raises TwitchConfigError: naming the connection and the field that is missing or malformed
        """
        conn_id = str(connection.conn_id)
        try:
            extra = _extra(connection.extra)
            if unknown := sorted(extra.keys() - _EXTRAS):
                _warn_once(conn_id, plain(", ".join(unknown), 200))
            return cls(
                conn_id=conn_id,
                credentials=Credentials(
                    _credential("login (client id)", connection.login),
                    _credential("password (client secret)", connection.password),
                ),
                base_url=_base_url(connection),
                auth_url=_url("extra auth_url", extra.get("auth_url") or AUTH_URL),
                auth_cache=_auth_cache(extra.get("auth_cache")),
                **{name: _number(name, extra[name]) for name in _NUMBERS if _is_given(extra.get(name))},
            )
        except ValueError as error:
            raise TwitchConfigError(
                f"connection {conn_id}: {error}; fix it under Admin → Connections or in AIRFLOW_CONN_"
                f"{conn_id.upper()}{also_in(conn_id)}"
            ) from None


@functools.lru_cache(maxsize=256)
def _warn_once(conn_id: str, unknown: str) -> None:
    """Warn once per process: a watcher looks its connection up every minute."""
    log.warning("Connection %s: ignoring unknown extras: %s", conn_id, unknown)


def _is_given(value: Any) -> bool:
    return value is not None and value != ""


def _extra(text: str | None) -> Mapping[str, Any]:
    try:
        extra = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise ValueError("the extra is not valid JSON") from None
    if not isinstance(extra, dict):
        raise ValueError("the extra must be a JSON object")
    return extra


def _credential(name: str, value: str | None) -> str:
    if not value:
        raise ValueError(f"{name} is missing: copy it from https://dev.twitch.tv/console")
    # It is sent in a header or a form; a blank is usually a mistake in copying.
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"{name} must not contain blanks or other characters that Twitch does not use")
    return value


def _base_url(connection: ConnectionLike) -> str:
    host = connection.host or BASE_URL
    schema = connection.schema or "https"
    if schema not in {"http", "https"}:
        raise ValueError(f"the schema must be http or https, not {schema!r:.40}; put the base URL in host")
    url, port = _split("host", host if "://" in host else f"{schema}://{host}")
    if connection.port and port is None and connection.port != {"https": 443, "http": 80}.get(url.scheme):
        url = url._replace(netloc=f"{url.netloc}:{connection.port}")
    return _url("host", url.geturl())


def _split(name: str, text: Any) -> tuple[SplitResult, int | None]:
    """Split a URL, refusing one that libraries might split in different ways."""
    if not isinstance(text, str):
        raise ValueError(f"{name} must be text")
    # Some libraries drop a tab, some read a backslash as a slash, or ① as 1.
    if not re.fullmatch(r"[!-\[\]-~]+", text):
        raise ValueError(f"{name} must not contain blanks, backslashes or other characters that no URL has")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        # Not the error's own text: it may repeat a secret that was put in the wrong field.
        raise ValueError(f"{name} must be a URL such as {BASE_URL}: its host or port is malformed") from None
    return url, port


def _url(name: str, text: Any) -> str:
    url, port = _split(name, text)
    if "@" in url.netloc:
        raise ValueError(f"{name} must not contain a user or password; use the fields login and password")
    # Without the rest: a query may contain a secret.
    shown = f"{url.scheme}://{url.netloc}"
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise ValueError(f"{name} must be a URL such as {BASE_URL}, without query, not {shown!r:.100}")
    # The whole netloc: urlsplit's hostname leaves out what is between a bracket and the port.
    if not _NETLOC.fullmatch(url.netloc) or not _is_host(url.hostname):
        raise ValueError(f"{name} {shown!r:.100} has an invalid host name")
    if port == 0:
        raise ValueError(f"{name} {shown!r:.100} has port 0")
    if url.scheme == "http" and not is_loopback(url.hostname):
        # An editor of connections must not be able to have the secret sent unencrypted.
        raise ValueError(
            f"{name} {shown!r:.100} must be https; http is allowed only for 127.0.0.1 and localhost"
        )
    return url._replace(netloc=url.netloc.lower()).geturl().rstrip("/")


_NETLOC = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]+)?", re.IGNORECASE)


def _is_host(hostname: str) -> bool:
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        return bool(re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", hostname, re.IGNORECASE))
    return True


def _auth_cache(value: Any) -> str:
    if not _is_given(value):
        return "file"
    if value not in _AUTH_CACHES:
        raise ValueError(f"extra auth_cache must be one of {', '.join(_AUTH_CACHES)}, not {value!r:.40}")
    return str(value)


def _number(name: str, value: Any) -> float:
    least, most = _NUMBERS[name]
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not least <= number <= most:
        raise ValueError(f"extra {name} must be between {least:g} and {most:g}, not {value!r:.40}")
    return number
