# SPDX-License-Identifier: Apache-2.0
"""What metrics keep in the lake, and what the page, alerts and watchers read of it.

Most of it can be made again: what cannot be read counts as missing, and a run goes on without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fuzz.mutate import gzipped, json_document, of_bytes
from tests.fuzz.target import ODD, Target, values
from tests.lake.conftest import MemoryStore, stream_row
from tests.metrics.lake import Lake, parquet_bytes, stream

from twitch_provider.lake.manifest import describe
from twitch_provider.metrics import watch_channels
from twitch_provider.metrics.alerts import State, tell
from twitch_provider.metrics.clock import make_clock
from twitch_provider.metrics.compact import compact_hour
from twitch_provider.metrics.detectors import Detectors, _to_json, detectors_of, summaries
from twitch_provider.metrics.history import History, midnight
from twitch_provider.metrics.index import read_day
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest, MetricsObject
from twitch_provider.metrics.missed import scopes_due
from twitch_provider.metrics.overview.digest import Digest, _decoded, _encoded
from twitch_provider.metrics.overview.published import Published
from twitch_provider.metrics.situation import Found as Situation
from twitch_provider.metrics.snapshots import Found, add_manifest
from twitch_provider.metrics.spikes import Detector, Usual
from twitch_provider.metrics.tables import TABLES
from twitch_provider.metrics.watch import Viewers, WatchList, of_day, write_json
from twitch_provider.pipelines.stats import send_overview
from twitch_provider.plugins.overview import Overview, _checked
from twitch_provider.triggers.watch import LiveWatch

KEYS = MetricsKeys("twitch")
DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WATCH = WatchList(("site", "game:1", "channel:login1"))
SCOPE = 'all_streams {"strategy":"languages"}'
#: The half hours of a week.
_PLACES = 336


@cache
def _lake() -> dict[str, bytes]:
    lake = Lake()
    for minutes in (0, 5):
        lake.crawl(minutes, [stream("1"), stream("2", 5)])
        lake.top(minutes, {"1": [stream("1")]})
    return lake.store.objects


def _store(key: str, data: bytes) -> MemoryStore:
    store = MemoryStore()
    store.objects = {**_lake(), key: data}
    return store


def _kept(key: str, make: Callable[[MemoryStore], object]) -> Callable[[], list[bytes]]:
    """What the package itself keeps at a key."""

    def seeds() -> list[bytes]:
        store = MemoryStore()
        store.objects = dict(_lake())
        make(store)
        return [store.objects[key]]

    return seeds


def _read_day(store: MemoryStore) -> Found:
    found = Found()
    read_day(store, KEYS, store.folders(KEYS.snapshots), DAY, found)
    return found


def index(data: bytes) -> None:
    """Each manifest has its snapshots, from the index or read again, and the clock can take them."""
    found = _read_day(_store(KEYS.index(DAY), data))
    clock = make_clock(found.snapshots)
    for begin in (NOON, midnight(DAY)):
        History(found).period("hour" if begin is NOON else "day", begin)
    scopes_due(found.snapshots, clock, NOON + timedelta(hours=1))


def snapshots(data: bytes) -> None:
    """A manifest has its snapshots, or says why they are left out."""
    found = Found()
    add_manifest(data, found, key="twitch/a.json", etag="a", place="memory://twitch/a.json")
    assert len(found.refused) <= 1
    for sentence in found.refused.values():
        assert sentence.isprintable()
    other = _read_day(_store("x", b""))
    both = Found([*found.snapshots, *other.snapshots])
    History(both).period("hour", NOON)
    scopes_due(both.snapshots, make_clock(both.snapshots), NOON + timedelta(hours=1))


def _manifest_of_metrics() -> list[bytes]:
    table = parquet_bytes(TABLES["site_hour"].schema.empty_table())
    key = KEYS.table(TABLES["site_hour"], NOON)
    entry = describe(key, table, rows=0, kind="table", dataset="")
    return [
        MetricsManifest(
            period="hour",
            begin="2026-11-23T12:00:00Z",
            digest="ab",
            scopes={SCOPE: {"samples": 2, "covered_seconds": 600, "missing_seconds": 3000}},
            inputs=(("twitch/a.json", "tag"),),
            refused=("twitch/b.json",),
            objects=(MetricsObject(key, len(table), entry.sha256, 0, "site_hour"),),
        ).to_json()
    ]


def metrics_manifest(data: bytes) -> None:
    """The tables of a period are there as it says, or the period is left out with a note."""
    store = _store(KEYS.manifest("hour", NOON), data)
    store.objects[KEYS.table(TABLES["site_hour"], NOON)] = parquet_bytes(
        TABLES["site_hour"].schema.empty_table()
    )
    with TemporaryDirectory() as folder:
        published = Published(store, KEYS, Path(folder))
        files = published.fetch("hour", {NOON: ("site_hour",)})
    assert bool(files) != bool(published.notes)
    manifest = MetricsManifest.from_json(data)
    assert MetricsManifest.from_json(manifest.to_json()) == manifest
    assert len({*manifest.inputs, *manifest.refused}) <= len(manifest.inputs) + len(manifest.refused)


def _digests() -> list[bytes]:
    day = ["2026-11-23", 1, 2, 3, 4, 5, 6, 0.5]
    digest = Digest(day, [[1795431600, 1, 2, 3, 4], [1795435200, 1, 2, 3, None]], {"509658": 7})
    return [_encoded({SCOPE: digest}, "tag")]


def digest(data: bytes) -> None:
    """A digest has a value for each column, or is made again."""
    found = _decoded(data, "tag")
    for each in (found or {}).values():
        assert len(each.day) == 8
        assert all(len(row) == 5 for row in each.hours)
        assert sorted(each.hours, key=lambda row: row[0]) is not None
        sum(each.games.values())
    if found:
        assert _decoded(_encoded(found, "tag"), "tag") == found


def _watch_store() -> MemoryStore:
    store = MemoryStore()
    for name in ("site_snapshot", "games_snapshot"):
        store.objects[KEYS.table(TABLES[name], NOON)] = parquet_bytes(TABLES[name].schema.empty_table())
    return store


def _watches() -> list[bytes]:
    store = _watch_store()
    of_day(store, KEYS, DAY, WATCH)
    made = store.objects[KEYS.watch("watch", DAY)]
    from twitch_provider.lake.shapes import from_gzip
    from twitch_provider.metrics.watch import _to_json as to_json

    seconds = int(NOON.timestamp())
    samples = {seconds: 10, seconds + 300: 12}
    viewers = Viewers([seconds, seconds + 300], {"site": samples, "game:1": samples}, {"game:1": "Chess"})
    known = from_gzip(made, dict[str, Any])
    write_json(store, "a", {**known, "games": ["1"], "scopes": {SCOPE: to_json(viewers)}}, None)
    return [store.objects["a"]]


def watch(data: bytes) -> None:
    """The viewers of a day are instants with counts, or they are read from its tables again."""
    store = _watch_store()
    store.objects[KEYS.watch("watch", DAY)] = data
    found = of_day(store, KEYS, DAY, WATCH)
    detectors = Detectors(1, _detector(), _detector())
    active = Situation([], (found, {}), dict.fromkeys(found, detectors), WATCH).active
    json.dumps(active, allow_nan=False)


def _channels() -> list[bytes]:
    store = MemoryStore()
    seconds = int(NOON.timestamp())
    scopes = {SCOPE: {f"{seconds}": {"login1": 5}, f"{seconds + 300}": {"login1": 50}}}
    write_json(store, "a", {"scopes": scopes}, None)
    return [store.objects["a"]]


def channels(data: bytes) -> None:
    """The viewers of channels are instants with counts, and new snapshots are added to them."""
    store = _store(KEYS.watch("watch_channels", DAY), data)
    snapshots = _read_day(store).snapshots
    watch_channels.record(store, KEYS, [each for each in snapshots if each.dataset == "all_streams"], WATCH)
    found = watch_channels.recent(store, KEYS, NOON - timedelta(hours=3), NOON + timedelta(hours=1))
    assert len(found[SCOPE].instants) >= 2
    detectors = Detectors(1, _detector(), _detector())
    active = Situation([], ({}, found), dict.fromkeys(found, detectors), WATCH).active
    json.dumps(active, allow_nan=False)


def _detector() -> Detector:
    usual = Usual((0.0,) * _PLACES, 0.01)
    return Detector(3.0, 20, 0.6, 0.9, {"site": usual, "game:1": usual, "channel:login1": usual})


def _learned() -> list[bytes]:
    store = MemoryStore()
    scopes = {SCOPE: _to_json(Detectors(3, _detector(), _detector()))}
    write_json(store, "a", {"watch": list(WATCH.entries), "scopes": scopes}, None)
    return [store.objects["a"]]


def detectors(data: bytes) -> None:
    """What was learned can be used, or is learned again."""
    store = _store(KEYS.watch("detectors", DAY), data)
    found = detectors_of(store, KEYS, DAY, WATCH)
    seconds = int(NOON.timestamp())
    samples = {seconds + 300 * number: 5 + 1000 * (number % 2) for number in range(30)}
    viewers = {SCOPE: Viewers(sorted(samples), {"site": samples, "game:1": samples}, {"game:1": "Chess"})}
    json.dumps(Situation([], (viewers, {}), found, WATCH).active, allow_nan=False)
    json.dumps(summaries(store, KEYS, DAY, [SCOPE]), allow_nan=False)


def _states() -> list[bytes]:
    at = "2026-11-23T11:00:00Z"
    change = {
        "kind": "rise",
        "scope": SCOPE,
        "dataset": "all_streams",
        "series": "site",
        "name": "Total",
        "at": at,
        "viewers": 9,
        "text": "Total: 9 viewers",
    }
    missed = {"kind": "missed", "scope": SCOPE, "dataset": "a", "dag_id": "d", "at": at, "text": "none"}
    told = {"run_after": at, "alerts": [change], "all_clears": [{"text": "over", "began": at}]}
    state = State({"change a site": change, f"missed {SCOPE}": missed}, {"d/r": told, "d/s": told})
    return [state.to_json()]


def _found(situation: Situation) -> Situation:
    return situation


def alerts(data: bytes) -> None:
    """What is open can be told, closed or kept; a state that cannot be read begins anew."""
    for snapshots_too, hours in ((False, 1), (True, 1), (True, 800)):
        store = _store(KEYS.alerts, data)
        found = _read_day(store)
        now = NOON + timedelta(hours=hours)
        due = scopes_due(found.snapshots, make_clock(found.snapshots), NOON + timedelta(minutes=6))
        seconds = int(NOON.timestamp())
        samples = {seconds + 300 * number: 5 for number in range(30)}
        viewers = {SCOPE: Viewers(sorted(samples), {"site": samples})}
        situation = Situation(due if snapshots_too else [], (viewers, {}), {}, WATCH)
        told = tell(store, KEYS.alerts, partial(_found, situation), f"d/{hours}", now)
        for each in (*told.alerts, *told.all_clears):
            assert not ODD.search(each["text"])
        assert tell(store, KEYS.alerts, partial(_found, situation), f"d/{hours}", now) == told or not told


def _tables() -> list[bytes]:
    return [body for key, body in _lake().items() if "all_streams" in key and key.endswith(".csv")][:1]


def compacted(name: str, data: bytes) -> None:
    """A table of streams becomes part of a day row by row, or is refused.

    :param name: of its file, which tells the format
    :param data: its bytes
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        assert compact_hour([path], Path(folder, "b.parquet")) >= 0
        watch_channels._read(path)


def _parquet_tables() -> list[bytes]:
    lake = Lake()
    lake.crawl(0, [stream("1"), stream("2", 5)], writes={"file_format": "parquet", "compression": "zstd"})
    return [body for key, body in lake.store.objects.items() if key.endswith(".parquet")][:1]


def _overviews() -> list[bytes]:
    today = {"covered_seconds": 600, "missing_seconds": 3000, "missing": 1, "gated": 0}
    scope = {"dataset": "all_streams", "health": {"last_snapshot_at": "2026-11-23T12:00:00Z", "today": today}}
    return [json.dumps({"version": 1, "scopes": [scope, scope]}).encode()]


def overview(data: bytes) -> None:
    """The page gets a whole overview or a sentence, and gauges never fail a task."""
    send_overview(data, NOON, NOON)
    found = _checked(data, "s3://bucket/twitch/latest/overview.json")
    if isinstance(found, Overview):
        assert json.loads(found.body, parse_int=float)["version"] == 1
    else:
        assert found.sentence.isprintable()
        assert len(found.sentence) < 500


def _memories() -> list[bytes]:
    watch = LiveWatch(["stintik", "b"], 120.0)
    _, seen = watch.observe(NOON.timestamp(), {"stintik": stream_row()})
    _, gone = seen.observe(NOON.timestamp() + 60, {})
    return [json.dumps(each.as_json()).encode() for each in (seen, gone)]


def watcher(data: bytes) -> None:
    """A watcher goes on from its state, or without one."""
    watch = LiveWatch(["stintik", "b"], 120.0)
    with suppress(ValueError):
        watch = watch.restored(values(data))
    for seconds, streams in ((0, {"stintik": stream_row()}), (60, {}), (600, {}), (660, {"b": stream_row()})):
        events, watch = watch.observe(NOON.timestamp() + seconds, streams)
        json.dumps([events, watch.as_json()], allow_nan=False)


_GZIP = gzipped(json_document)
TARGETS: tuple[Target, ...] = (
    Target("index", index, _kept(KEYS.index(DAY), _read_day), _GZIP),
    Target("snapshots", snapshots, lambda: [body for key, body in _lake().items() if key.endswith(".json")]),
    Target("metrics_manifest", metrics_manifest, _manifest_of_metrics),
    Target("digest", digest, _digests, _GZIP),
    Target("watch", watch, _watches, _GZIP),
    Target("channels", channels, _channels, _GZIP),
    Target("detectors", detectors, _learned, _GZIP),
    Target("alerts", alerts, _states),
    Target("compacted", partial(compacted, "a.csv"), _tables, of_bytes),
    Target("compacted_parquet", partial(compacted, "a.parquet"), _parquet_tables, of_bytes),
    Target("overview", overview, _overviews),
    Target("watcher", watcher, _memories),
)
