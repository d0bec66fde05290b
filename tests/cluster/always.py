# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.always COMMAND…``: what ``restart: unless-stopped`` does.

The command is restarted whenever it ends, until SIGTERM. That ends only this process: its sender has to end
the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

#: Docker waits so long at first, twice as long each time, at most this, and at first again after a run of ten
#: seconds: https://docs.docker.com/reference/cli/docker/container/run/#restart
FIRST, LONGEST, LONG_RUN = 0.1, 60.0, 10.0


def pause_after(ran: float, before: float | None) -> float:
    """Return how long to wait until the next start.

    :param ran: seconds from the last start to the end
    :param before: the last pause; None before the first
    """
    return FIRST if before is None or ran >= LONG_RUN else min(2 * before, LONGEST)


def main(command: list[str]) -> None:
    """Run the command endlessly."""
    # Not by a regular exit, which would wait for a child that was not told to end.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    pause: float | None = None
    while True:
        started = time.monotonic()
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        ran = time.monotonic() - started
        pause = pause_after(ran, pause)
        print(f"ended with {code} after {ran:.0f} s, restarting", flush=True)
        time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1:])
