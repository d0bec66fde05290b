# SPDX-License-Identifier: Apache-2.0
"""Cleaning pages with an odd row, against the same pages without one: is there a cliff?

Every kind of odd row is put on every third page, and on every page. All are timed in one process, in turns;
the least time of each counts, since other work of the machine only adds to it. Before, the result is compared
with what cleaning with pandas makes of the same rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from benchmarks.floors import Answered
from benchmarks.local import RUN_AFTER, answers
from benchmarks.report import Entry, Facts, Ratio
from twitch_provider.lake.all_streams import transform
from twitch_provider.lake.clean import clean_streams
from twitch_provider.lake.raw_pages import RawBody, RawPage
from twitch_provider.lake.tables import CleanTable

#: What is odd about a row: fields that are changed, or the row in its place. NaN is not among them: it is not
#: JSON, and a page with it is decoded by Python, which is another four times as slow.
KINDS: Mapping[str, Any] = {
    "a missing field": {"viewer_count": ...},
    "no field at all": {},
    "null": {"viewer_count": None},
    "null in a list": {"tags": ["a", None]},
    "empty id": {"id": ""},
    "a further field": {"surprise": {"x": [1.5, None, "\x00"]}},
    "text for a number": {"viewer_count": "12"},
    "a number for text": {"title": 7},
    "an object for text": {"title": {"a": "b"}},
    "text for a list": {"tags": "English"},
    "a number in a list": {"tags": ["a", 1]},
    "a number for a boolean": {"is_mature": 0},
    "a float viewer count": {"viewer_count": 12.0},
    "a number of more than 64 bits": {"viewer_count": 2**64},
    "a number of 400 digits": {"viewer_count": 10**400},
    "a negative number": {"viewer_count": -1},
    "an instant with a fraction": {"started_at": "2026-11-23T14:35:02.5Z"},
    "an instant without a zone": {"started_at": "2026-11-23T14:35:02"},
    "30 February": {"started_at": "2026-02-30T14:35:02Z"},
    "a start in the future": {"started_at": "2026-11-24T14:35:02Z"},
    "half a surrogate pair": {"title": "a\ud83d"},
    "half a pair in a refused row": {"title": "a\ud83d", "viewer_count": -1},
    "line breaks and NUL": {"title": "a\r\n\u2028\x00b"},
    "not live": {"type": ""},
    "the id of another row": {"id": "1", "user_id": "1"},
    "null for a row": None,
    "text for a row": "x",
}
#: On which pages the odd row stands: every third, all.
EVERY = (3, 1)
#: How many times as long cleaning may take.
GOAL = 3


def odd_pages(answered: Sequence[Answered], kind: str, every: int) -> list[RawBody]:
    """Return pages of which some have an odd row in the middle.

    :param answered: bodies of Get Streams, each with the instant of its response
    :param kind: of :data:`KINDS`
    :param every: every how many pages
    """
    return [
        RawBody("streams", (), at, at, body if number % every else _with_odd_row(body, kind))
        for number, (body, at) in enumerate(answered)
    ]


def _with_odd_row(body: bytes, kind: str) -> bytes:
    envelope = json.loads(body)
    rows = envelope["data"]
    place, changes = len(rows) // 2, KINDS[kind]
    row = {**rows[place], **changes} if changes and isinstance(changes, dict) else changes
    rows[place] = {n: v for n, v in row.items() if v is not ...} if isinstance(row, dict) else row
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair can only be escaped.
    return text.encode(errors="backslashreplace")


def check(pages: Sequence[RawBody], run_after: datetime = RUN_AFTER) -> CleanTable:
    """Check that a crawl's cleaning makes of these pages what cleaning with pandas does.

    :param pages: of Get Streams
    :param run_after: the tick of the run
    :returns: the table of the crawl
    :raises ValueError: the tables, the rejects or the counts differ
    """
    ours = transform(pages, run_after=run_after)
    opened = [RawPage(**vars(page), rows=json.loads(page.body)["data"], cursor=None) for page in pages]
    other = clean_streams(opened, run_after=run_after, ranks={})
    same = (
        ours.counts == other.counts
        and ours.filtered == other.filtered
        and ours.rejects.equals(other.rejects)
        and _sorted(ours.table).equals(_sorted(other.table))
    )
    if not same:
        raise ValueError(f"cleaning gives {ours.counts}, and with pandas {other.counts}")
    return ours


def _sorted(table: pa.Table) -> pa.Table:
    return table.combine_chunks().sort_by("user_id")


def measure(rows: int = 100_000, rounds: int = 5) -> list[Entry]:
    """Measure every kind.

    :param rows: live streams
    :param rounds: how often each is timed; the least is taken
    """
    answered = answers(rows)
    regular = [RawBody("streams", (), at, at, body) for body, at in answered]
    entries: list[Entry] = []
    cells: list[list[str | float | None]] = []
    for kind in KINDS:
        cell: list[str | float | None] = [kind]
        for every in EVERY:
            pages = odd_pages(answered, kind, every)
            refused = check(pages).counts["rejects"]
            plain, odd = _timed([regular, pages], rounds)
            where = "every page" if every == 1 else f"every {every}rd page"
            entries.append(Ratio(f"cleaning with {kind} on {where}", odd, plain, "no odd row", goal=GOAL))
            cell += [refused, odd * 1000]
        cells.append(cell)
    columns = ["an odd row", "refused (1 of 3 pages)", "ms", "refused (all pages)", "ms"]
    return [*entries, Facts(f"{rows:,} rows in {len(regular):,} pages", columns, cells)]


def _timed(worlds: Sequence[Sequence[RawBody]], rounds: int) -> list[float]:
    """The least seconds of each, measured in turns."""
    least = [float("inf")] * len(worlds)
    for _ in range(rounds):
        for number, pages in enumerate(worlds):
            began = time.perf_counter()
            transform(pages, run_after=RUN_AFTER)
            least[number] = min(least[number], time.perf_counter() - began)
    return least
