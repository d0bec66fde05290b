# SPDX-License-Identifier: Apache-2.0
"""The machine and the versions that figures were measured with."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "apache-airflow",
    "aiohttp",
    "pandas",
    "pyarrow",
    "numpy",
    "requests",
    "twitchAPI",
    "TwitchIO",
)


def describe() -> dict[str, str]:
    """Return the machine and the versions, without the name of the machine."""
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return {
        "cores": str(os.cpu_count()),
        "RAM": f"{ram:.0f} GiB",
        "processor": _processor(),
        "kernel": f"{platform.system()} {kernel}, {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
