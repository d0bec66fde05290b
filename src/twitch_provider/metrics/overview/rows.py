# SPDX-License-Identifier: Apache-2.0
"""The tables of one scope, from what the queries found: quotients and comparisons, which are never stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from twitch_provider.metrics.movers import Basis, Mover, movers
from twitch_provider.metrics.overview.digest import Digest, Row, quotient, value
from twitch_provider.metrics.overview.schema import DAYS, names, table

Json = dict[str, Any]

#: What has fewer viewers than this share of all, or than :data:`FEWEST`, is not among the movers.
FLOORS = {"games": 0.001, "languages": 0.001, "channels": 0.0001}
FEWEST = 20


@dataclass
class Found:
    """What the queries found of one scope: rows by column.

    :param newest: the hour of the newest published snapshot that counts, aware UTC
    :param listed: whether only listed games are covered
    :param covered: seconds by hour, aware UTC
    :param whole: the newest hour before that is whole; None where none is
    :param basis: of the movers
    :param hours: concentration by hour, aware UTC
    :param site: sums of the 24 hours by part, and of the hours that are usual
    :param rankings: the first of each entity
    :param now: the newest snapshot's rows by key, of ``games`` and ``languages``
    :param live: its channels by user
    :param mature: how many of its streams are marked mature; None where they could not be read
    :param top_channels: its first three channels, by category
    :param top_languages: its first three languages, by category
    :param snapshots: of the 24 hours
    :param compared: sums of the hour that is compared and of those that are usual, by entity
    """

    newest: datetime
    listed: bool
    covered: dict[datetime, int] = field(default_factory=dict)
    whole: datetime | None = None
    basis: Basis | None = None
    hours: dict[datetime, Json] = field(default_factory=dict)
    site: dict[str, Json] = field(default_factory=dict)
    rankings: dict[str, list[Json]] = field(default_factory=dict)
    now: dict[str, dict[str, Json]] = field(default_factory=dict)
    live: dict[str, Json] = field(default_factory=dict)
    mature: int | None = None
    top_channels: dict[str, list[Json]] = field(default_factory=dict)
    top_languages: dict[str, list[Json]] = field(default_factory=dict)
    snapshots: list[Json] = field(default_factory=list)
    compared: dict[str, list[Json]] = field(default_factory=dict)


def ratio(above: float | None, below: float | None) -> float | None:
    """Return a quotient to four digits; None where there is nothing to divide by, or nothing is known.

    :param above: dividend
    :param below: divisor
    """
    return None if above is None or not below else quotient(above / below)


def games(found: Found, days: list[Digest | None]) -> Json:
    """Return the table ``games``.

    :param found: of the scope
    :param days: of the 30 days before today, the oldest first
    """
    rows = []
    for row in found.rankings.get("games", ()):
        key = row["game_id"]
        more = {
            "capped_share": ratio(row["capped_samples"], row["samples"]),
            "days": _days(key, days),
            "top_channels": [
                [each["user_login"], each["user_name"], each["language"], each["viewers"]]
                for each in found.top_channels.get(key, ())
            ],
            "languages": [[each["language"], each["viewers"]] for each in found.top_languages.get(key, ())],
        }
        rows.append(
            _row("games", row | _now(found, "games", key) | more | _changes(found, row, listed=found.listed))
        )
    return table("games", rows)


def languages(found: Found) -> Json:
    """Return the table ``languages``.

    :param found: of the scope
    """
    return table(
        "languages",
        [
            _row("languages", row | _now(found, "languages", row["language"]) | _changes(found, row))
            for row in found.rankings.get("languages", ())
        ],
    )


def channels(found: Found) -> Json:
    """Return the table ``channels``.

    :param found: of the scope
    """
    absent = dict.fromkeys(("game_name", "language", "title", "viewers"))
    return table(
        "channels",
        [
            _row("channels", row | absent | found.live.get(row["user_id"], {}) | _changes(found, row))
            for row in found.rankings.get("channels", ())
        ],
    )


def snapshots(found: Found, seconds: Mapping[datetime, int]) -> Json:
    """Return the table ``snapshots``.

    :param found: of the scope
    :param seconds: that each counts for, by its instant, aware UTC
    """
    return table(
        "snapshots",
        [
            _row(
                "snapshots",
                row
                | {
                    "at": row["snapshot_at"],
                    "seconds": seconds.get(row["snapshot_at"].replace(tzinfo=UTC), 0),
                },
            )
            for row in found.snapshots
        ],
    )


def heat_map(hours: Iterable[Row]) -> Json:
    """Return the table ``heat_map``.

    :param hours: rows of the table ``hours``
    """
    columns = names("hours")
    sums: dict[tuple[int, int], list[int]] = {}
    for row in hours:
        known = dict(zip(columns, row, strict=True))
        if known["covered_seconds"]:
            hour = datetime.fromtimestamp(known["hour"], UTC)
            cell = sums.setdefault((hour.weekday(), hour.hour), [0, 0, 0, 0])
            of_hour = (known["viewer_seconds"], known["airtime_seconds"], known["covered_seconds"], 1)
            cell[:] = [before + more for before, more in zip(cell, of_hour, strict=True)]
    return table(
        "heat_map",
        [
            [*cell, ratio(watched, covered), ratio(airtime, covered), ratio(watched, airtime), count]
            for cell, (watched, airtime, covered, count) in sorted(sums.items())
        ],
    )


def concentration(found: Found | None) -> Json | None:
    """Return the section ``concentration``; None where no hour is whole.

    :param found: of the scope
    """
    if found is None or found.whole not in found.hours:
        return None
    row = found.hours[found.whole]
    return {
        "top10_share": ratio(row["top10_viewer_seconds"], row["viewer_seconds"]),
        "gini": value(row["gini"]),
        "hour": value(row["hour"]),
    }


def movers_of(found: Found) -> Json:
    """Return the section ``movers``.

    :param found: of the scope
    """
    basis = found.basis
    if basis is None:
        return no_movers()
    seconds = {
        part: sum(found.covered.get(hour, 0) for hour in hours)
        for part, hours in (("now", [basis.hour] if basis.hour else []), ("usual", basis.usual))
    }
    if not seconds["usual"] or (basis.hour and not seconds["now"]):
        return no_movers()  # The hour was left out: everything would seem to be new, or gone.
    section: Json = {"basis": basis.sentence, "hour": basis.hour and round(basis.hour.timestamp())}
    for kind, share in FLOORS.items():
        averages, labels = _averages(found, kind, seconds)
        if basis.hour is None:
            newest = _newest(found, kind)
            averages["now"] = {key: each["viewers"] for key, each in newest.items()}
            labels |= {key: each["name"] for key, each in newest.items()}
        floor = max(FEWEST, share * _average(found.site.get("usual")))
        # Where only listed games are read, nothing is known of what is missing on one side.
        sides = movers(averages["now"], averages["usual"], floor, absent=not found.listed)
        section[kind] = {"floor": quotient(floor)}
        for side, each_side in zip(("gaining", "losing"), sides, strict=True):
            section[kind][side] = table("movers", [_mover(each, labels) for each in each_side])
    return section


def no_movers() -> Json:
    """Return the section ``movers`` where there is nothing to compare with."""
    sides = {side: table("movers", []) for side in ("gaining", "losing")}
    return {"basis": None, "hour": None, **{kind: {"floor": 0, **sides} for kind in FLOORS}}


def _average(site: Json | None) -> float:
    return site["viewer_seconds"] / site["covered_seconds"] if site and site["covered_seconds"] else 0


def _averages(
    found: Found, kind: str, seconds: Mapping[str, int]
) -> tuple[dict[str, dict[str, float]], dict[str, str | None]]:
    """Average viewers of the hour and of those that are usual, and names, by key."""
    averages: dict[str, dict[str, float]] = {"now": {}, "usual": {}}
    labels: dict[str, str | None] = {}
    for row in sorted(found.compared.get(kind, ()), key=lambda row: str(row["part"]), reverse=True):
        own = found.listed and kind == "games"
        covered = row["covered_seconds"] if own else seconds[row["part"]]
        if covered:
            averages[row["part"]][row["key"]] = row["viewer_seconds"] / covered
        labels[row["key"]] = row["name"] or labels.get(row["key"])
    return averages, labels


def _newest(found: Found, kind: str) -> Mapping[str, Json]:
    """What the newest snapshot holds, with names."""
    if kind == "channels":
        return {key: {**row, "name": row["user_name"]} for key, row in found.live.items()}
    return {
        key: {**row, "name": row.get("game_name") if kind == "games" else key}
        for key, row in found.now.get(kind, {}).items()
    }


def _mover(each: Mover, labels: Mapping[str, str | None]) -> Row:
    change = None if each.change is None else quotient(each.change)
    return [each.key, labels.get(each.key), quotient(each.viewers), quotient(each.usual), change]


def _now(found: Found, entity: str, key: str) -> Json:
    row = found.now.get(entity, {}).get(key, {})
    return {"viewers": row.get("viewers", 0), "channels": row.get("channels", 0)}


def _changes(found: Found, row: Json, *, listed: bool = False) -> Json:
    """Share, and what is compared with the 24 hours before."""
    now, before = found.site["now"], found.site.get("before", {})
    covered, covered_before = now["covered_seconds"], before.get("covered_seconds")
    if listed:
        covered, covered_before = row["covered_seconds"], row["covered_seconds_before"]
    watched, watched_before = row["viewer_seconds"], row["viewer_seconds_before"]
    growth = None
    if watched_before and covered and covered_before:
        growth = quotient(watched * covered_before / (watched_before * covered) - 1)
    rank_before = row["rank_before"]
    return {
        "share": ratio(watched, now["viewer_seconds"]),
        "rank_change": None if rank_before is None else rank_before - row["rank"],
        "growth": growth,
    }


def _days(key: str, days: Iterable[Digest | None]) -> list[int | None] | None:
    """Hours watched of each day; None where no day knows the category."""
    watched = [None if day is None else day.games.get(key, 0) for day in days]
    if not any(watched):
        return None
    return [None if each is None else round(quotient(each / 3600)) for each in watched]


def _row(name: str, row: Json) -> Row:
    return [value(row[column]) for column in names(name)]


def of_days(today: date) -> list[date]:
    """Return the 30 days before today, the oldest first.

    :param today: UTC
    """
    return [today - timedelta(days=number) for number in range(DAYS, 0, -1)]
