# SPDX-License-Identifier: Apache-2.0
"""A folder that stands for an instance, with stand-ins for the programs that prepare and start it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
HOME = "opt/airflow-provider-twitch"
#: What the image carries for a machine, as the Dockerfile has it.
CARRIED = (
    *("compose.yaml", "new_env.py", "start.sh", "status.py"),
    *(
        "airflow-provider-twitch.service",
        "airflow-provider-twitch-status.service",
        "airflow-provider-twitch-status.timer",
    ),
)

# Answers as the programs would, and notes each call. A file fail-NAME holds how often NAME shall fail.
STAND_IN = r"""#!/bin/bash
call="${0##*/} $*"
printf '%s\n' "$call" >>"$MACHINE/calls"
fails() {
  local left
  left=$(cat "$MACHINE/fail-$1" 2>/dev/null || echo 0)
  ((left > 0)) && echo $((left - 1)) >"$MACHINE/fail-$1"
}
case "$call" in
  "dpkg --status"*) test -e "$MACHINE/installed" ;;
  "apt-get "*install*) fails apt-get && exit 100; touch "$MACHINE/installed" ;;
  "docker image inspect "*) grep --quiet --line-regexp --fixed-strings "$3" "$MACHINE/images" ;;
  "docker pull "*) fails pull && exit 1; printf '%s\n' "$3" >>"$MACHINE/images" ;;
  "docker create "*) echo container-1 ;;
  "docker cp "*) cp "$MACHINE"/image/* "$3" ;;
  "docker compose --env-file "*)
    grep --only-matching --perl-regexp "AIRFLOW_IMAGE='\K[^']*" "$3"
    echo postgres:16 ;;
  "docker compose config "*) cat "$MACHINE/config.json" ;;
  "docker compose ps "*) echo id ;;
  "docker inspect "*) cat "$MACHINE/inspect.json" ;;
  "docker compose logs "*) cat "$MACHINE/logs" ;;
  "docker compose up "*) fails up && exit 1; test -f compose.yaml ;;
  "docker compose stop"*) ! fails stop ;;
  "curl "*) while [[ $1 != --data-binary ]]; do shift; done; printf '%s\n' "$2" >"$MACHINE/signal" ;;
  "python3 "*) exec "$PYTHON" "$@" ;;
  "sleep "*) fails attach || truncate --size 16M "$(cat "$MACHINE/attach" || echo "$MACHINE/none")" ;;
  "blkid "*TYPE*) cat "${*: -1}.type" 2>/dev/null || exit 2 ;;
  "blkid "*UUID*) echo 11111111-2222-3333-4444-555555555555 ;;
  "mkfs.ext4 "*) echo ext4 >"${*: -1}.type" ;;
  "mountpoint "*) grep --quiet --line-regexp --fixed-strings "${*: -1}" "$MACHINE/mounted" ;;
  "mount "*) fails mount && exit 32; echo "$1" >>"$MACHINE/mounted" ;;
  "fallocate "*) touch "${*: -1}" ;;
  "df "*.) echo Avail; cat "$MACHINE/room-data" ;;
  "df "*) echo Avail; cat "$MACHINE/room-root" ;;
esac
"""
PROGRAMS = (
    *("apt-get", "dpkg", "systemctl", "docker", "curl", "sleep", "python3", "df"),
    *("blkid", "mkfs.ext4", "mountpoint", "mount", "resize2fs", "fallocate", "mkswap", "swapon"),
)
_PATHS = re.compile(r"(?<![\w.}/*])/(?=(?:etc|var|opt|root|run|dev/disk|swapfile)\b)")


class Machine:
    """What a script would find and leave on an instance."""

    def __init__(self, root: Path, real: Sequence[str] = ()) -> None:
        """Make the folder.

        :param root: the folder
        :param real: programs without a stand-in
        """
        self.root = root
        self.home = root / HOME
        for folder in ("bin", "image", "etc/default", "etc/systemd/system", "var/log", "opt", "root", "run"):
            (root / folder).mkdir(parents=True)
        for name in set(PROGRAMS) - set(real):
            program = root / "bin" / name
            program.write_text(STAND_IN)
            program.chmod(0o755)
        for name in CARRIED:
            shutil.copy(DEPLOY / name, root / "image")
        (root / "image" / "start.sh").write_text(self.here((DEPLOY / "start.sh").read_text()))
        for name in ("calls", "images", "mounted", "logs", "etc/fstab"):
            (root / name).touch()
        self.has_room(data=10_000, root=10_000)

    def here(self, script: str) -> str:
        """Return a script whose absolute paths lead into the folder."""
        return _PATHS.sub(f"{self.root}/", script)

    def fail(self, name: str, times: int) -> None:
        (self.root / f"fail-{name}").write_text(str(times))

    def has_room(self, **mebibytes: int) -> None:
        for name, room in mebibytes.items():
            (self.root / f"room-{name}").write_text(f"{room}\n")

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command, its calls noted anew."""
        (self.root / "calls").write_text("")
        return subprocess.run(
            command,
            env={
                "PATH": f"{self.root}/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "MACHINE": str(self.root),
                "PYTHON": sys.executable,
                **env,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def device(self, script: str) -> Path:
        """Where the user data looks for the volume."""
        volume = re.search(r"vol-[0-9a-f]+", script)
        assert volume
        name = f"nvme-Amazon_Elastic_Block_Store_{volume[0].replace('-', '')}"
        return self.root / "dev/disk/by-id" / name

    def attach(self, device: Path, after: int = 0) -> None:
        """Attach a volume, after this number of sleeps."""
        device.parent.mkdir(parents=True, exist_ok=True)
        (self.root / "attach").write_text(str(device))
        (self.root / "fail-attach").write_text(str(after))
        if not after:
            with device.open("ab") as file:
                file.truncate(16 * 2**20)

    def start(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run the user data, its volume attached unless somebody said when."""
        if not (self.root / "attach").exists():
            self.attach(self.device(script))
        return self.run("bash", "-c", self.here(script))

    def install(self) -> None:
        """Put what the image carries where the user data would."""
        shutil.copytree(self.root / "image", self.home)

    def start_sh(self, *settings: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``start.sh``."""
        return self.run("bash", str(self.home / "start.sh"), *settings, **env)

    def calls(self, beginning: str = "") -> list[str]:
        calls = (self.root / "calls").read_text().splitlines()
        return [call for call in calls if call.startswith(beginning)]

    def env(self) -> dict[str, str]:
        lines = (self.home / ".env").read_text().splitlines()
        pairs = [line.partition("=") for line in lines if not line.startswith("#")]
        return {name: value.strip("'") for name, _, value in pairs}

    def reason(self) -> str:
        """The sentence that ``start.sh`` leaves on failure."""
        return (self.root / "run/airflow-provider-twitch.error").read_text()

    def signal(self) -> Any:
        return json.loads((self.root / "signal").read_text())


def all_real(*programs: str) -> bool:
    """Whether programs are there."""
    return all(shutil.which(name, path=f"{os.defpath}:/usr/sbin:/sbin") for name in programs)
