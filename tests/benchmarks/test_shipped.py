# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import gzip
import io
import json

from benchmarks.floors import two_objects
from benchmarks.local import RUN_AFTER, answers
from benchmarks.report import Facts, Ratio

from benchmarks import first, shipped


def test_both_make_a_raw_object_and_a_table_of_the_same_streams() -> None:
    answered = answers(700)
    found = []
    for make in (shipped.ours, two_objects):
        raw, table = make(answered, RUN_AFTER)
        bodies = [json.loads(line).get("body") for line in gzip.decompress(raw).splitlines()]
        assert [body for body in bodies if body] == [body.decode() for body, _ in answered]
        rows = csv.DictReader(io.StringIO(gzip.decompress(table).decode(), newline=""))
        found.append({row["user_id"]: row["title"] for row in rows if row["type"] == "live"})
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) > 650


def test_every_cost_has_its_goal() -> None:
    entries = shipped.measure(streams=1_000, rows=500, rounds=1)
    goals = {each.name: each.goal for each in entries if isinstance(each, Ratio)}
    assert goals == {
        "client CPU a page, all kept": 2.5,
        "client CPU a page, nothing kept": 2.0,
        "bodies → raw object and CSV with gzip: CPU": 1.5,
    }
    assert all(each.ours > 0 < each.other for each in entries if isinstance(each, Ratio))


def test_a_first_crawl_is_compared_with_the_world() -> None:
    (table,) = first.measure({3_000: 220.0})
    assert isinstance(table, Facts)
    ((streams, requests, again, *_, complete),) = table.rows
    assert (streams, complete) == ("3,000", "yes")
    assert 0 < int(again or 0) < int(requests or 0)
