# SPDX-License-Identifier: Apache-2.0
"""Turns the little reStructuredText of our docstrings into Markdown: an extension of griffe.

A role such as ``:class:`` becomes a link where the reference has what it names, and ``::`` goes: the indented
lines below it are a block in Markdown, too.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|meth|func|mod|data|attr):`([~.]*)([\w.]+)`")


class Markdown(griffe.Extension):
    """Rewrites docstrings as they are read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring.

        :param obj: what it documents
        """
        if obj.docstring is not None:
            text = ROLE.sub(_link, obj.docstring.value)
            obj.docstring.value = re.sub(r"^::$\n", "", text, flags=re.MULTILINE)


def _link(role: re.Match[str]) -> str:
    shortened, path = role.groups()
    name = path.rpartition(".")[2] if shortened else path
    return f'<autoref identifier="{path}" optional>`{name}`</autoref>'
