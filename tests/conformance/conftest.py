# SPDX-License-Identifier: Apache-2.0
"""Twitch's description of its API, if it is beside this checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conformance.validator import Description

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def description() -> Description:
    file = SHARED / "helix-openapi.json"
    if not file.is_file():
        pytest.skip(f"Twitch's description of its API is not beside this checkout: {file} is absent")
    return Description(json.loads(file.read_bytes()))


@pytest.fixture(scope="session")
def examples() -> list[Path]:
    """Twitch's example answers: ``<operation>.<status>.<number>.json``."""
    files = sorted((SHARED / "helix-examples").glob("*.json"))
    if not files:
        pytest.skip(f"Twitch's example answers are not beside this checkout: {SHARED} has none")
    return files
