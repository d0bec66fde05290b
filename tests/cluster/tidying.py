# SPDX-License-Identifier: Apache-2.0
"""What is done with a cluster that has done its work: its maintenance, and a search for secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tests.cluster.cluster import Cluster
from tests.leaks.search import Mark, findings, walk

_LONG_AGO = 60 * 24 * 3600.0


def maintain(cluster: Cluster) -> list[str]:
    """Age a run, its XComs and a log by two months, maintain, and return what is wrong afterwards.

    :param cluster: which
    """
    aged, kept = cluster.native.home / "logs" / "old" / "aged.log", cluster.native.home / "logs" / "young.log"
    aged.parent.mkdir()
    for path in (aged, kept):
        path.write_text("a line\n")
    for path in (aged, aged.parent):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - _LONG_AGO))
    cluster.postgres.query(
        "UPDATE dag_run SET start_date = start_date - interval '60 days' WHERE id ="
        " (SELECT id FROM dag_run WHERE dag_id = 'twitch_top_games' ORDER BY run_after LIMIT 1)"
    )
    cluster.postgres.query(
        "UPDATE xcom SET timestamp = timestamp - interval '8 days' WHERE dag_run_id ="
        " (SELECT id FROM dag_run WHERE dag_id = 'twitch_top_games' ORDER BY run_after OFFSET 1 LIMIT 1)"
    )
    counts = "SELECT (SELECT count(*) FROM dag_run), (SELECT count(DISTINCT dag_run_id) FROM xcom)"
    runs, with_xcoms = map(int, cluster.postgres.query(counts).split("|"))
    size = cluster.postgres.query(
        "SELECT pg_size_pretty(max(of_run)) FROM"
        " (SELECT sum(pg_column_size(value)) AS of_run FROM xcom GROUP BY dag_run_id) AS sizes"
    )
    log = cluster.logs / "maintenance.log"
    service = cluster.services["maintenance"]
    code = cluster.native.run_once(service, "once", log=log, timeout=240)
    if code:
        return [f"maintenance ended with {code}: {log.read_text(errors='replace')[-1500:]}"]
    left = tuple(map(int, cluster.postgres.query(counts).split("|")))
    print(f"   {runs} runs and XComs of {with_xcoms} before, {left[0]} and {left[1]} after")
    print(f"   XComs of a run take {size} in the database")
    faults = []
    if left != (runs - 1, with_xcoms - 2):
        faults.append(f"maintenance left {left} of {(runs, with_xcoms)} runs, and runs with XComs")
    if aged.exists() or not kept.exists():
        faults.append("maintenance did not delete an old log, or deleted a young one")
    return faults


def search(cluster: Cluster) -> list[str]:
    """Search all that was written for every secret; return where one lies.

    :param cluster: which
    """
    marks = list(cluster.marks)
    tokens = list(cluster.twitch.twitch.auth.tokens._expires)
    marks += [Mark(f"access token {number + 1}", token) for number, token in enumerate(tokens)]
    planted = Mark("planted", "planted-0123456789")
    searched = 0

    def texts() -> Iterator[tuple[str, bytes]]:
        nonlocal searched
        for place, body in _everything(cluster):
            searched += len(body)
            yield place, body
        yield "the plant", b"x" + planted.value.encode()

    found = findings(texts(), [*marks, planted])
    print(f"   {searched / 1e6:.1f} MB searched for: {', '.join(mark.name for mark in marks)}")
    leaks = [str(each) for each in found if each.name != planted.name]
    return leaks + ["the search does not find what was planted"] * (len(leaks) == len(found))


def _everything(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Logs of containers, tasks and DAGs, tokens and configuration; the database; the lake; the titles."""
    for place, body in walk(cluster.folder):
        # Redis holds the password that it asks for, as the container does in its memory.
        if place != "redis/redis.conf":
            yield place, body
    yield "the database", cluster.postgres.dump()
    for key, body in cluster.aws.objects().items():
        yield f"s3 {key}", body
    yield "process titles", cluster.titles.seen()
