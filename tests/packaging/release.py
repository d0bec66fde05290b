# SPDX-License-Identifier: Apache-2.0
"""Does a tag fit what would be released? ``python -m tests.packaging.release v1.2.3 https://github.com/OWNER/NAME``.

The first step of ``.github/workflows/release.yml``, before anything is installed: only the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def objections(root: Path, tag: str, address: str) -> Iterator[str]:
    """Yield what must be changed before this can be released.

    :param root: the checkout
    :param tag: that was pushed
    :param address: of the repository that it was pushed to
    """
    version = re.search(r'__version__ = "(.+)"', (root / "src/twitch_provider/__init__.py").read_text())
    if version is None or tag != f"v{version[1]}":
        yield f"The tag {tag} does not fit __version__ in src/twitch_provider/__init__.py: change one."
    heading = rf"^## \[{re.escape(tag.removeprefix('v'))}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (root / "CHANGELOG.md").read_text(), re.MULTILINE):
        yield f"CHANGELOG.md has no dated section for {tag}: rename [Unreleased]."
    urls = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]
    if urls.get("Source") != address:
        yield f'[project.urls] of pyproject.toml must have Source = "{address}": people look for it there.'


def main() -> int:
    """Print the objections, and return the exit status."""
    found = list(objections(ROOT, *sys.argv[1:]))
    for each in found:
        print(each, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
