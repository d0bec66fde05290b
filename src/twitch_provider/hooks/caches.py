# SPDX-License-Identifier: Apache-2.0
"""How far a token is shared beyond its process: the connection's extra ``auth_cache`` chooses.

A cache that cannot be used is a warning, once, and no error: each process then fetches a token of its own.
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
from twitch_provider.hooks.tokens import TokenCache

log = logging.getLogger(__name__)

#: A sealed token has some 250 characters; whatever is longer is none of ours.
_MOST_BYTES = 4096


class NoCache:
    """``none``: nothing is shared."""

    def load(self) -> AppToken | None:
        """Return None."""
        return None

    def save(self, token: AppToken) -> None:
        """Leave nothing.

        :param token: the new one
        """

    def lock(self) -> bool:
        """Return True: every process fetches its own."""
        return True

    def unlock(self) -> None:
        """Give nothing back."""


class FileCache:
    """``file``: a sealed token in a private folder, shared by the processes of one user on one machine.

    :param seal: of the application
    :param folder: made with mode 0700; one that somebody else owns or may write to is not used
    """

    def __init__(self, seal: TokenCipher, folder: Path) -> None:
        self._seal = seal
        self._folder = folder
        self._path = folder / seal.name
        self._lock: int | None = None
        self._complained = False

    def load(self) -> AppToken | None:
        """Return the token that was left there, None where there is none that could be of use."""
        try:
            self._check_folder()
            # A link or a pipe that somebody laid there must lead nowhere, and hold up nobody.
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(file, "rb") as opened:
                _check(os.fstat(file), self._path, stat.S_ISREG)
                text = opened.read(_MOST_BYTES).decode("ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(error)
            return None
        return self._seal.open(text)

    def save(self, token: AppToken) -> None:
        """Leave a token: a whole one, in one step, with mode 0600.

        :param token: the new one
        """
        draft = self._path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            self._make_folder()
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as opened:
                opened.write(self._seal.close(token))
            draft.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            self._complain(error)

    def lock(self) -> bool:
        """Keep other processes from fetching a token; False where one of them does.

        The system gives the lock back when its process ends, however it ends.
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
                self._complain(error)
                return True
            stack.pop_all()
            self._lock = file
            return True

    def unlock(self) -> None:
        """Give the lock back, if it was had; returns at once."""
        file, self._lock = self._lock, None
        if file is not None:
            # Closing alone would not do: a process forked meanwhile has the file, too.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_folder()

    def _check_folder(self) -> None:
        _check(self._folder.lstat(), self._folder, stat.S_ISDIR)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.warning(
                "The app token of Twitch is not shared with other processes: %s. Mend that, or choose "
                "another auth_cache in the connection's extra (none, file, variable).",
                error,
            )


def _check(status: os.stat_result, path: Path, is_kind: Callable[[int], bool]) -> None:
    """Make sure that nobody else can have laid this there.

    :raises PermissionError: it is of another kind, of another user, or open to others
    """
    if not is_kind(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not private to this user (expected mode 0700, files 0600)")


class VariableCache:
    """``variable``: a sealed token in an Airflow Variable, shared by a whole deployment.

    A Variable has no compare-and-set: processes that start at the same instant fetch one token each at most,
    and the last one stays.

    :param seal: of the application
    """

    def __init__(self, seal: TokenCipher) -> None:
        self._seal = seal
        #: With "token" in its name, so that Airflow's UI masks the value.
        self._key = f"twitch_app_token_{seal.name}"
        self._complained = False

    def load(self) -> AppToken | None:
        """Return the token that was left there, None where there is none that could be of use."""
        from twitch_provider.compat import Variable

        try:
            try:
                text = Variable.get(self._key, default=None)
            except TypeError:  # Airflow 2
                text = Variable.get(self._key, default_var=None)  # type: ignore[call-arg]
        except Exception as error:  # whatever Airflow's backends raise: no cache is no error
            self._complain(error)
            return None
        return self._seal.open(text) if isinstance(text, str) else None

    def save(self, token: AppToken) -> None:
        """Leave a token, in place of what was there.

        :param token: the new one
        """
        from twitch_provider.compat import Variable

        try:
            Variable.set(
                self._key,
                self._seal.close(token),
                description="Twitch app token, sealed with its client secret, of airflow-provider-twitch",
            )
        except Exception as error:  # as above
            self._complain(error)

    def lock(self) -> bool:
        """Return True: a Variable cannot be locked."""
        return True

    def unlock(self) -> None:
        """Give nothing back."""

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            # Its kind only: the text of an error of a database may hold the statement, and with it the value.
            log.warning(
                "The app token of Twitch is not shared with other processes: the Variable %s cannot be used "
                "here (%s).",
                self._key,
                type(error).__name__,
            )


def airflow_home() -> Path:
    """Return Airflow's home, as Airflow itself finds it."""
    # Not Path.expanduser, which raises where there is no home.
    return Path(os.path.expandvars(os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))))  # noqa: PTH111


def open_cache(kind: str, seal: TokenCipher) -> TokenCache:
    """Open the cache that the connection's extra ``auth_cache`` names.

    :param kind: ``none``, ``file`` or ``variable``
    :param seal: of the application
    """
    match kind:
        case "file":
            return FileCache(seal, airflow_home() / "twitch_tokens")
        case "variable":
            return VariableCache(seal)
        case _:
            return NoCache()
