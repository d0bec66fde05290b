# SPDX-License-Identifier: Apache-2.0
"""Look up known vulnerabilities of what the wheel installs (``make audit``).

pip-audit ends with 1 for a vulnerability and for a database that does not answer, and with 0 for packages
that the database does not know. Here only an answer about every package counts; all else is not an audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PINS = Path(__file__).parents[2] / "constraints"

#: Exit statuses.
NONE_KNOWN, VULNERABLE, NOT_AUDITED = 0, 1, 2


def main(options: Sequence[str]) -> int:
    """Print what is known about each package, and return the exit status.

    :param options: of pip-audit, such as ``--vulnerability-service osv``
    """
    with tempfile.TemporaryDirectory() as folder:
        requirements, report = Path(folder) / "requirements.txt", Path(folder) / "report.json"
        requirements.write_text("\n".join(pins()))
        # Only pins that are given, no resolution; and not one package may be skipped.
        exact = ["--requirement", str(requirements), "--no-deps", "--disable-pip", "--strict"]
        output = ["--progress-spinner", "off", "--format", "json", "--output", str(report)]
        command = [sys.executable, "-m", "pip_audit", *exact, *output, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not report.is_file():
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            print(
                "NOT AUDITED: the database of vulnerabilities did not answer for every package, so there may "
                f"be some. Run it where PyPI's JSON API or OSV can be reached. pip-audit said: {said}",
                file=sys.stderr,
            )
            return NOT_AUDITED
        return tell(json.loads(report.read_text())["dependencies"])


def pins() -> list[str]:
    """Return what the wheel installs with the extra ``metrics``, as pip's requirements."""
    extra = [line.rstrip("\\ ") for line in (PINS / "image.txt").read_text().splitlines() if "==" in line]
    return [*(PINS / "runtime.txt").read_text().splitlines(), *extra]


def tell(dependencies: Sequence[dict[str, Any]]) -> int:
    """Print the vulnerabilities, and return the exit status.

    :param dependencies: those of pip-audit's report
    """
    found = [(each, vulnerability) for each in dependencies for vulnerability in each["vulns"]]
    for each, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no release"
        print(f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in {fixed}", file=sys.stderr)
    print(f"{len(dependencies)} packages audited: {len(found)} known vulnerabilities.")
    return VULNERABLE if found else NONE_KNOWN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
