# SPDX-License-Identifier: Apache-2.0
"""Whether the lake of both DAGs tells the truth.

What a crawl left is read by :mod:`tests.kills.checker`; this is the same for ``twitch_top_games``, whose runs
have two tables and no crawl.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.kills.checker import Facts, examine, lies, tick_of

_COUNTED = ("rows_out", "duplicates", "filtered", "rejects")
_LATEST = {"top_streams": "latest/top_streams.csv", "top_games": "latest/top_games.csv"}


def find_lies(bodies: Mapping[str, bytes], prefix: str = "twitch/") -> list[str]:
    """Say in a sentence each what is wrong with a lake; nothing where it tells the truth.

    :param bodies: every object, by key
    :param prefix: of every key
    """
    crawled = {key: examine(key, body) for key, body in bodies.items() if "all_streams/" in key}
    ours = {key.removeprefix(prefix): body for key, body in bodies.items() if key not in crawled}
    return lies(crawled) + list(_lies_of_top_games(ours, prefix))


def manifests(bodies: Mapping[str, bytes], dag_id: str) -> dict[str, dict[str, Any]]:
    """Return the manifests of a DAG by their run's name.

    :param bodies: every object, by key
    :param dag_id: of the DAG
    """
    found = (json.loads(body) for key, body in bodies.items() if f"manifests/{dag_id}/" in key)
    return {manifest["run_id"]: manifest for manifest in found}


def _lies_of_top_games(bodies: Mapping[str, bytes], prefix: str) -> Iterator[str]:
    told: dict[str, dict[str, Any]] = {}
    for key, body in bodies.items():
        if key.startswith("manifests/twitch_top_games/"):
            told[key] = json.loads(body)
    listed: set[str] = {*told, *_LATEST.values()}
    for key, manifest in told.items():
        entries = {entry["key"].removeprefix(prefix): entry for entry in manifest["objects"]}
        listed |= entries.keys()
        yield from _lies_of_manifest(key, manifest, entries, bodies)
    known = {tick_of(key) for key in told}
    for key in bodies.keys() - listed:
        # Of a run without a manifest, raw pages and tables may lie there: it has not come to its end.
        if tick_of(key) in known and not key.startswith("incomplete/"):
            yield f"{key} lies beside a manifest that does not list it"
    if told:
        newest = max(told, key=tick_of)
        for dataset, latest in _LATEST.items():
            tables = [
                key for key in bodies if key.startswith(f"{dataset}/") and tick_of(key) == tick_of(newest)
            ]
            if [bodies[key] for key in tables] != [bodies.get(latest)]:
                yield f"{latest} is not {dataset} of {tick_of(newest)}"


def _lies_of_manifest(
    key: str,
    manifest: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    bodies: Mapping[str, bytes],
) -> Iterator[str]:
    facts: dict[str, Facts] = {}
    for name, entry in entries.items():
        if name not in bodies:
            yield f"{key} lists {name}, which is not there"
            return
        facts[name] = examine(name, bodies[name])
        for field in ("bytes", "sha256", "rows"):
            if entry[field] != getattr(facts[name], field):
                yield f"{key} says {field} {entry[field]} of {name}, which has {getattr(facts[name], field)}"
        if tick_of(name) != tick_of(key) or facts[name].broken:
            yield f"{key} lists {name}, which is of another tick or broken: {facts[name].broken}"
    pages = [page for name in entries if name.startswith("raw/") for page in _pages(bodies[name])]
    for dataset, endpoint in (("top_streams", "streams"), ("top_games", "games/top")):
        asked = [page for page in pages if page["endpoint"] == endpoint]
        rows_in = sum(len(json.loads(page["body"])["data"]) for page in asked)
        counts = manifest["counts"][dataset]
        rows_out = sum(facts[name].rows for name in entries if name.startswith(f"{dataset}/"))
        if not counts["rows_in"] == rows_in == sum(counts[name] for name in _COUNTED):
            yield f"{key} says rows_in {counts['rows_in']} of {dataset} where there are {rows_in}: {counts}"
        if not counts["rows_out"] == rows_out > 0:
            yield f"{key} says rows_out {counts['rows_out']} of {dataset} where there are {rows_out}"
    if not manifest["complete"]:
        yield f"{key} is not complete"


def _pages(body: bytes) -> list[dict[str, Any]]:
    # The first line is a header.
    return [json.loads(line) for line in gzip.decompress(body).split(b"\n")[1:-1]]
