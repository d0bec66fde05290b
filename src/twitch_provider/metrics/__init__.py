# SPDX-License-Identifier: Apache-2.0
"""Many snapshots to metrics: which of them count and for how long, and the SQL that sums them up.

What decides is pure (:mod:`.gates`, :mod:`.clock`); each table is one statement under ``sql/``, which DuckDB
runs (:mod:`.engine`).
"""

from __future__ import annotations
