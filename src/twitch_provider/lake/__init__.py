# SPDX-License-Identifier: Apache-2.0
"""From Helix's pages to CSV in an object store. No Airflow here: pandas, pyarrow and a small store protocol.

- :mod:`.schema`: every column's name, type and meaning, in one place
- :mod:`.raw`: pages as they were answered, kept as compressed lines
- :mod:`.columns`, :mod:`.clean`, :mod:`.top_games`: pages to typed, checked, enriched tables
- :mod:`.csv`: tables to bytes
- :mod:`.keys`, :mod:`.manifest`, :mod:`.publish`: where they go, what describes them, in which order
- :mod:`.store`: what the lake needs of an object store
"""

from __future__ import annotations
