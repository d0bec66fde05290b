# SPDX-License-Identifier: Apache-2.0
"""Snapshots built again from ``raw/``, also by an Airflow that has no such runs in its history.

All that a run publishes is a function of its raw object, which says whose it is. So a snapshot is built here
under the name of the run that asked Twitch, with the same keys and bytes, and Twitch is not asked: what is
live now is not what was live then.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from twitch_provider.compat import AirflowSkipException
from twitch_provider.config import LakeConfig
from twitch_provider.exceptions import (
    TwitchError,
    TwitchParameterError,
    TwitchRawObjectError,
    TwitchStoreError,
)
from twitch_provider.pipelines.run import Run, open_store, tick

if TYPE_CHECKING:
    from twitch_provider.lake.extract import Extract
    from twitch_provider.lake.store import Entry, Store

log = logging.getLogger(__name__)

#: The datasets of the reference DAGs, by the names of their raw objects.
TOP_GAMES, ALL_STREAMS = "top_games", "all_streams"

_RAW = re.compile(r"/pages_(?P<tick>\d{8}T\d{6}Z)(_[0-9a-f]{8})?\.jsonl\.gz")


@dataclass
class Rebuilt:
    """What became of the raw objects of a day.

    :param built: snapshots that were published
    :param whole: those whose manifest and objects lie there already
    :param left: why the others could not be built, by the address of the raw object
    """

    built: int
    whole: int
    left: dict[str, str]


def days_to_rebuild(context: Mapping[str, Any]) -> list[str]:
    """Return the days to look at: those of the params, else today.

    :param context: of the task; its params have ``first_day`` and ``last_day``
    :raises TwitchParameterError: a param is not a date, or they are not in order
    """
    from twitch_provider.pipelines import metrics

    first, last = metrics.days_of_params(context)
    last = last or (first or tick(context["dag_run"]).astimezone(UTC).date())
    first = first or last
    if first > last:
        raise TwitchParameterError(
            f"first_day must not be after last_day: {first} and {last}", parameter="first_day"
        )
    return metrics.days_between(first, last)


def rebuild_day(context: Mapping[str, Any], day: str) -> dict[str, int]:
    """Build the snapshots of a day that are not whole, of one dataset.

    :param context: of the task; its params have ``bucket``, ``prefix``, ``dataset`` and ``every``
    :param day: such as ``2026-11-23``, UTC
    :returns: how many were built, and how many were whole already
    :raises AirflowSkipException: the day has no raw object
    :raises TwitchRawObjectError: some cannot be built; the others are
    :raises TwitchStoreError: the store failed
    """
    params = context["params"]
    config = LakeConfig.resolve(params["bucket"], params["prefix"])
    dataset, store = params["dataset"], open_store(config)
    rebuilt = rebuild(store, config.prefix, dataset, date.fromisoformat(day), every=params["every"])
    if not rebuilt.built and not rebuilt.whole and not rebuilt.left:
        raise AirflowSkipException(f"There are no raw objects of {dataset} of {day}.")
    log.info("%s of %s: built %d, whole already %d.", dataset, day, rebuilt.built, rebuilt.whole)
    for reason in rebuilt.left.values():
        log.error("%s", reason)
    if rebuilt.left:
        first = next(iter(rebuilt.left.values()))
        raise TwitchRawObjectError(f"{len(rebuilt.left)} raw objects of {day} cannot be rebuilt: {first}")
    return {"built": rebuilt.built, "whole": rebuilt.whole}


def rebuild(store: Store, prefix: str, dataset: str, day: date, *, every: bool = False) -> Rebuilt:
    """Build the snapshots of a day from their raw objects, in the order of their ticks.

    :param store: of the lake
    :param prefix: of the lake in the bucket
    :param dataset: :data:`TOP_GAMES` or :data:`ALL_STREAMS`
    :param day: UTC
    :param every: also those whose manifest and objects lie there already
    :raises TwitchStoreError: the store failed
    """
    rebuilt = Rebuilt(0, 0, {})
    for key, run_after in _raw_objects(store, prefix, dataset, day):
        try:
            extracted = _read(store, key, dataset)
            run = _run_of(store, prefix, extracted, run_after)
            if not every and _is_whole(run, extracted):
                rebuilt.whole += 1
                continue
            _publish(run, dataset, extracted)
        except TwitchStoreError:
            raise
        except TwitchError as error:
            rebuilt.left[store.uri(key)] = str(error)
        else:
            rebuilt.built += 1
    return rebuilt


def _raw_objects(store: Store, prefix: str, dataset: str, day: date) -> Iterator[tuple[str, datetime]]:
    """The raw object of each tick: the complete one, else any that was cut short: all name the run."""
    found: dict[str, str] = {}
    root = f"{prefix.strip('/')}/".lstrip("/")
    for folder in ("incomplete/raw", "raw"):  # the second overrides the first
        for key in store.list(f"{root}{folder}/{dataset}/dt={day.isoformat()}/"):
            if match := _RAW.search(key):
                found[match["tick"]] = key
    for name, key in sorted(found.items()):
        yield key, datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _read(store: Store, key: str, dataset: str) -> Extract:
    from twitch_provider.lake import extract

    extracted = extract.read(store, key, dataset)
    if extracted is None:
        raise TwitchRawObjectError(f"{store.uri(key)} has been deleted meanwhile.")
    return extracted


def _run_of(store: Store, prefix: str, extracted: Extract, run_after: datetime) -> Run:
    """The run that asked Twitch, as its raw object says. No further request may be made for it."""
    from twitch_provider.lake.keys import SnapshotKeys

    owner = extracted.header.owner
    return Run(
        store=store,
        keys=SnapshotKeys(prefix, owner.dag_id, run_after),
        owner=owner,
        run_type=extracted.header.run_type,
        refused="it is rebuilt from its raw object",
    )


def _is_whole(run: Run, extracted: Extract) -> bool:
    """Whether the manifest lies there, and all that it lists, with its size."""
    from twitch_provider.lake.manifest import published

    manifest = published(run.store, run.keys)
    if manifest is None:
        return False
    listed = [entry for entry in manifest.objects if entry.kind != "raw"]
    sizes: dict[str, int] = {}
    for folder in {entry.key.rpartition("/")[0] for entry in listed}:
        entries: list[Entry] = [*run.store.entries(f"{folder}/")]
        sizes |= {entry.key: entry.size for entry in entries}
    there = all(sizes.get(entry.key) == entry.bytes for entry in listed)
    # A crawl that was cut short may have been followed by a complete one.
    return there and (manifest.complete or extracted.header.cut_short)


def _publish(run: Run, dataset: str, extracted: Extract) -> None:
    from twitch_provider.pipelines import all_streams, snapshot
    from twitch_provider.pipelines.top_games import TopGames

    if dataset == ALL_STREAMS:
        all_streams.rebuild(run, dataset)
    else:
        snapshot.load(run, extracted, snapshot.transform(run, TopGames(), extracted))
