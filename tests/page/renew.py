# SPDX-License-Identifier: Apache-2.0
"""Fetch the page's JavaScript libraries from npm: ``python -m tests.page.renew`` (``make libraries``).

They are shipped minified, as their authors publish them: installing needs no build step, the page no CDN.
``page/libraries.json`` records where each file came from. Of d3 only the modules that Plot and the page use
are taken, which saves a third. What a new release of Plot needs beyond them, and the hash of its ``<style>``
if that has changed (``CONTENT_SECURITY_POLICY``), the browser test says.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twitch_provider import page

#: Downloads a package's newest tarball into a folder, and returns its name.
Pack = Callable[[str, Path], str]


@dataclass(frozen=True)
class Library:
    """A file of minified scripts, one after the other.

    :param file: its name among the static files
    :param scripts: npm packages, and where in each its script is
    :param bundled: packages that these contain, whose licences have to be shipped too
    """

    file: str
    scripts: dict[str, str]
    bundled: tuple[str, ...]

    @property
    def license_file(self) -> str:
        """The name under which its licences are shipped."""
        return f"{self.file}.LICENSE.txt"


#: In the order in which they need each other.
D3 = (
    "array",
    "color",
    "dispatch",
    "format",
    "geo",
    "interpolate",
    "path",
    "time",
    "time-format",
    "scale",
    "scale-chromatic",
    "selection",
    "shape",
)
LIBRARIES = (
    Library("d3.min.js", {f"d3-{name}": f"dist/d3-{name}.min.js" for name in D3}, ("internmap",)),
    Library(
        "plot.min.js",
        {"@observablehq/plot": "dist/plot.umd.min.js"},
        ("isoformat", "interval-tree-1d", "binary-search-bounds"),
    ),
)


def npm_pack(package: str, folder: Path) -> str:
    """Download a package's newest tarball; npm checks its integrity.

    :param package: its name in the registry
    :param folder: where to put it
    """
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder), package]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    name: str = json.loads(done.stdout)[0]["filename"]
    return name.replace("@", "").replace("/", "-")


def renew(static: Path, record: Path, pack: Pack = npm_pack) -> None:
    """Replace the libraries and their licences, and record their versions and hashes.

    :param static: the folder of the static files
    :param record: the JSON file that says where they came from
    :param pack: downloads a package
    """
    recorded = []
    texts: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for library in LIBRARIES:
            packages = (*library.scripts, *library.bundled)
            tarballs = {package: folder / pack(package, folder) for package in packages}
            manifests = {
                package: json.loads(_read(tarballs[package], "package.json")) for package in packages
            }
            script = b"".join(
                _read(tarballs[package], member).strip() + b"\n"
                for package, member in library.scripts.items()
            )
            licenses = "\n".join(_license(manifests[package], tarballs[package]) for package in packages)
            texts |= {library.file: script, library.license_file: licenses.encode()}
            recorded.append(
                {
                    "file": library.file,
                    "sha256": hashlib.sha256(script).hexdigest(),
                    "scripts": {package: manifests[package]["version"] for package in library.scripts},
                    "bundled": {package: manifests[package]["version"] for package in library.bundled},
                    "licenses": sorted({manifest["license"] for manifest in manifests.values()}),
                }
            )
    for file, text in texts.items():
        (static / file).write_bytes(text)
    record.write_text(json.dumps(recorded, indent=2) + "\n", encoding="utf-8")


def _license(manifest: dict[str, Any], tarball: Path) -> str:
    heading = f"{manifest['name']} {manifest['version']} ({manifest['license']})"
    return f"{heading}\n\n{_read(tarball, 'LICENSE').decode().strip()}\n"


def _read(tarball: Path, member: str) -> bytes:
    with tarfile.open(tarball) as archive:
        try:
            file = archive.extractfile(f"package/{member}")
        except KeyError:
            file = None
        if file is None:
            raise SystemExit(f"{tarball.name}: it has no file {member}; look where this release keeps it.")
        return file.read()


if __name__ == "__main__":
    renew(page.STATIC, page.STATIC.parent / "libraries.json")
    print((page.STATIC.parent / "libraries.json").read_text(), end="")
