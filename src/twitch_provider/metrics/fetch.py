# SPDX-License-Identifier: Apache-2.0
"""Tables of the lake to files of this machine, which are as their manifests say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from twitch_provider.exceptions import TwitchDataError
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.store import Store
from twitch_provider.metrics.engine import LocalTable
from twitch_provider.metrics.snapshots import Snapshot


def fetch_streams(store: Store, snapshots: Iterable[Snapshot], folder: Path) -> list[LocalTable]:
    """Write the streams of snapshots into a folder.

    :param store: of the lake
    :param snapshots: whose tables are needed
    :param folder: a temporary one
    :raises TwitchDataError: a table is missing, or is not as its manifest says
    :raises TwitchStoreError: the store failed
    """
    return [LocalTable(each.dataset, _file(store, each, each.table, folder)) for each in snapshots]


def fetch_games(store: Store, snapshots: Iterable[Snapshot], folder: Path) -> list[LocalTable]:
    """Write the games of snapshots into a folder, where their runs have such a table.

    :param store: of the lake
    :param snapshots: whose tables are needed
    :param folder: a temporary one
    :raises TwitchDataError: a table is missing, or is not as its manifest says
    :raises TwitchStoreError: the store failed
    """
    with_games = [(each, each.games) for each in snapshots if each.games is not None]
    return [LocalTable(each.dataset, _file(store, each, games, folder)) for each, games in with_games]


def _file(store: Store, snapshot: Snapshot, entry: ObjectEntry, folder: Path) -> Path:
    name = hashlib.sha256(entry.key.encode(errors="replace")).hexdigest()[:16]
    path = folder / f"{name}_{entry.key.rpartition('/')[2]}"
    if not path.exists():
        path.write_bytes(_checked(store, snapshot, entry))
    return path


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
