# SPDX-License-Identifier: Apache-2.0
"""The viewers of the site and of categories at each snapshot, from the published tables.

Of a day that is over they are kept beside the tables, with the entity tags of those: learning from six weeks
reads 42 small objects. Besides what is watched, those are the categories with the most viewers, since a
threshold is only as good as the number of series that it is made of.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import chain, zip_longest
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from twitch_provider.lake.shapes import from_gzip, require_shape
from twitch_provider.lake.store import Entry, Store
from twitch_provider.metrics.keys import MetricsKeys
from twitch_provider.metrics.tables import TABLES

#: How many categories are learned from, besides those that are watched.
POOLED = 60
#: How far back a run looks for episodes.
RECENT = timedelta(hours=3)

_FORM = 1
_HOUR = timedelta(hours=1)
_COLUMNS = {
    "site_snapshot": ["scope", "snapshot_at", "viewers"],
    "games_snapshot": ["scope", "snapshot_at", "viewers", "game_id", "game_name", "twitch_rank"],
}

Samples = dict[int, int]

#: Seconds since 1970, of an instant that is yet to come.
_LAST = 2**34


class _Scope(TypedDict):
    instants: list[int]
    series: dict[str, list[int | None]]
    names: dict[str, str]
    everything: bool


class _Day(TypedDict):
    form: int
    made_of: str
    games: list[str]
    scopes: dict[str, _Scope]


@dataclass(frozen=True)
class WatchList:
    """What is watched.

    :param entries: ``site``, ``game:{id or name}``, ``channel:{login}``
    """

    entries: tuple[str, ...]

    @cached_property
    def games(self) -> set[str]:
        """Ids and names of categories, without regard to case."""
        return {each.removeprefix("game:").casefold() for each in self.entries if each.startswith("game:")}

    @cached_property
    def channels(self) -> set[str]:
        """Logins."""
        return {each.removeprefix("channel:") for each in self.entries if each.startswith("channel:")}

    def has(self, key: str, name: str = "") -> bool:
        """Whether a series is watched.

        :param key: ``site``, ``game:{id}`` or ``channel:{login}``
        :param name: of the category
        """
        return key in self.entries or (
            key.startswith("game:")
            and not self.games.isdisjoint({key.removeprefix("game:"), name.casefold()})
        )


@dataclass
class Viewers:
    """The viewers of a scope at its snapshots.

    :param instants: of the snapshots that count, in seconds since 1970
    :param series: viewers by instant, by ``site``, ``game:{id}`` or ``channel:{login}``
    :param names: of categories, by the key of their series
    :param everything: whether a category that is not in a snapshot had nobody; in a scope of top games it is
        not known
    """

    instants: list[int] = field(default_factory=list)
    series: dict[str, Samples] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    everything: bool = True

    @property
    def plausible(self) -> bool:
        """Whether these can be instants and numbers of viewers: what was kept may be damaged."""
        instants = {*self.instants}.union(*self.series.values())
        counts = chain.from_iterable(samples.values() for samples in self.series.values())
        return all(0 <= each < _LAST for each in instants) and all(each >= 0 for each in counts)

    def filled(self, watch: WatchList) -> Viewers:
        """Return it with nobody in each category that is missing from a snapshot of every stream.

        :param watch: whose categories these are; the others lose nothing by a gap
        """
        if self.everything:
            for key, samples in self.series.items():
                if key.startswith("game:") and watch.has(key, self.names.get(key, "")):
                    self.series[key] = dict.fromkeys(self.instants, 0) | samples
        return self


def recent(store: Store, keys: MetricsKeys, now: datetime, watch: WatchList) -> dict[str, Viewers]:
    """Return the viewers of what is watched in the last three hours, by scope.

    :param store: of the lake
    :param keys: of metrics
    :param now: aware UTC
    :param watch: what is watched
    :raises TwitchStoreError: the store failed
    """
    hour = now.replace(minute=0, second=0, microsecond=0) - RECENT
    hours = []
    while hour <= now:
        hours.append(hour)
        hour += _HOUR
    wanted = {name: [keys.table(TABLES[name], each) for each in hours] for name in _COLUMNS}
    return {scope: each.filled(watch) for scope, each in _read(store, wanted, watch, 0).items()}


def of_day(store: Store, keys: MetricsKeys, day: date, watch: WatchList) -> dict[str, Viewers]:
    """Return the viewers of a day that is over, by scope: as they were kept, if its tables have not changed.

    :param store: of the lake
    :param keys: of metrics
    :param day: UTC
    :param watch: what is watched
    :raises TwitchStoreError: the store failed
    """
    listed = {name: store.entries(keys.folder(name, day)) for name in _COLUMNS}
    if not listed["site_snapshot"]:
        return {}
    made_of = _made_of(listed.values())
    key = keys.watch("watch", day)
    there = store.read(key)
    known = None if there is None else read_json(there.body, _Day)
    if known is not None and known["made_of"] == made_of and watch.games <= {*known["games"]}:
        kept = {scope: _from_json(values) for scope, values in known["scopes"].items()}
        if all(each.plausible for each in kept.values()):
            return {scope: each.filled(watch) for scope, each in kept.items()}
    found = _read(store, {name: [each.key for each in listed[name]] for name in _COLUMNS}, watch, POOLED)
    values = {
        "form": _FORM,
        "made_of": made_of,
        "games": sorted(watch.games),
        "scopes": {scope: _to_json(each) for scope, each in found.items()},
    }
    write_json(store, key, values, there and there.etag)
    return {scope: each.filled(watch) for scope, each in found.items()}


def _made_of(listed: Iterable[Iterable[Entry]]) -> str:
    tags = [[each.key, each.etag] for entries in listed for each in entries]
    return hashlib.sha256(json.dumps(tags).encode(errors="replace")).hexdigest()


def read_json(body: bytes, kind: Any) -> Any:
    """Return what was kept; None if it cannot be read, or is of another form.

    :param body: of the object
    :param kind: what it has besides its form, as of :func:`.shapes.require_shape`
    """
    found = from_gzip(body, dict[str, Any])
    try:
        require_shape(found, kind)
    except TypeError:
        return None
    return found if found["form"] == _FORM else None


def write_json(store: Store, key: str, values: Mapping[str, Any], etag: str | None) -> bool:
    """Keep something that can be made again, unless another run has replaced it since.

    :param store: of the lake
    :param key: of the object
    :param values: to keep
    :param etag: of what was seen there
    :returns: whether it was written
    :raises TwitchStoreError: the store failed
    """
    body = gzip.compress(json.dumps({"form": _FORM, **values}, separators=(",", ":")).encode(), 6, mtime=0)
    return store.replace(key, body, content_type="application/gzip", metadata={}, etag=etag)


def _read(
    store: Store, keys: Mapping[str, Iterable[str]], watch: WatchList, pooled: int
) -> dict[str, Viewers]:
    """The viewers in some hours, as many of them as there are."""
    games = _table(
        store, "games_snapshot", keys["games_snapshot"], lambda rows: _chosen(rows, watch, 2 * pooled)
    )
    return _viewers(_table(store, "site_snapshot", keys["site_snapshot"]), _chosen(games, watch, pooled))


def _table(
    store: Store, name: str, keys: Iterable[str], choose: Callable[[pa.Table], pa.Table] = lambda rows: rows
) -> pa.Table:
    """The rows of some hours, of which each is reduced to those that may be needed: a day has a million."""
    empty = TABLES[name].schema.empty_table().select(_COLUMNS[name])
    pieces = [empty]
    for key in keys:
        body = store.get(key)
        if body is not None:
            rows = parquet.read_table(pa.BufferReader(body), columns=_COLUMNS[name], use_threads=False)
            pieces.append(choose(rows.cast(empty.schema)))
    return pa.concat_tables(pieces).combine_chunks()


def _chosen(rows: pa.Table, watch: WatchList, pooled: int) -> pa.Table:
    """The rows of the categories that are watched, and of those that have the most viewers, of each scope."""
    parts = [rows.slice(0, 0)]
    for scope in pc.unique(rows["scope"]):
        its = rows.filter(pc.equal(rows["scope"], scope))
        # By name, too, since older versions of Arrow know no largest text of a group.
        grouped = its.group_by(["game_id", "game_name"]).aggregate([("viewers", "sum")]).to_pylist()
        totals, chosen = Counter[str](), set[str]()
        for each in grouped:
            totals[each["game_id"]] += each["viewers_sum"]
            if watch.has(f"game:{each['game_id']}", each["game_name"] or ""):
                chosen.add(each["game_id"])
        chosen |= {game for game, _ in sorted(totals.items(), key=lambda each: (-each[1], each[0]))[:pooled]}
        chosen -= {""}
        parts.append(its.filter(pc.is_in(its["game_id"], pa.array(sorted(chosen), pa.string()))))
    return pa.concat_tables(parts)


def _viewers(site: pa.Table, games: pa.Table) -> dict[str, Viewers]:
    found = {}
    for scope in pc.unique(site["scope"]).to_pylist():
        its = site.filter(pc.equal(site["scope"], scope))
        rows = games.filter(pc.equal(games["scope"], scope))
        whole = Viewers(sorted(_seconds(its)), {"site": _samples(its)})
        whole.everything = rows["twitch_rank"].null_count == len(rows)
        for game in pc.unique(rows["game_id"]).to_pylist():
            of_game = rows.filter(pc.equal(rows["game_id"], game))
            whole.series[f"game:{game}"] = _samples(of_game)
            whole.names[f"game:{game}"] = max(filter(None, of_game["game_name"].to_pylist()), default="")
        found[scope] = whole
    return found


def _seconds(rows: pa.Table) -> list[int]:
    instants = rows["snapshot_at"].cast(pa.int64()).to_numpy() // 1_000_000
    found: list[int] = instants.astype(np.int64).tolist()
    return found


def _samples(rows: pa.Table) -> Samples:
    return dict(zip(_seconds(rows), rows["viewers"].to_pylist(), strict=True))


def _to_json(viewers: Viewers) -> dict[str, Any]:
    """Viewers in the order of the instants: they are written once."""
    return {
        "instants": viewers.instants,
        "series": {
            key: [samples.get(each) for each in viewers.instants] for key, samples in viewers.series.items()
        },
        "names": viewers.names,
        "everything": viewers.everything,
    }


def _from_json(values: Mapping[str, Any]) -> Viewers:
    instants = values["instants"]
    series = {
        # As long as the instants, or not plausible.
        key: {at: each for at, each in zip_longest(instants, column, fillvalue=-1) if each is not None}
        for key, column in values["series"].items()
    }
    return Viewers(instants, series, dict(values["names"]), values["everything"])
