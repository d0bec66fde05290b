# SPDX-License-Identifier: Apache-2.0
"""The search for secrets of ``make lint``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.packaging import find_secrets

TWITCH = "k3v9x0q1z8" + "m2n7b4c6d5" + "f0g1h2j3l4"
#: Made up, and taken apart, so that this file does not hold them.
PLANTED = {
    "deploy/notes.md": "The key is AKIA" + "Q3EGRUZ4T7XJ5N2B",
    "src/hook.py": 'client_secret = "' + TWITCH + '"',
    "deploy/.env": f"AIRFLOW__CORE__FERNET_KEY_SECRET={TWITCH}0Pg8Ua2Ei7Oo4Q",
    "deploy/values.yaml": "twitch:\n  password: " + TWITCH,
    "id_ed25519": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    ".github/workflows/ci.yml": "env:\n  GH: ghp_" + "1a2B3c4D5e6F7g" + "8H9i0J1k2L3m4N5o6P7q8R",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with no secret."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "README.md").write_text("Nothing here.\n")
    assert find_secrets.main(["--accept"], tmp_path) == 0
    return tmp_path


def plant(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(f"\n{PLANTED[name]}\n")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found(checkout: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_secrets.main([], checkout) == 0
    plant(checkout, name)
    assert find_secrets.main([], checkout) == 1
    said = capsys.readouterr().err
    assert f"{name}:" in said
    assert PLANTED[name].split()[-1] not in said, "the log shows it to more people than the file"


def test_one_that_was_reviewed_may_move_within_its_file_but_not_to_another(checkout: Path) -> None:
    plant(checkout, "src/hook.py")
    assert find_secrets.main(["--accept"], checkout) == 0
    text = (checkout / "src/hook.py").read_text()
    (checkout / "src/hook.py").write_text(f"# a line above\n{text}")
    assert find_secrets.main([], checkout) == 0
    (checkout / "src/other.py").write_text(text)
    assert find_secrets.main([], checkout) == 1


def test_the_baseline_names_no_secret_and_only_files_that_are_here(root: Path) -> None:
    entries = find_secrets.reviewed(root)
    assert entries
    for name, _, digest in entries:
        assert (root / name).is_file(), name
        assert len(digest) == 40
