# SPDX-License-Identifier: Apache-2.0
"""Names, docstrings, comments, messages and pages use the words of Twitch, Airflow and the field."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Patterns of words that are not written here, in any case, and what is written instead.
INSTEAD = {
    r"(?<!there )(?:is|are|was|were) no(?! (?:more|less|longer|fewer|older|newer|faster|better|later)\b)": (
        "is not a, has no"
    ),
    r"(?:is|are|was|were) (?-i:none)": "does not exist, is invalid, was not found",
    r"wants": "needs, requires, must be",
    r"so many": "that many, this number of",
    r"mend(?:s|ed|ing)?": "fix",
    r"for ever": "endlessly, indefinitely, always",
    r"in vain": "never fires, without success",
    r"astray": "unaccounted for, missing",
    r"gone by": "ignored",
    r"come by an?": "fetch, get",
    r"giv(?:e|es|en|ing) (?:\w+ )?back": "release, return",
    r"who(?:m|so)?ever": "the caller, anyone who, broadcasters that",
    r"circles?": "cursor loop",
    r"courtesy": "priority",
    r"tall(?:y|ies)": "stats, counters",
    r"(?:im)?patien(?:ce|t)": "retry state, timeout, limit",
    r"sift(?:s|ed|ing)?": "validate, filter",
    r"settl(?:e|es|ed|ing)": "deduplicate, decide",
    r"seal(?:s|ed|ing)?": "encrypt",
    r"trails?": "walk state",
    r"sheets?": "light page",
    r"(?<!import )(?<!credential )chains?(?!\.from_iterable|\()": "language walk, walk",
    r"ask(?:s|ed|ing)? again": "retry, read again",
    r"loud(?:ly|er)?": "raises, log level",
    r"(?:is|was) a first one": "no previous state",
    r"(?:never was|was never) away": "counts as still live",
    r"(?:the|a|this|our) card": "provider metadata",
    r"airflow's rooms": "Airflow's conventional packages",
}
#: Names are made of words, too: an underscore ends one.
PATTERNS = {
    re.compile(rf"(?<![A-Za-z.]){words}(?![A-Za-z])", re.IGNORECASE): instead
    for words, instead in INSTEAD.items()
}

FOLDERS = ("src", "dags", "docs", "demo", "benchmarks", "deploy", "tests", ".ci")
SUFFIXES = {".py", ".md", ".yml", ".yaml", ".css", ".html", ".js", ""}
FILES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "Makefile",
    "Dockerfile",
    "mkdocs.yml",
    "pyproject.toml",
)


def files() -> Iterator[Path]:
    """Each text of ours, except this one and the changelog, which names what was renamed."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            shipped = path.name.endswith(".min.js")
            if path.is_file() and path.suffix in SUFFIXES and not shipped and path != Path(__file__):
                yield path
    yield from (ROOT / name for name in FILES)


def found(text: str) -> Iterator[tuple[int, str, str]]:
    """Each place in a text: the line, the words, and what to write instead."""
    # Words may go on in the next line, behind its indentation or the sign of a comment.
    lines = re.split(r"\n[ #/*]*", text)
    joined, starts = " ".join(lines), list(accumulate((len(line) + 1 for line in lines), initial=0))
    for pattern, instead in PATTERNS.items():
        for hit in pattern.finditer(joined):
            yield bisect_right(starts, hit.start()), hit[0], instead


def test_no_file_has_words_of_our_own() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{line}: {words!r} (write: {instead})"
        for path in files()
        for line, words, instead in found(path.read_text(encoding="utf-8"))
    ]
    assert places == [], "\n" + "\n".join(places)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# the extra is no JSON", 1),
        ("one\n    # This is\n    # no number.", 2),
        ("def mend_it(): ...", 1),
        ("raise ValueError(f'{name} wants 1 or more')", 1),
    ],
)
def test_words_of_our_own_are_found(text: str, line: int) -> None:
    assert [where for where, _, _ in found(text)] == [line]


@pytest.mark.parametrize(
    "text",
    [
        "there is no manifest",
        "it is no longer valid",
        "value is None",
        "itertools.chain(a, b)",
        "chain.from_iterable(lists)",
        "a spreadsheet",
        "recommended",
    ],
)
def test_words_of_the_field_are_not(text: str) -> None:
    assert list(found(text)) == []
