# SPDX-License-Identifier: Apache-2.0
"""Tables of the lake to files of this machine, which are as their manifests say."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from twitch_provider.exceptions import TwitchConfigError, TwitchDataError
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.store import Store
from twitch_provider.metrics.engine import Engine, LocalTable
from twitch_provider.metrics.snapshots import Snapshot


def fetch_streams(store: Store, snapshots: Iterable[Snapshot], folder: Path) -> list[LocalTable]:
    """Write the streams of snapshots into a folder.

    :param store: of the lake
    :param snapshots: whose tables are needed
    :param folder: a temporary one
    :raises TwitchDataError: a table is missing, or is not as its manifest says
    :raises TwitchConfigError: the disk is full
    :raises TwitchStoreError: the store failed
    """
    return [LocalTable(each.dataset, _file(store, each, each.table, folder)) for each in snapshots]


def fetch_games(store: Store, snapshots: Iterable[Snapshot], folder: Path) -> list[LocalTable]:
    """Write the games of snapshots into a folder, where their runs have such a table.

    :param store: of the lake
    :param snapshots: whose tables are needed
    :param folder: a temporary one
    :raises TwitchDataError: a table is missing, or is not as its manifest says
    :raises TwitchConfigError: the disk is full
    :raises TwitchStoreError: the store failed
    """
    with_games = [(each, each.games) for each in snapshots if each.games is not None]
    return [LocalTable(each.dataset, _file(store, each, games, folder)) for each, games in with_games]


def require_rows(store: Store, engine: Engine, snapshots: Iterable[Snapshot]) -> None:
    """Check that an engine has read all rows of snapshots, each under its tick.

    :param store: of the lake
    :param engine: that has loaded them
    :param snapshots: whose tables it has loaded
    :raises TwitchDataError: a table has another number of rows than its manifest says
    """
    counted = {name: _count(engine, name) for name in ("streams", "games")}
    for each in snapshots:
        for name, entry in (("streams", each.table), ("games", each.games)):
            found = counted[name].get((each.dataset, each.run_after), 0)
            if entry is not None and found != entry.rows:
                raise TwitchDataError(
                    f"{store.uri(entry.key)} has {found:,} rows of its tick, not the {entry.rows:,} of "
                    f"{store.uri(each.manifest)}: clear the run {each.run_id} of {each.dag_id} to write "
                    "it again."
                )


def _count(engine: Engine, name: str) -> dict[tuple[str, datetime], int]:
    sql = f"SELECT dataset, run_after, COUNT(*) FROM {name} GROUP BY dataset, run_after"  # noqa: S608
    columns = [column.to_pylist() for column in engine.select(sql, {}, name).columns]
    return {(dataset, tick.replace(tzinfo=UTC)): rows for dataset, tick, rows in zip(*columns, strict=True)}


def _file(store: Store, snapshot: Snapshot, entry: ObjectEntry, folder: Path) -> Path:
    name = hashlib.sha256(entry.key.encode(errors="replace")).hexdigest()[:16]
    path = folder / f"{name}_{entry.key.rpartition('/')[2]}"
    if not path.exists():
        write_file(path, _checked(store, snapshot, entry))
    return path


def write_file(path: Path, body: bytes) -> None:
    """Write an object of the lake into a temporary folder.

    :param path: of the file
    :param body: its bytes
    :raises TwitchConfigError: the disk is full
    :raises OSError: it cannot be written for another reason
    """
    try:
        path.write_bytes(body)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise TwitchConfigError(
            f"{path.name} of {len(body):,} bytes needs more disk space than this worker has left."
        ) from None


def _checked(store: Store, snapshot: Snapshot, entry: ObjectEntry) -> bytes:
    body = store.get(entry.key)
    if body is None:
        raise TwitchDataError(
            f"{store.uri(entry.key)} does not exist, though {store.uri(snapshot.manifest)} lists it: it may "
            "have expired."
        )
    if hashlib.sha256(body).hexdigest() != entry.sha256:
        raise TwitchDataError(
            f"{store.uri(entry.key)} is not as {store.uri(snapshot.manifest)} says (sha256): clear the run "
            f"{snapshot.run_id} of {snapshot.dag_id} to write it again."
        )
    return body
