# SPDX-License-Identifier: Apache-2.0
"""The report: an overview as one HTML file with all that it needs, to be opened, sent or printed."""

from __future__ import annotations

import base64
import hashlib
import html

from twitch_provider.page import MODULES as MODULES_OF_THE_PAGE
from twitch_provider.page import REPORT_MODULES, STATIC, STYLE_OF_PLOT, script

#: The modules of the report's script; one of the page's own loads data, which the report may not.
MODULES = (*(name for name in MODULES_OF_THE_PAGE if name != "load.js"), *REPORT_MODULES)

_LIBRARIES = ("d3.min.js", "plot.min.js")

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<noscript><p>This report needs JavaScript: allow it for this file.</p></noscript>
</main>
<script type="application/json" id="overview">{overview}</script>
<script type="text/plain" id="licenses">{licenses}</script>
{scripts}
</body>
</html>
"""


def report(overview: bytes, title: str) -> bytes:
    """Return the report of an overview: the same charts and tables as on the page, without a network.

    The file allows its own scripts and styles, by their hashes, and nothing else: text of Twitch is data in
    it, and could do nothing if it were not.

    :param overview: JSON, as :func:`twitch_provider.metrics.overview.encode.encode` returns it
    :param title: of the document
    :returns: HTML in UTF-8; equal for equal arguments
    """
    style = _text("style.css")
    scripts = [*map(_text, _LIBRARIES), script(*MODULES)]
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)} '{STYLE_OF_PLOT}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    document = _TEMPLATE.format(
        policy=html.escape(policy),
        title=html.escape(title),
        style=style,
        # In JSON they are in strings only, where a letter may be written as its number.
        overview=overview.decode().replace("<", "\\u003c"),
        licenses="\n\n".join(_text(f"{name}.LICENSE.txt") for name in _LIBRARIES),
        scripts="\n".join(f"<script>{each}</script>" for each in scripts),
    )
    return document.encode()


def _text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
