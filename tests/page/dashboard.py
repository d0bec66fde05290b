# SPDX-License-Identifier: Apache-2.0
"""The capture for which this pipeline was first made, as one snapshot: its sums, and nobody's name.

``dashboard.json`` is what the overview says of it; a test of metrics compares the two where the capture lies
beside the checkout. Streamers are numbered: nobody who was live that day agreed to be in documentation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.metrics.month import month_overview

FILE = Path(__file__).with_suffix(".json")
#: When it was taken, to some minutes: after the newest stream in it began.
TAKEN_AT = "2024-07-17T11:50:00Z"


def without_names(scope: dict[str, Any]) -> dict[str, Any]:
    """Return what the overview says of the newest snapshot, with numbers in place of names.

    :param scope: of an overview
    """
    channels = scope["snapshot"]["channels"]
    rows = [[f"Streamer {number}", *row[1:]] for number, row in enumerate(channels["rows"], start=1)]
    return {
        "now": scope["now"] | {"snapshot_at": TAKEN_AT},
        "snapshot": scope["snapshot"] | {"channels": channels | {"rows": rows}},
    }


def dashboard() -> dict[str, Any]:
    """Return an overview whose first scope has this snapshot."""
    overview = month_overview()
    overview["scopes"] = overview["scopes"][:1]
    overview["scopes"][0] |= json.loads(FILE.read_text())
    return overview
