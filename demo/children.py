# SPDX-License-Identifier: Apache-2.0
"""Child processes that do not outlive this one."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType

from demo.errors import DemoError
from demo.guard import GRACE, end_session

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A command in its own session, writing to a log; leaving the ``with`` block ends the session.

    :param name: of it in messages
    :param command: the arguments; no secrets, as every user of the machine can read them
    :param env: its complete environment
    :param log: the file for its output
    :param inherited: file descriptors it keeps
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        inherited: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        descriptors = ",".join(map(str, inherited))
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # Output of earlier starts is before this offset.
            self._from = output.tell()
            self._guard = subprocess.Popen(
                [sys.executable, "-m", "demo.guard", descriptors, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=dict(env),
                start_new_session=True,
                pass_fds=inherited,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the command is running."""
        return self._guard.poll() is None

    def output(self) -> str:
        """Return its output so far."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code."""
        return self._guard.wait(timeout)

    def wait_for(self, pattern: str, *, timeout: float) -> re.Match[str]:
        """Return the first match of a pattern in its output.

        :param pattern: a regular expression; ``^`` and ``$`` are the ends of a line
        :param timeout: seconds
        :raises DemoError: it ended first, or the timeout passed
        """
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self.output(), re.MULTILINE)):
            if not self.running:
                raise DemoError(f"{self.name} could not start: {self.last_line()} (log: {shown(self.log)})")
            if time.monotonic() > deadline:
                raise DemoError(f"{self.name} was not ready after {timeout:.0f} s (log: {shown(self.log)})")
            time.sleep(0.05)
        return match

    def last_line(self) -> str:
        """Return the last line of its output."""
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1].removeprefix("error: ") if lines else "it printed nothing"

    def stop(self) -> int:
        """End it and everything it started, and return its exit code."""
        if self._guard.stdin:
            self._guard.stdin.close()
        try:
            return self._guard.wait(GRACE + 5)
        except subprocess.TimeoutExpired:
            end_session(self._guard.pid)
            self._guard.kill()
            return self._guard.wait()


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every ``with`` block ends its child."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def shown(path: Path | str) -> str:
    """Return a path relative to the current folder if it is below it; an address is returned as it is."""
    if isinstance(path, str):
        return path
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
