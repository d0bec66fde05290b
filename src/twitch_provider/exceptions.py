# SPDX-License-Identifier: Apache-2.0
"""Every error that this provider raises, in one tree.

::

    TwitchError
     ├─ TwitchConfigError         the connection, an option or a DAG param is missing or malformed      *
     ├─ TwitchLookupError         Airflow cannot look the connection up at the moment
     ├─ TwitchParameterError      a parameter that Helix would refuse; also a ValueError                *
     ├─ TwitchAuthError           Twitch refuses the client id or a new token                           *
     │   └─ TwitchSecretError         it refuses the client secret, which may be being replaced
     ├─ TwitchConnectionError     no complete answer: time-out, DNS, dropped connection, truncated body
     ├─ TwitchResponseError       an answer that is not Helix's: HTML, not JSON, a 4xx of a proxy, a redirect
     ├─ TwitchAPIError            an error answer of Helix: ``status``, ``message``, ``rate_limit``
     │   ├─ TwitchRequestError        400, 403, 410 and other 4xx: this request is wrong                *
     │   │   └─ TwitchNotFoundError       404, or ids that Twitch does not know                         *
     │   ├─ TwitchRateLimitError      429 until the retries ran out
     │   └─ TwitchServerError         5xx until the retries ran out
     ├─ TwitchPaginationError     the cursors of a list loop
     ├─ TwitchIncompleteError     a crawl lost a part of the list, and ``on_incomplete`` is ``fail``
     ├─ TwitchTooLateError        a run has nothing in the lake, and Twitch cannot be asked about the past  *
     ├─ TwitchDataError           what arrived cannot become a snapshot: empty, or rows are unaccounted for
     │   └─ TwitchRawObjectError      the run's raw object is missing or damaged, or gives no snapshot     *
     ├─ TwitchOwnerError          an object of the lake belongs to another run or task                  *
     ├─ TwitchNotifierError       an alert could not be sent
     └─ TwitchStoreError          the object store
         ├─ TwitchStoreAccessError    it refuses access: credentials, permission or bucket are wrong        *
         └─ TwitchStoreUnavailableError   it is down or out of reach

The starred ones are ``fatal``: no retry can fix them, somebody has to change something. Operators and tasks
turn those into ``AirflowFailException`` with the same sentence and leave the others to Airflow's retries.
No message carries a secret, a token or a whole body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twitch_provider.helix.ratelimit import RateLimit


def plain(text: str, most: int = 80) -> str:
    """Make text from outside safe for a message or a log: one line, printable, not too long.

    :param text: from outside
    :param most: how many characters, at most
    """
    shown = "".join(each if each.isprintable() else "�" for each in text[:most])
    return shown if len(text) <= most else f"{shown}…"


class TwitchError(Exception):
    """The root of the tree: ``except TwitchError`` catches all of this provider's errors."""

    #: No retry can fix it: a configuration, a parameter or a permission has to change.
    fatal: ClassVar[bool] = False

    #: How far the walk had read, which the walk fills in: ``page 7, 700 rows read so far``.
    where: str = ""

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.where})" if self.where else message


class TwitchConfigError(TwitchError):
    """The connection, a configuration option or a DAG param is missing or malformed."""

    fatal = True


class TwitchLookupError(TwitchError):
    """Airflow cannot look the connection up at the moment: its API server or its secrets backend failed."""


class TwitchParameterError(TwitchError, ValueError):
    """A parameter that Helix would refuse, found before anything was sent.

    :param message: a sentence: what, where, what to do
    :param parameter: the parameter's name as Helix spells it, or as the reader's argument is called
    """

    fatal = True

    def __init__(self, message: str, *, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter


class TwitchAuthError(TwitchError):
    """Twitch refuses the client id, or a token that was just fetched."""

    fatal = True


class TwitchSecretError(TwitchAuthError):
    """Twitch refuses the client secret.

    Not fatal: at Twitch a new secret replaces the old one at once, and in the connection only when somebody
    stores it there. Each try reads the connection again.
    """

    fatal = False


class TwitchConnectionError(TwitchError):
    """No complete answer arrived: time-out, DNS, refused or dropped connection, truncated body."""


class TwitchResponseError(TwitchError):
    """An answer that is not Helix's: HTML, not JSON, ``data`` missing, a redirect, a 4xx of a proxy.

    A 4xx is Twitch's only with its error object. https://dev.twitch.tv/docs/api/guide#api-errors
    """


class TwitchAPIError(TwitchError):
    """An error answer of Helix.

    :param message: a sentence: what, where, what to do
    :param status: the HTTP status
    :param endpoint: the path below the base URL, for example ``games/top``
    :param detail: Twitch's own ``message``, shortened
    :param rate_limit: what the rate limit headers of that answer said, if there were any

    Source: https://dev.twitch.tv/docs/api/guide and the status tables of the API reference.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        endpoint: str = "",
        detail: str = "",
        rate_limit: RateLimit | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.endpoint = endpoint
        self.detail = detail
        self.rate_limit = rate_limit


class TwitchRequestError(TwitchAPIError):
    """400, 403, 410 and the other 4xx: this request is wrong, and would be again."""

    fatal = True


class TwitchNotFoundError(TwitchRequestError):
    """404, or ids that Twitch does not know.

    :param message: a sentence: what, where, what to do
    :param unknown: the ids or logins that Twitch does not know, where they were looked up; the same request
        without them succeeds
    :param details: as of :class:`TwitchAPIError`
    """

    def __init__(self, message: str, *, unknown: Iterable[str] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.unknown = tuple(unknown)


class TwitchRateLimitError(TwitchAPIError):
    """429 until the retries ran out."""


class TwitchServerError(TwitchAPIError):
    """5xx until the retries ran out."""


class TwitchPaginationError(TwitchError):
    """The cursors of a list loop: one came twice, or page after page has no new row."""


class TwitchIncompleteError(TwitchError):
    """A crawl lost a part of the list, and ``on_incomplete`` is ``fail``."""


class TwitchDataError(TwitchError):
    """What arrived cannot become a snapshot: it is empty, or its counts do not add up."""


class TwitchRawObjectError(TwitchDataError):
    """The run's raw object is missing or damaged, or no snapshot can be made of it: no retry changes it."""

    fatal = True


class TwitchTooLateError(TwitchError):
    """A run has no raw object, and is so late that Twitch must not be asked: now is not then."""

    fatal = True


class TwitchOwnerError(TwitchError):
    """An object of the lake belongs to another run or task, which must not be falsified."""

    fatal = True


class TwitchNotifierError(TwitchError):
    """An alert could not be sent: the notifier failed."""


class TwitchStoreError(TwitchError):
    """The object store failed.

    :param message: a sentence: what, where, what to do
    :param key: the object or prefix that was being worked on, as ``s3://bucket/key``
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class TwitchStoreAccessError(TwitchStoreError):
    """The store refuses access: credentials, permission or bucket are wrong."""

    fatal = True


class TwitchStoreUnavailableError(TwitchStoreError):
    """The store is down or out of reach: a retry may succeed."""
