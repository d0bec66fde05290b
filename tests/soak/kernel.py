# SPDX-License-Identifier: Apache-2.0
"""Simulated time for code that was not written for it: workers are threads, of which one runs at a time.

A worker that sleeps, sends a request or waits on its event loop hands over until its time has come. So a day
takes as long as its computations, each run with one seed is the same, and nobody is interrupted anywhere
else than where a request is about to be sent: that is where a worker can be killed or frozen.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import time_machine
from airflow.sdk.exceptions import AirflowTaskTimeout

T = TypeVar("T")

_here = threading.local()


class Killed(BaseException):
    """The worker is killed: whatever it does from now on reaches nobody."""


@dataclass
class Fate:
    """What befalls a worker, and before which of its requests; 0 for never.

    :param killed: it is killed before this request
    :param frozen: it is frozen before this request
    :param seconds: for which it is frozen
    :param suspended: its timers stand still meanwhile, as in a virtual machine that is suspended
    """

    killed: int = 0
    frozen: int = 0
    seconds: float = 0.0
    suspended: bool = False


class Worker:
    """One try of one task.

    :param kernel: whose time it lives in
    :param job: what it does
    :param fate: what befalls it
    :param timeout: seconds after which it is interrupted; None for never
    """

    def __init__(
        self, kernel: Kernel, job: Callable[[], Any], fate: Fate, timeout: float | None = None
    ) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = self.killed = self.frozen = self.counted = False
        #: It was frozen, and went on.
        self.woke = False
        #: When it last showed a sign of life.
        self.alive_at = kernel.now
        #: Requests so far.
        self.requests = 0
        self.cpu_seconds = 0.0
        #: What its process holds in memory.
        self.memory: dict[Any, Any] = {}
        self.fate = fate
        self._kernel, self._job = kernel, job
        self._deadline = None if timeout is None else kernel.now + timeout
        self._turn = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        kernel.at(kernel.now, self.resume)

    def resume(self) -> None:
        """Let it run until it waits or ends. Called by the kernel."""
        began = time.process_time()
        self._turn.release()
        self._kernel.turn.acquire()
        self.cpu_seconds += time.process_time() - began

    def sleep(self, seconds: float) -> None:
        """Wait. Called by the worker itself.

        :raises AirflowTaskTimeout: its time is over
        """
        if self.killed:
            raise Killed
        until = self._kernel.now + max(0.0, seconds)
        if self._deadline is not None and not self.frozen:
            until = min(until, max(self._deadline, self._kernel.now))
        self._kernel.at(until, self.resume)
        self._kernel.turn.release()
        self._turn.acquire()
        if not self.frozen:
            self.alive_at = self._kernel.now
        self._interrupt()

    def about_to_send(self) -> None:
        """Meet its fate, if it is time for that. Called before each request.

        :raises Killed: it is killed
        :raises AirflowTaskTimeout: its time is over
        """
        if self.killed:
            raise Killed
        self.requests += 1
        if self.requests == self.fate.killed:
            self.kill()
            raise Killed
        if self.requests == self.fate.frozen:
            self.frozen, slept = True, self.fate.seconds
            self.sleep(slept)
            self.frozen, self.woke = False, True
            if self.fate.suspended and self._deadline is not None:
                self._deadline += slept
            self.alive_at = self._kernel.now
            self._interrupt()

    def kill(self) -> None:
        """End it with its next step."""
        self.killed = True

    def _interrupt(self) -> None:
        if self.killed:
            raise Killed
        if self._deadline is not None and not self.frozen and self._kernel.now >= self._deadline:
            self._deadline = None  # once
            raise AirflowTaskTimeout("Timeout")

    def _run(self) -> None:
        self._turn.acquire()
        _here.worker = self
        try:
            self.result = self._job()
        except Killed:
            self.killed = True
        except BaseException as error:
            self.error = error
        self.done = True
        self._kernel.turn.release()


@dataclass
class Kernel:
    """The time of the simulated world, and what is due in it.

    :param begins_at: aware UTC
    """

    begins_at: datetime
    now: float = 0.0
    #: By how many seconds the clock of the machines is wrong.
    ahead: float = 0.0
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def world(self) -> datetime:
        """The instant, as Twitch and S3 have it."""
        return self.begins_at + timedelta(seconds=self.now)

    @property
    def wall(self) -> datetime:
        """The instant, as the machines have it."""
        return self.world + timedelta(seconds=self.ahead)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Have something done at a time.

        :param when: in seconds since the beginning
        :param action: what; it must not wait
        """
        heapq.heappush(self._due, (when, next(self._numbers), action))

    def run(self, until: float) -> None:
        """Let time pass.

        :param until: seconds since the beginning
        """
        with time_machine.travel(self.wall, tick=False) as machine:
            while self._due and self._due[0][0] <= until:
                self.now, _, action = heapq.heappop(self._due)
                machine.move_to(self.wall)
                action()
        self.now = until


def worker() -> Worker | None:
    """Return the worker that runs in this thread; None for any other thread."""
    return getattr(_here, "worker", None)


def sleep(seconds: float) -> None:
    """Wait in simulated time: stands in for ``time.sleep``."""
    if (here := worker()) is not None:
        here.sleep(seconds)


class _Waiting(selectors.DefaultSelector):
    """Waits in simulated time for what is due on the event loop of a worker."""

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if not events and timeout != 0:
            if timeout is None:
                raise RuntimeError("the event loop waits for something that will not happen")
            sleep(timeout)
        return events


class Loop(asyncio.SelectorEventLoop):
    """The event loop of a worker."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        super().__init__(_Waiting())

    def time(self) -> float:
        return self._kernel.now


def run_on_loop(kernel: Kernel, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in simulated time: stands in for ``asyncio.run``."""
    with asyncio.Runner(loop_factory=lambda: Loop(kernel)) as runner:
        return runner.run(main)
