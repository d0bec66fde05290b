# SPDX-License-Identifier: Apache-2.0
"""From Helix's pages to tables in an object store. No Airflow here: pandas, pyarrow, a small store protocol.

- :mod:`.schema`: every column's name, type and meaning, in one place
- :mod:`.raw`: pages as they were answered, kept as compressed lines; :mod:`.spool`: on disk while they come
- :mod:`.extract`: the raw object of a run, written or found again
- :mod:`.columns`, :mod:`.clean`, :mod:`.top_games`: pages to typed, checked, enriched tables
- :mod:`.columnar`, :mod:`.all_streams`: the same for a crawl, in columns all the way
- :mod:`.csv`, :mod:`.formats`: tables to bytes
- :mod:`.keys`, :mod:`.manifest`, :mod:`.publish`: where they go, what describes them, in which order
- :mod:`.previous`: what the last snapshot knew
- :mod:`.store`: what the lake needs of an object store
"""

from __future__ import annotations
