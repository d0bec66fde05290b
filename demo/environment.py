# SPDX-License-Identifier: Apache-2.0
"""Make ``.venv`` and install the pinned packages into it: ``python demo/environment.py EXTRAS [FOLDER]``.

Runs on any supported Python before anything is installed, so it imports only the standard library. uv
installs the packages, which takes seconds instead of minutes; pip installs uv.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

UV = "uv==0.13.9"


def main(extras: str, folder: str = ".venv") -> None:
    """Update an environment to the pins of ``constraints/dev.txt``.

    :param extras: of ``pyproject.toml``, separated by commas
    :param folder: of the environment
    """
    python = Path(folder) / "bin" / "python"
    started = time.monotonic()
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"Setting up {folder} (Python {version}) with the pinned packages [{extras}]. "
        "Airflow, pandas and pyarrow are some 800 MB: the first time may take a minute.",
        flush=True,
    )
    if not _succeeds(python, "-c", "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"):
        _make_venv(Path(folder))
    if not _succeeds(python, "-m", "pip", "--version"):
        _run("pip could not be set up there", python, "-m", "ensurepip", "--default-pip")
    quiet = ("-q", "--disable-pip-version-check")
    _run("uv could not be installed", python, "-m", "pip", "install", *quiet, UV)
    _run(
        "The pinned packages could not be installed",
        *(python, "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python),
        *("--constraint", "constraints/dev.txt", "--editable", f".[{extras}]"),
    )
    print(f"The environment is ready after {time.monotonic() - started:.0f} s.", flush=True)


def _make_venv(folder: Path) -> None:
    try:
        import ensurepip
        import venv
    except ImportError as missing:
        sys.exit(
            f"{sys.executable} has no module {missing.name}: install it (on Debian and Ubuntu: "
            f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv), "
            "or choose another Python with PYTHON=/path/to/python."
        )
    venv.create(folder, clear=True, symlinks=True, with_pip=bool(ensurepip.version()))


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(failure: str, *command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout.strip()}\n{failure}: see the installer's output above.")


if __name__ == "__main__":
    main(*sys.argv[1:])
