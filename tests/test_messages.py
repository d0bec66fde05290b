# SPDX-License-Identifier: Apache-2.0
"""Every message that a page quotes is one that the code gives.

A page shows a message with ``…``, or with an example, where the code fills something in. What lies between
must be the text of a literal in the sources.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: The sections with tables of messages, and the column that has them.
SECTIONS = [
    ("errors.md", "What a run of the DAG says", 1),
    ("errors.md", "On AWS", 1),
    ("deploy/ec2.md", "When it does not work", 0),
]
#: What others say.
THEIRS = {
    "TargetNotConnected",
    "exec format error",
    "Action denied by stack policy",
    "cannot be updated as it is in use by",
}
#: Marks what is filled in.
GAP = "\0"
#: What a page shows in its place: ``…``, a quoted value, an URL, an identifier. A message is made of several
#: literals, so it is taken apart at its punctuation too.
EXAMPLE = re.compile(
    r"…|'[^']*'|\{[^{}]*\}|s3://\S*?(?=[:;,. ]|$)|arn:aws:[\w:/-]*|(?:s3|kms|secretsmanager):[A-Z]\w+"
    r"|twitch_default|AIRFLOW_CONN_TWITCH_DEFAULT|the IAM role of this worker|timeout|0\.1|600"
    r"|\(us-west-2\)|\((?:\w+\.)?\w+(?:Error|Exception|Token|Match)\)|[:;.] "
)
#: What the code fills in: with an f-string, with logging's arguments, with str.format.
FILLED_IN = re.compile(r"%(?:\.?\d*)[sdfr]|\{\w*(?:![rs])?(?::[^{}]*)?\}")


def literals(path: Path) -> Iterator[str]:
    """Each text of a module with a gap where something is filled in; docstrings are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield FILLED_IN.sub(GAP, node.value)


def messages(page: str, heading: str, column: int) -> Iterator[str]:
    """Each message of a section's tables: code of several words."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[1:]:
        cell = row.split(" | ")[column]
        for _, quoted in re.findall(r"(`+)(.+?)\1", cell):
            if " " in quoted.strip() and quoted not in THEIRS:
                yield quoted.strip()


TEXTS = [
    *(text for path in sorted((ROOT / "src").rglob("*.py")) for text in literals(path)),
    *literals(ROOT / "deploy" / "status.py"),
    *(
        (ROOT / "deploy" / name).read_text(encoding="utf-8")
        for name in ("airflow-ec2.yaml", "compose.yaml", "lake.yaml", "start.sh")
    ),
]
QUOTED = [quoted for section in SECTIONS for quoted in messages(*section)]


def test_there_are_messages() -> None:
    assert len(QUOTED) > 35


@pytest.mark.parametrize("quoted", QUOTED)
def test_message_is_in_the_sources(quoted: str) -> None:
    fixed = [part.strip(" ;:.,()") for part in EXAMPLE.split(quoted)]
    assert any(len(part.split()) >= 3 for part in fixed), "too little of it is fixed"
    assert [part for part in fixed if not any(part in text for text in TEXTS)] == []


@pytest.mark.parametrize(
    "wrong",
    ["The bucket 'x' does not exist: make one, or rename it", "Too late for …: nobody asks about the past"],
)
def test_a_message_that_no_code_gives_is_found(wrong: str) -> None:
    with pytest.raises(AssertionError):
        test_message_is_in_the_sources(wrong)
