# SPDX-License-Identifier: Apache-2.0
"""What is checked before a release is built, and the digests of the images."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.packaging.release import objections

ADDRESS = "https://forge.example/them/airflow-provider-twitch"
DIGEST = f"sha256:{'5e' * 32}"


@pytest.fixture
def ready(root: Path, tmp_path: Path) -> Path:
    """A checkout that may be released as v1.2.3."""
    (tmp_path / "src" / "twitch_provider").mkdir(parents=True)
    (tmp_path / "src" / "twitch_provider" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-12-01\n")
    project = (root / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(
        project.replace("[project.urls]\n", f'[project.urls]\nSource = "{ADDRESS}"\n')
    )
    return tmp_path


def test_what_is_complete_may_be_released(ready: Path) -> None:
    assert list(objections(ready, "v1.2.3", ADDRESS)) == []


def test_another_tag_is_refused(ready: Path) -> None:
    tag, section = objections(ready, "v1.2.4", ADDRESS)
    assert "src/twitch_provider/__init__.py" in tag
    assert "CHANGELOG.md" in section


def test_a_section_that_is_not_dated_is_refused(ready: Path) -> None:
    (ready / "CHANGELOG.md").write_text("## [1.2.3] - 2026-12-01, not released yet\n")
    assert len(list(objections(ready, "v1.2.3", ADDRESS))) == 1


def test_a_project_that_nobody_finds_is_refused(ready: Path, root: Path) -> None:
    (ready / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    (objection,) = objections(ready, "v1.2.3", ADDRESS)
    assert f'Source = "{ADDRESS}"' in objection


# --- digests ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digests(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / ".ci" / "digests.py"))


def images(root: Path, name: str) -> list[str]:
    """Every image that a file names, with its tag, without its digest."""
    if name == "Dockerfile":
        found = re.findall(r"^FROM (\S+)", (root / name).read_text(), re.MULTILINE)
    else:
        services = yaml.safe_load((root / name).read_text())["services"].values()
        found = [each["image"] for each in services if not each["image"].startswith("${")]
    return sorted({each.partition("@")[0] for each in found})


def test_every_image_is_looked_up_by_its_tag(digests: dict[str, Any], root: Path) -> None:
    for name in digests["FILES"]:
        renewed = digests["renew"]((root / name).read_text(), lambda image: f"{image}-looked-up")
        asked = re.findall(r"@(\S+)-looked-up", renewed)
        assert sorted(set(asked)) == images(root, name)
        assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]+", image) for image in asked), "a tag with a version"


def test_a_digest_is_written_behind_the_tag_and_renewed(
    digests: dict[str, Any], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "deploy").mkdir()
    for name in digests["FILES"]:
        (tmp_path / name).write_text((root / name).read_text())
    for digest in (DIGEST.replace("5e", "7a"), DIGEST):
        digests["main"](tmp_path, lambda image, digest=digest: digest)
    for name in digests["FILES"]:
        before, after = (root / name).read_text(), (tmp_path / name).read_text()
        assert after != before
        assert re.sub(r"@sha256:[0-9a-f]{64}", "", after) == re.sub(r"@sha256:[0-9a-f]{64}", "", before)
        assert after.count(DIGEST) == after.count("@sha256:") >= len(images(root, name))


def test_an_answer_that_is_not_a_digest_changes_nothing(
    digests: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = subprocess.CompletedProcess([], 0, "error: denied\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(ValueError, match=r"redis:7\.2 must be sha256 and 64 hexadecimal digits"):
        digests["look_up"]("redis:7.2")
