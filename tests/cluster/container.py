# SPDX-License-Identifier: Apache-2.0
"""A process where a container would be: restarted when it ends, killed, frozen, woken, measured."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from sys import executable

import psutil
from demo.children import Child
from demo.guard import members


@dataclass(frozen=True)
class Memory:
    """What a container holds, in bytes, what its processes share counted once.

    :param pss: proportional set size: the parts of shared pages that are its own
    :param anonymous: of these, what no file backs: the kernel can only swap it
    """

    pss: int
    anonymous: int


class Container:
    """A command and all that it starts, started anew whenever it ends.

    :param stack: ends it
    :param name: of the container
    :param command: the arguments; no secrets
    :param env: its complete environment
    :param logs: where its output goes
    """

    def __init__(
        self, stack: ExitStack, name: str, command: Sequence[str], env: Mapping[str, str], logs: Path
    ) -> None:
        self.name = name
        always = [executable, "-m", "tests.cluster.always", *command]
        self.child = Child(name, always, env=env, log=logs / f"{name}.log")
        stack.enter_context(self.child)

    def processes(self) -> list[psutil.Process]:
        """Return what runs in the container now: the service's process first."""
        guard = self.child._guard.pid
        session = members(guard)
        (keeper,) = [each for each in session if _ppid(each) == guard]
        found = {each.pid: each for each in session}
        # PostgreSQL's processes lead sessions of their own.
        with suppress(psutil.Error):
            found |= {each.pid: each for each in keeper.children(recursive=True)}
        del found[keeper.pid]
        return sorted(found.values(), key=lambda each: _ppid(each) != keeper.pid)

    def has(self, task_id: str) -> bool:
        """Whether it runs a try of a task. A supervisor keeps that in its title until it has another one.

        :param task_id: of the task instance
        """
        return any(f"airflow worker -- {task_id}" in title for title in map(title_of, self.processes()))

    def kill(self, *, main_only: bool = False) -> int:
        """Kill it with SIGKILL, as a whole; return how many processes that were.

        :param main_only: only the service's own process: what it started goes on without it
        """
        if not main_only:
            # Nobody may notice the others' end.
            self.freeze()
        doomed = self.processes()[: 1 if main_only else None]
        for process in doomed:
            _send(process, signal.SIGKILL)
        return len(doomed)

    def freeze(self, *, main_only: bool = False) -> int:
        """Stop it with SIGSTOP, as a whole; return how many processes that were.

        :param main_only: only the service's own process: what it started goes on
        """
        stopped = self.processes()[: 1 if main_only else None]
        for process in stopped:
            _send(process, signal.SIGSTOP)
        return len(stopped)

    def wake(self) -> None:
        """Let all of its processes go on."""
        for process in self.processes():
            _send(process, signal.SIGCONT)

    def memory(self) -> Memory:
        """Return what it holds now."""
        sizes = [*self._sizes()]
        return Memory(sum(pss for pss, _ in sizes), sum(anonymous for _, anonymous in sizes))

    def _sizes(self) -> Iterator[tuple[int, int]]:
        for process in self.processes():
            try:
                text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            except OSError:
                continue
            pss, anonymous = (
                int(found[1]) * 1024
                if (found := re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE))
                else 0
                for name in ("Pss", "Pss_Anon")
            )
            yield pss, anonymous

    def last_error(self) -> str:
        """Return the last error in its log."""
        errors = re.findall(
            r"^(?:[\w.]+(?:Error|Exception)\b.*|error: .*)$", self.child.output(), re.MULTILINE
        )
        return errors[-1] if errors else self.child.last_line()

    def restarts(self) -> int:
        """Return how often it was started anew."""
        # As tests.cluster.always says it.
        return len(re.findall(r"^ended with .*, restarting$", self.child.output(), re.MULTILINE))


def title_of(process: psutil.Process) -> str:
    """Return a process's title, as every user of the machine can read it; empty where it has ended.

    :param process: which
    """
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _ppid(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)
