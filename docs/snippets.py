# SPDX-License-Identifier: Apache-2.0
"""Puts code that the tests run into the pages: a hook of mkdocs.

A line such as ``[START quickstart](../tests/system/example_quickstart.py)`` becomes what stands in that file
between ``[START quickstart]`` and ``[END quickstart]``. Where nobody builds the pages, it is a link to it.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

LINK = re.compile(r"^( *)\[START (\w+)\]\((\S+)\)$", re.MULTILINE)


def cut(path: Path, name: str) -> str:
    """Return a marked part of a file; of code as a block of it.

    :param path: of the file
    :param name: of the part
    :raises ValueError: there is no such part, or several
    """
    marked = rf"^[^\n]*\[START {name}\][^\n]*\n(.*?)^[^\n]*\[END {name}\]"
    found = re.findall(marked, path.read_text(), re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{path} has {len(found)} parts between [START {name}] and [END {name}]")
    text = textwrap.dedent(found[0]).strip("\n")
    return text if path.suffix == ".md" else f"```python\n{text}\n```"


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put the parts into a page, before it is rendered.

    :param markdown: of the page
    :param page: as mkdocs has it
    :raises ValueError: there is no such part, or several
    """
    folder = Path(page.file.abs_src_path).parent
    return LINK.sub(lambda link: textwrap.indent(cut(folder / link[3], link[2]), link[1]), markdown)
