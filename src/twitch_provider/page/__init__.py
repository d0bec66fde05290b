# SPDX-License-Identifier: Apache-2.0
"""The page that shows the metrics: static files for a browser, and what a server has to know of them."""

from __future__ import annotations

import re
from pathlib import Path

#: The folder of the files that a browser loads, and of the modules that one of them is made of.
STATIC = Path(__file__).parent / "static"

#: The modules that make a page of an overview. Each one imports only from those before it, and their names
#: are unique, so that they can be written into one script: one request, and half the bytes.
MODULES = (
    "format.js",
    "data.js",
    "definitions.js",
    "dom.js",
    "table.js",
    "charts.js",
    "route.js",
    "health.js",
    "now.js",
    "heat.js",
    "lists.js",
    "languages.js",
    "movers.js",
    "game.js",
    "render.js",
    "load.js",
)

#: What the report has besides: see :mod:`twitch_provider.page.report`.
REPORT_MODULES = ("snapshot.js", "report.js")

_SCRIPT = "text/javascript; charset=utf-8"

#: The media type of each file that may be served, as :func:`content` has it; nothing else of the folder is.
FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "theme.js": _SCRIPT,
    "d3.min.js": _SCRIPT,
    "plot.min.js": _SCRIPT,
    "app.js": _SCRIPT,
}

#: The only ``<style>`` element that the page makes: Plot's, inside every chart.
STYLE_OF_PLOT = "sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww="

#: What a browser lets the page do: load our own files and read our own data, inside Airflow's page or alone.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' '{STYLE_OF_PLOT}'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def content(name: str) -> bytes:
    """Return a file as it is served.

    :param name: a key of :data:`FILES`
    :raises KeyError: it is not served
    """
    if name not in FILES:
        raise KeyError(name)
    if name == "app.js":
        return script(*MODULES, name).encode()
    return (STATIC / name).read_bytes()


def script(*names: str) -> str:
    """Return modules as one script, which imports nothing.

    :param names: of the folder, each one after those that it imports from
    """
    sources = ((STATIC / name).read_text(encoding="utf-8") for name in names)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)
