# SPDX-License-Identifier: Apache-2.0
"""Caches that share a token beyond its process; the connection's extra ``auth_cache`` chooses one.

A cache that cannot be used is logged once and is not an error: each process then fetches its own token.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from twitch_provider.helix.token import AppToken
from twitch_provider.hooks.encryption import TokenCipher

log = logging.getLogger(__name__)

#: An encrypted token has about 250 characters; a longer text is not one.
_MOST_BYTES = 4096


class TokenCache:
    """``none``: tokens are not shared. The other caches extend this.

    Its methods may block and never raise. A process calls them from one thread at a time, except ``save``.
    """

    def load(self) -> AppToken | None:
        """Return the cached token, or None."""
        return None

    def save(self, token: AppToken) -> None:
        """Cache a token, in place of the last one."""

    def lock(self) -> bool:
        """Lock the fetching of a token; False where another process has the lock."""
        return True

    def unlock(self) -> None:
        """Release the lock, if this process has it; returns at once."""


class FileCache(TokenCache):
    """``file``: an encrypted token in a private folder, shared by the processes of one user on one machine.

    :param cipher: of the application
    :param folder: created with mode 0700; not used if another user owns it or has access
    """

    def __init__(self, cipher: TokenCipher, folder: Path) -> None:
        self._cipher = cipher
        self._folder = folder
        self._path = folder / cipher.name
        self._lock: int | None = None
        self._warned = False

    def load(self) -> AppToken | None:
        """Return the cached token, or None."""
        try:
            self._check_folder()
            # Never follow a link, never wait for a pipe.
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(file, "rb") as opened:
                _require_private(os.fstat(file), self._path, stat.S_ISREG)
                text = opened.read(_MOST_BYTES).decode("ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn_once(error)
            return None
        return self._cipher.decrypt(text)

    def save(self, token: AppToken) -> None:
        """Cache a token, atomically, with mode 0600."""
        draft = self._path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            self._make_folder()
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as opened:
                opened.write(self._cipher.encrypt(token))
            draft.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            self._warn_once(error)

    def lock(self) -> bool:
        """Lock the fetching of a token; False where another process has the lock.

        The operating system releases the lock when its process ends, however it ends.
        """
        path = self._path.with_suffix(".lock")
        with contextlib.ExitStack() as stack:
            try:
                self._make_folder()
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                stack.callback(os.close, file)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError as error:
                self._warn_once(error)
                return True
            stack.pop_all()
            self._lock = file
            return True

    def unlock(self) -> None:
        """Release the lock, if this process has it; returns at once."""
        file, self._lock = self._lock, None
        if file is not None:
            # Closing is not enough: a process that was forked meanwhile has the file open too.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_folder()

    def _check_folder(self) -> None:
        _require_private(self._folder.lstat(), self._folder, stat.S_ISDIR)

    def _warn_once(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "The Twitch app token is not shared with other processes: %s. Fix this, or set another "
                "auth_cache in the connection's extra (none, file, variable).",
                error,
            )


def _require_private(status: os.stat_result, path: Path, is_kind: Callable[[int], bool]) -> None:
    """Make sure that only this user can have created this.

    :raises PermissionError: it is of another kind, of another user, or accessible to others
    """
    if not is_kind(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not private to this user (expected mode 0700, files 0600)")


class VariableCache(TokenCache):
    """``variable``: an encrypted token in an Airflow Variable, shared by a whole deployment.

    A Variable cannot be locked: processes that start at the same instant may each fetch a token, and the last
    one stays.

    :param cipher: of the application
    """

    def __init__(self, cipher: TokenCipher) -> None:
        self._cipher = cipher
        #: Airflow's UI masks the value of a Variable whose name contains "token".
        self._key = f"twitch_app_token_{cipher.name}"
        self._warned = False

    def load(self) -> AppToken | None:
        """Return the cached token, or None."""
        from twitch_provider.compat import Variable

        try:
            try:
                text = Variable.get(self._key, default=None)
            except TypeError:  # Airflow 2
                text = Variable.get(self._key, default_var=None)  # type: ignore[call-arg]
        except Exception as error:  # whatever Airflow's backends raise: not an error here
            self._warn_once(error)
            return None
        return self._cipher.decrypt(text) if isinstance(text, str) else None

    def save(self, token: AppToken) -> None:
        """Cache a token, in place of the last one."""
        from twitch_provider.compat import Variable

        try:
            Variable.set(
                self._key,
                self._cipher.encrypt(token),
                description="Twitch app token, encrypted; of airflow-provider-twitch",
            )
        except Exception as error:  # as above
            self._warn_once(error)

    def _warn_once(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            # Only its type: a database error may repeat the statement, and with it the value.
            log.warning(
                "The Twitch app token is not shared with other processes: Variable %s cannot be used (%s).",
                self._key,
                type(error).__name__,
            )


def airflow_home() -> Path:
    """Return Airflow's home, as Airflow determines it."""
    # Not Path.expanduser, which raises without a home directory.
    return Path(os.path.expandvars(os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))))  # noqa: PTH111


def open_cache(kind: str, cipher: TokenCipher) -> TokenCache:
    """Open the cache that the connection's extra ``auth_cache`` names.

    :param kind: ``none``, ``file`` or ``variable``
    :param cipher: of the application
    """
    match kind:
        case "file":
            return FileCache(cipher, airflow_home() / "twitch_tokens")
        case "variable":
            return VariableCache(cipher)
        case _:
            return TokenCache()
