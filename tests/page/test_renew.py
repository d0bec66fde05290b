# SPDX-License-Identifier: Apache-2.0
"""Renewing the libraries, with made-up packages in place of npm's."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.page import renew


def pack(package: str, folder: Path) -> str:
    """Write a tarball of a package as npm does."""
    name = f"{package.replace('@', '').replace('/', '-')}-9.8.7.tgz"
    manifest = {"name": package, "version": "9.8.7", "license": "ISC"}
    files = {
        "package.json": json.dumps(manifest),
        "LICENSE": f"Copyright of {package}\n\nPermission is granted.\n",
        f"dist/{package}.min.js": f"{package}!",
        "dist/plot.umd.min.js": "plot",
    }
    with tarfile.open(folder / name, "w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return name


def test_scripts_licences_and_record_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "d3.min.js").write_text("an older one")
    renew.renew(tmp_path, tmp_path / "libraries.json", pack)
    d3 = (tmp_path / "d3.min.js").read_text()
    assert d3.startswith("d3-array!\nd3-color!\n")
    assert (tmp_path / "plot.min.js").read_text() == "plot\n"
    licenses = (tmp_path / "plot.min.js.LICENSE.txt").read_text()
    for package in ("@observablehq/plot", "isoformat", "interval-tree-1d", "binary-search-bounds"):
        assert f"{package} 9.8.7 (ISC)\n\nCopyright of {package}" in licenses
    record = {library["file"]: library for library in json.loads((tmp_path / "libraries.json").read_text())}
    assert record["d3.min.js"]["sha256"] == hashlib.sha256(d3.encode()).hexdigest()
    assert record["plot.min.js"]["scripts"] == {"@observablehq/plot": "9.8.7"}
    assert record["plot.min.js"]["bundled"]["isoformat"] == "9.8.7"


def test_a_release_that_keeps_its_file_elsewhere_changes_nothing(tmp_path: Path) -> None:
    def moved(package: str, folder: Path) -> str:
        name = pack(package, folder)
        if package == "@observablehq/plot":
            with tarfile.open(folder / name, "w:gz"):
                pass
        return name

    with pytest.raises(SystemExit, match=r"plot-9\.8\.7\.tgz: it has no file package\.json; look where"):
        renew.renew(tmp_path, tmp_path / "libraries.json", moved)
    assert list(tmp_path.iterdir()) == []


def test_npm_is_asked_for_the_newest_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(
            command, 0, stdout='[{"filename": "@observablehq/plot-0.7.0.tgz"}]'
        )

    monkeypatch.setattr(subprocess, "run", run)
    assert renew.npm_pack("@observablehq/plot", tmp_path) == "observablehq-plot-0.7.0.tgz"
    assert calls[0][:2] == ["npm", "pack"]
    assert calls[0][-1] == "@observablehq/plot"
