# SPDX-License-Identifier: Apache-2.0
"""Run a command, and end everything it started as soon as the calling process is gone.

``python -m demo.guard COMMAND…`` leads its own session. Airflow's child processes move into their own process
groups and survive their parents, but they stay in the session. The guard's standard input is a pipe whose
other end only the calling process holds: when that process closes it or dies, even by SIGKILL, the guard ends
the session.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import psutil

#: Seconds that a process may take to end after SIGTERM.
GRACE = 5.0


def members(session: int) -> list[psutil.Process]:
    """Return the running processes of a session, without its leader."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != session and _session_of(process) == session and _lives(process)
    ]


def end_session(session: int, *, grace: float = GRACE) -> None:
    """End every process of a session but its leader: SIGTERM, and SIGKILL to those left after ``grace``.

    :param session: the leader's process id
    :param grace: seconds
    """
    _send(signal.SIGTERM, alive := members(session))
    psutil.wait_procs(alive, timeout=grace)
    while alive := members(session):
        _send(signal.SIGKILL, alive)
        psutil.wait_procs(alive, timeout=grace)


def main(command: list[str], inherited: list[int]) -> int:
    """Run the command until it or standard input ends; return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN: the command would inherit it.
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=inherited)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    code = child.wait()
    end_session(os.getpid())
    return code if code >= 0 else 128 - code


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    end_session(os.getpid())


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except (ProcessLookupError, PermissionError):
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    descriptors, *arguments = sys.argv[1:]
    sys.exit(main(arguments, [int(number) for number in descriptors.split(",") if number]))
