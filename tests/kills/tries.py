# SPDX-License-Identifier: Apache-2.0
"""One try of a run: a worker in a process of its own, which can be frozen, woken and killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.kills.checker import Facts
from tests.kills.jobs import PHASES, Job, Moment

#: No try takes as long, frozen time aside.
_MOST_SECONDS = 90.0


class Try:
    """A worker, which starts with the first :meth:`run_until`.

    :param job: what it does
    :param process: that is not started yet
    :param pipe: what it hears and what the worker tells
    :param log: what the worker writes
    :param found: the lake before it
    """

    def __init__(
        self,
        job: Job,
        process: Any,
        pipe: tuple[Connection, Connection],
        log: Path,
        found: Mapping[str, Facts],
    ) -> None:
        self.job = job
        self.found = found
        self.frozen = 0
        #: When each phase began, in seconds of the machine's clock.
        self.times: list[tuple[str, float]] = []
        #: What the operator returned.
        self.reference: Mapping[str, Any] | None = None
        #: What the operator raised: its class and sentence.
        self.error = ""
        self._process, self._log = process, log
        self._ours, self._theirs = pipe

    def run_until(self, moment: Moment | None) -> bool:
        """Start or wake it, and let it run until it ends.

        :param moment: return then, if it still runs
        :returns: whether it still runs
        :raises TimeoutError: it does not end
        """
        if self._process.pid is None:
            self._process.start()
            self._theirs.close()
        else:
            self._send(signal.SIGCONT)
        due = moment is not None and not moment.since
        deadline = time.monotonic() + (moment.seconds if moment is not None and due else _MOST_SECONDS)
        while self._ours.poll(max(0.0, deadline - time.monotonic())):
            if (word := self._hear()) is None:
                self._process.join()
                return False
            if moment is not None and word == moment.since:
                due, deadline = True, self.times[-1][1] + moment.seconds
        if not due:
            raise TimeoutError(f"a worker had not ended after {_MOST_SECONDS:.0f} s")
        return True

    def freeze(self) -> None:
        """Stop it with SIGSTOP, until it is woken or killed."""
        self._send(signal.SIGSTOP)
        self.frozen += 1

    def _send(self, number: signal.Signals) -> None:
        # It may have ended just now, which its pipe tells when it is read.
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL: nothing of it is asked, frozen or not."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
            while self._hear() is not None:
                pass

    def _hear(self) -> str | None:
        """Wait for a word, and return it; None at the end."""
        try:
            word, value = self._ours.recv()
        except (EOFError, OSError):
            return None
        if word in {"reference", "error"}:
            setattr(self, word, value)
        else:
            self.times.append((word, value))
        return str(word)

    @property
    def phase(self) -> str:
        """The phase that it is in."""
        return self.times[-1][0] if self.times else PHASES[0]

    @property
    def ended(self) -> bool:
        """Whether it came to its end by itself."""
        return bool(self.reference or self.error) or self._process.exitcode not in {None, -signal.SIGKILL}

    def seconds(self, since: str) -> float:
        """Return how long it ran from the beginning of a phase to the last word that it told.

        :param since: the phase
        """
        return self.times[-1][1] - next(at for phase, at in self.times if phase == since)

    def warnings(self) -> list[str]:
        """Return lines of its log."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return [line for line in lines if "warning" in line or "error" in line]

    def __str__(self) -> str:
        if self.reference is None:
            return self.error.partition(":")[0]
        return "complete" if self.reference["complete"] else "incomplete"
