# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.always COMMAND…``: what ``restart: always`` does.

The command is restarted whenever it ends, until SIGTERM. That ends only this process: its sender has to end
the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

#: As long as Docker waits at first.
PAUSE = 0.1


def main(command: list[str]) -> None:
    """Run the command endlessly."""
    # Not by a regular exit, which would wait for a child that was not told to end.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        started = time.monotonic()
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        print(f"ended with {code} after {time.monotonic() - started:.0f} s, restarting", flush=True)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1:])
