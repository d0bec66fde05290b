# SPDX-License-Identifier: Apache-2.0
"""The report as bytes: whole, within its bound, and closed to whatever is not its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from tests.metrics.month import month_overview

from twitch_provider.metrics.overview.encode import encode
from twitch_provider.page.report import report

MONTH = encode(month_overview())
TITLE = "Twitch, 2026-11-28"


@pytest.fixture(scope="module")
def document() -> str:
    return report(MONTH, TITLE).decode()


def scripts(document: str) -> list[str]:
    """What the browser runs."""
    return re.findall(r"<script>(.*?)</script>", document, re.DOTALL)


def policy(document: str) -> dict[str, str]:
    """The policy of the document, by directive."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)
    assert found
    parts = found[1].replace("&#x27;", "'").split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_a_month_is_smaller_than_its_bound_and_equal_in_each_try(document: str) -> None:
    assert len(document.encode()) <= 1_500_000
    assert report(MONTH, TITLE) == document.encode()


def test_holds_the_overview_as_it_is(document: str) -> None:
    found = re.search(r'<script type="application/json" id="overview">(.*?)</script>', document, re.DOTALL)
    assert found
    assert json.loads(found[1]) == json.loads(MONTH)


def test_allows_its_own_scripts_and_styles_and_no_address(document: str) -> None:
    directives = policy(document)
    assert directives["default-src"] == "'none'"
    assert set(directives) == {
        *("default-src", "script-src", "style-src", "img-src", "base-uri", "form-action")
    }
    assert "unsafe" not in str(directives)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts(document)]
    assert directives["script-src"].split() == [f"'sha256-{each}'" for each in hashes]
    assert len(hashes) == 3
    assert directives["img-src"] == "data:"


def test_asks_nobody_for_anything(document: str) -> None:
    markup = re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL)
    assert not re.search(r"\bsrc=|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(", markup)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon", scripts(document)[2])
    assert not re.search(r"^(import|export)\b", scripts(document)[2], re.MULTILINE)


def test_no_script_ends_early(document: str) -> None:
    assert document.count("<script") == document.count("</script>") == 5
    assert document.count("<style") == document.count("</style>") == 1
    assert "<!--" not in document


def test_comes_with_the_licences_of_what_it_holds(document: str) -> None:
    assert document.count("Permission to use, copy, modify") >= 2


def test_hostile_text_is_data() -> None:
    hostile = "</title></script><!--<script>alert(1)</script>"
    evil = month_overview(evil=True)
    evil["scopes"][0]["games"]["rows"][0][1] = hostile
    # As another program may have written it.
    body = json.dumps(evil).encode()
    document = report(body, hostile).decode()
    assert hostile not in document
    assert "&lt;/title&gt;" in document
    assert document.count("<script") == 5
    found = re.search(r'id="overview">(.*?)</script>', document, re.DOTALL)
    assert found
    assert json.loads(found[1]) == evil
