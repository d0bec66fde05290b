# SPDX-License-Identifier: Apache-2.0
"""Write the digest of each image behind its tag: ``python3 .ci/digests.py`` (needs Docker and its registry).

A tag can be moved to other bytes, a digest cannot. ``.github/workflows/digests.yml`` runs this once a week
and opens the change. Tags stay: a newer version is a decision.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Every file that names images.
FILES = ("Dockerfile", "deploy/compose.yaml")
#: An image with its tag in a FROM or an ``image:``, and its digest if it has one. A variable has no tag.
IMAGE = re.compile(
    r"^(?P<before>FROM |\s+image: )(?P<image>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?(?=\s|$)", re.MULTILINE
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def look_up(image: str) -> str:
    """Return the digest of an image's index, which stands for all processors.

    :param image: with its tag
    :raises ValueError: the registry's answer is not a digest
    """
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image]
    digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    if not DIGEST.fullmatch(digest):
        raise ValueError(
            f"The registry's digest of {image} must be sha256 and 64 hexadecimal digits, not {digest!r}."
        )
    return digest


def renew(text: str, find: Callable[[str], str]) -> str:
    """Return a file with the digest that each of its images has now.

    :param text: of a Dockerfile or a Compose file
    :param find: returns the digest of an image
    """
    return IMAGE.sub(lambda found: f"{found['before']}{found['image']}@{find(found['image'])}", text)


def main(root: Path = ROOT, find: Callable[[str], str] = look_up) -> None:
    """Renew the files.

    :param root: the checkout
    :param find: returns the digest of an image
    """
    # All look-ups first: a registry that fails leaves the files as they are.
    renewed = {name: renew((root / name).read_text(), find) for name in FILES}
    for name, text in renewed.items():
        (root / name).write_text(text)


if __name__ == "__main__":
    main()
