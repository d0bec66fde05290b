# SPDX-License-Identifier: Apache-2.0
"""What one snapshot holds, the newest: a dashboard of the moment, as the report shows it."""

from __future__ import annotations

from typing import Any

from twitch_provider.metrics.overview.rows import Found
from twitch_provider.metrics.overview.schema import (
    SNAPSHOT_CHANNELS,
    SNAPSHOT_GAMES,
    SNAPSHOT_LANGUAGES,
    names,
    table,
)

Json = dict[str, Any]


def snapshot(found: Found | None) -> Json | None:
    """Return the section ``snapshot``; None where the streams of the newest snapshot could not be read.

    :param found: of the scope
    """
    if found is None or found.mature is None:
        return None
    games, languages = (found.now.get(entity, {}) for entity in ("games", "languages"))
    return {
        "languages": sum(language != "" for language in languages),
        "mature": found.mature,
        "games": _first("snapshot_games", games, "game_id", "viewers", SNAPSHOT_GAMES),
        "by_language": _first("snapshot_languages", languages, "language", "streams", SNAPSHOT_LANGUAGES),
        "channels": _first("snapshot_channels", found.live, "user_id", "viewers", SNAPSHOT_CHANNELS),
    }


def _first(name: str, rows: dict[str, Json], key: str, measure: str, most: int) -> Json:
    """Return the first rows by a measure, ties by their keys."""
    first = sorted(rows.items(), key=lambda item: (-item[1][measure], item[0]))[:most]
    return table(name, [[(row | {key: value})[column] for column in names(name)] for value, row in first])
