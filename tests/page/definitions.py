# SPDX-License-Identifier: Apache-2.0
"""Write what the page's numbers mean into its module: ``python -m tests.page.definitions``.

The sentences are those of ``metrics/definitions.py``; a test compares them.
"""

from __future__ import annotations

import json

from twitch_provider import page
from twitch_provider.metrics.definitions import DEFINITIONS
from twitch_provider.metrics.overview.schema import OF_A_DAY, TABLES

FILE = page.STATIC / "definitions.js"
#: What the page divides itself.
DIVIDED = ("hours_watched", "average_viewers", "coverage", "top10_share")


def module() -> str:
    """Return the source of the page's module."""
    columns = {column.name for table in TABLES.values() for column in table}
    names = [name for name in DEFINITIONS if name in {*columns, *OF_A_DAY, *DIVIDED}]
    texts = {name: DEFINITIONS[name].comment for name in names}
    head = "// SPDX-License-Identifier: Apache-2.0\n// Written by `python -m tests.page.definitions`.\n\n"
    sentences = json.dumps(texts, indent=2, ensure_ascii=False)
    return f"{head}/** What each number is, by its name. */\nexport const DEFINITIONS = {sentences};\n"


if __name__ == "__main__":
    FILE.write_text(module(), encoding="utf-8")
