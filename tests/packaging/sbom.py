# SPDX-License-Identifier: Apache-2.0
"""Write an SBOM of the wheel and check the licences of what it installs: ``python -m tests.packaging.sbom``.

Both are of an environment that has the wheel with the extra ``metrics``, at the pins of ``constraints/``, and
nothing else. Which licences are allowed stands in ``pyproject.toml``. ``check_sbom.py`` reads the result.
"""

from __future__ import annotations

import email
import json
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".release"
RUNTIME = FOLDER / "runtime" / "bin" / "python"
EXTRA = "metrics"


def main() -> int:
    """Write ``.release/airflow-provider-twitch-VERSION.cdx.json`` and return the exit status."""
    wheel = make_runtime()
    metadata = metadata_of(wheel)
    (FOLDER / "pyproject.toml").write_text(project(metadata))
    written = FOLDER / f"{metadata['Name']}-{metadata['Version']}.cdx.json"
    options = ["--mc-type", "library", "--output-reproducible", "--validate", "--output-file", str(written)]
    run("cyclonedx_py", "environment", RUNTIME, "--pyproject", FOLDER / "pyproject.toml", *options)
    print(f"The SBOM, a valid CycloneDX document: {written.relative_to(ROOT)}")
    licences = [sys.executable, "-m", "piplicenses", f"--python={RUNTIME}", "--summary"]
    if code := subprocess.run(licences, cwd=ROOT, check=False).returncode:
        print(
            "A licence is not allowed: see allow-only of [tool.pip-licenses] in pyproject.toml.",
            file=sys.stderr,
        )
    return code


def make_runtime() -> Path:
    """Install a new wheel into an environment of its own, and return the wheel."""
    run("build", "--no-isolation", "--wheel", "--outdir", FOLDER, ROOT)
    wheel = max(FOLDER.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    run("uv", "venv", "--quiet", "--clear", FOLDER / "runtime")
    pins = ("--constraint", ROOT / "constraints" / "dev.txt")
    run("uv", "pip", "install", "--quiet", "--python", RUNTIME, *pins, f"{wheel}[{EXTRA}]")
    return wheel


def run(module: str, *arguments: str | Path) -> None:
    """Run a module of this environment, quietly; its output is shown only if it fails.

    :raises SystemExit: it failed
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n{module} failed: see its output above.")


def metadata_of(wheel: Path) -> Message:
    """Return a wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def project(metadata: Message) -> str:
    """Return a pyproject.toml of what is in the environment: with the version, and without other extras."""
    requirements = map(Requirement, metadata.get_all("Requires-Dist", []))
    names = [
        f"{each.name}{each.specifier}"
        for each in requirements
        if each.marker is None or each.marker.evaluate({"extra": EXTRA})
    ]
    fields = {
        "name": metadata["Name"],
        "version": metadata["Version"],
        "description": metadata["Summary"],
        "license": metadata["License-Expression"],
        "dependencies": names,
    }
    return "\n".join(["[project]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items()), ""])


if __name__ == "__main__":
    sys.exit(main())
