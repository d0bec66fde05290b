# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.always COMMAND…``: what ``restart: always`` does.

Whatever ends the command, it is started anew, until SIGTERM comes. That ends this process alone: whoever
sends it sees to the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

#: Docker waits as long at first.
PAUSE = 0.1


def main(command: list[str]) -> None:
    """Run the command for ever."""
    # Not through the interpreter's end, which would wait for a child that was not told to end.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        started = time.monotonic()
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        print(f"ended with {code} after {time.monotonic() - started:.0f} s, and is started anew", flush=True)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1:])
