# SPDX-License-Identifier: Apache-2.0
"""Look for secrets in all files that git has or would add (``make lint``).

What looks like a secret and has been reviewed stands in ``.secrets.baseline`` by file, kind and hash, without
line numbers: lines move. Nothing is sent to a service in order to verify it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings, get_settings

ROOT = Path(__file__).parents[2]
BASELINE = ".secrets.baseline"
#: Of others, and compared with their hashes by tests/page; this file itself; pins, which are hashes.
NOT_OURS = re.compile(r".*\.min\.js|\.secrets\.baseline|constraints/.*\.txt|.*\.(?:png|jsonl\.gz|parquet)")

#: A secret as it is reviewed: file, kind, hash.
Finding = tuple[str, str, str]


def find(root: Path, names: Sequence[str]) -> Iterator[tuple[Finding, int]]:
    """Yield what looks like a secret, each with its line.

    :param root: the checkout
    :param names: of files, relative to it
    """
    with default_settings():
        get_settings().disable_filters(
            "detect_secrets.filters.common.is_ignored_due_to_verification_policies"
        )
        found = SecretsCollection(root=str(root))
        for name in names:
            found.scan_file(name)
        for name, secret in found:
            yield (name, secret.type, secret.secret_hash), secret.line_number


def reviewed(root: Path) -> set[Finding]:
    """Return what ``.secrets.baseline`` has."""
    entries: dict[str, list[list[str]]] = json.loads((root / BASELINE).read_text())
    return {(name, kind, digest) for name, each in entries.items() for kind, digest in each}


def tracked(root: Path) -> list[str]:
    """Return the names of the files that git has, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    return [name for name in names if not NOT_OURS.fullmatch(name)]


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Print what has not been reviewed, and return the exit status.

    :param arguments: ``--accept`` writes them to the baseline
    :param root: the checkout
    """
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.find_secrets", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="none of them is a secret: write the baseline")
    options = parser.parse_args(arguments)
    found = sorted(find(root, tracked(root)))
    if options.accept:
        write(root, [finding for finding, _ in found])
        return 0
    known = reviewed(root)
    new = [(finding, line) for finding, line in found if finding not in known]
    for (name, kind, _), line in new:
        print(f"{name}:{line}: {kind}", file=sys.stderr)
    if new:
        print(
            f"{len(new)} lines look like secrets. Revoke a real one and delete it from the history; made-up "
            "ones are accepted by python -m tests.packaging.find_secrets --accept: review what it adds.",
            file=sys.stderr,
        )
    return int(bool(new))


def write(root: Path, findings: Sequence[Finding]) -> None:
    """Write the baseline.

    :param root: the checkout
    :param findings: all, reviewed
    """
    entries: dict[str, Any] = {}
    for name, kind, digest in sorted(set(findings)):
        entries.setdefault(name, []).append([kind, digest])
    (root / BASELINE).write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
