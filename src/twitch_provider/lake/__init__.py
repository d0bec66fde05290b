# SPDX-License-Identifier: Apache-2.0
"""From Helix's pages to tables in an object store. Needs pandas, pyarrow and a store, not Airflow.

- :mod:`.schema`: every column's name, type and meaning, in one place
- :mod:`.raw_lines`: the format of a raw object; :mod:`.extract`: where it is in the store, written or found
- :mod:`.validate`, :mod:`.clean`, :mod:`.top_games`: pages to clean tables, with pandas
- :mod:`.arrow_validate`, :mod:`.arrow_columns`, :mod:`.page_rows`, :mod:`.all_streams`: the same for a crawl,
  in Arrow only
- :mod:`.text`: what text is in every table
- :mod:`.tables`: a clean table, with an account of every row
- :mod:`.csv`, :mod:`.formats`: tables to bytes
- :mod:`.keys`, :mod:`.manifest`, :mod:`.publish`: where they go, what describes them, in which order
- :mod:`.previous`: what the last snapshot knew
- :mod:`.store`: what the lake needs of an object store
"""

from __future__ import annotations
