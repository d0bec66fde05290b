# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from twitch_provider import compat


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for modules; ``Thing`` is in ``newer_airflow.place``, once in ``older_airflow``."""
    monkeypatch.syspath_prepend(tmp_path)
    # Before the name is known: its end then removes what a look-up has stored.
    monkeypatch.setattr(compat, "Thing", None, raising=False)
    untyped: Any = compat
    monkeypatch.setitem(untyped._PLACES, "Thing", ("newer_airflow.place", "older_airflow"))
    for name in ("newer_airflow", "newer_airflow.place", "older_airflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "older_airflow.py").write_text("Thing = 'older'")
    return tmp_path


def newer(places: Path, text: str) -> None:
    (places / "newer_airflow").mkdir()
    (places / "newer_airflow" / "__init__.py").touch()
    (places / "newer_airflow" / "place.py").write_text(text)


def look_up() -> Any:
    importlib.invalidate_caches()
    untyped: Any = compat
    return untyped.__getattr__("Thing")


def test_the_newest_place_counts(places: Path) -> None:
    newer(places, "Thing = 'newer'")
    assert look_up() == "newer"


def test_an_older_airflow_lacks_the_module(places: Path) -> None:
    (places / "newer_airflow").mkdir()
    (places / "newer_airflow" / "__init__.py").touch()
    assert look_up() == "older"


def test_an_older_airflow_lacks_the_package(places: Path) -> None:
    assert look_up() == "older"


def test_an_older_airflow_lacks_the_name(places: Path) -> None:
    newer(places, "")
    assert look_up() == "older"


@pytest.mark.parametrize("missing", ["absent_library", "newer_airflow.place_of_another"])
def test_a_place_that_cannot_import_what_it_needs_is_not_an_older_airflow(places: Path, missing: str) -> None:
    newer(places, f"import {missing}\nThing = 'newer'")
    with pytest.raises(ModuleNotFoundError, match=missing):
        look_up()
