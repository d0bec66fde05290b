# SPDX-License-Identifier: Apache-2.0
"""The metrics of an hour, read back from their Parquet and printed."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from demo.children import shown
from demo.errors import DemoError
from demo.settings import INTERVAL, PLAYED, Lake
from twitch_provider.metrics.keys import LENGTHS, MetricsKeys
from twitch_provider.metrics.manifest import MetricsManifest

Row = dict[str, Any]

GAMES = 8
_READ = ("clock", "site_hour", "games_hour", "games_snapshot")


@dataclass(frozen=True)
class Hour:
    """The metrics of one hour and its only scope.

    :param begin: of the hour (aware)
    :param keys: of the objects that were read, by table
    :param tables: their rows, each table in the order of its key
    """

    begin: datetime
    keys: Mapping[str, str]
    tables: Mapping[str, list[Row]]

    @property
    def site(self) -> Row:
        """The hour of everything that was live."""
        return self.tables["site_hour"][0]

    @property
    def coverage(self) -> float:
        """The share of the hour that snapshots count for."""
        return float(self.site["covered_seconds"] / LENGTHS["hour"].total_seconds())

    @property
    def missing(self) -> int:
        """Ticks that were due in the hour and have no snapshot."""
        return LENGTHS["hour"] // INTERVAL - len(self.tables["clock"])

    @property
    def late(self) -> int:
        """Snapshots that came late."""
        return sum(row["late"] for row in self.tables["clock"])

    @property
    def games(self) -> list[Row]:
        """The most watched categories, each with its viewers in the first sample and in the last."""
        snapshots = self.tables["games_snapshot"]
        instants = [row["snapshot_at"] for row in snapshots]

        def viewers(instant: datetime) -> dict[str, int]:
            return {row["game_id"]: row["viewers"] for row in snapshots if row["snapshot_at"] == instant}

        first, last = viewers(min(instants)), viewers(max(instants))
        games = sorted(self.tables["games_hour"], key=lambda row: row["rank"])[:GAMES]
        ends = [(first.get(row["game_id"], 0), last.get(row["game_id"], 0)) for row in games]
        return [row | {"first": one, "last": two} for row, (one, two) in zip(games, ends, strict=True)]


def read_hour(get: Callable[[str], bytes | None], hour: datetime) -> Hour:
    """Read the metrics of an hour that was played.

    :param get: returns the bytes of a key, or None if it does not exist
    :param hour: its beginning (aware)
    :raises DemoError: nothing was published, or a table that the manifest lists is missing
    """
    from pyarrow import parquet

    def fetch(key: str) -> bytes:
        body = get(key)
        if body is None:
            raise DemoError(f"No metrics were published for {hour:%H:%M} UTC: {key} is missing.")
        return body

    manifest = MetricsManifest.from_json(fetch(MetricsKeys(PLAYED).manifest("hour", hour)))
    keys = {each.table: each.key for each in manifest.objects}
    tables = {name: parquet.read_table(io.BytesIO(fetch(keys[name]))).to_pylist() for name in _READ}
    return Hour(hour, keys, tables)


def render_hour(hour: Hour) -> RenderableType:
    """Return the figures of an hour.

    :param hour: as read
    """
    note = Text("viewers and change: from the first sample of the hour to its last", style="dim")
    return Group(_games(hour), note, Text(), _facts(hour))


def hour_files(hour: Hour, lake: Lake) -> Text:
    """Return the paths of two of the hour's tables and of all of them, and how to query them.

    Each is whole on a line, to be copied.

    :param hour: as read
    :param lake: where they lie
    """
    keys = [hour.keys["games_hour"], hour.keys["channels_hour"], f"{PLAYED}/metrics/"]
    paths = [f"  {escape(shown(lake.where(key)))}" for key in keys]
    root = escape(shown(lake.where(PLAYED)))
    return Text.from_markup(
        "\n".join(
            [
                "[bold]Its Parquet[/] (two tables, and the folder of all):",
                *paths,
                "[bold]Ask it[/] (docs/howto/duckdb.md, and ten questions in docs/howto/analyse.md):",
                f"  .venv/bin/python -m twitch_provider.metrics.ddl {root} --duckdb > metrics.sql",
            ]
        )
    )


def report_file(hour: datetime, lake: Lake) -> Text:
    """Return where the report of an hour that was played lies; the path alone on the last line.

    :param hour: its beginning (aware)
    :param lake: where it lies
    """
    path = escape(shown(lake.where(MetricsKeys(PLAYED).report(hour.date()))))
    return Text.from_markup(
        f"[bold]The hour as a report[/] (open it in a browser; it needs no network):\n{path}"
    )


def _games(hour: Hour) -> Table:
    title = f"SIMULATED: games by hours watched, {hour.begin:%Y-%m-%d %H:%M} UTC, one hour"
    table = Table(title=title, title_justify="left")
    for heading in ("rank", "game", "hours watched", "share", "viewers", "change"):
        table.add_column(heading, justify="left" if heading == "game" else "right")
    total = hour.site["viewer_seconds"]
    for row in hour.games:
        first, last = row["first"], row["last"]
        table.add_row(
            str(row["rank"]),
            Text(row["game_name"] or "(no category)"),
            f"{row['viewer_seconds'] / 3600:,.0f}",
            f"{row['viewer_seconds'] / total:.2%}",
            f"{first:,} → {last:,}",
            f"{last / first - 1:+.1%}" if first else "new",
        )
    return table


def _facts(hour: Hour) -> Table:
    site = hour.site
    coverage = (
        f"{hour.coverage:.1%}: {site['samples']} snapshots, {hour.missing} ticks missing, {hour.late} late; "
        f"{site['missing_seconds']} s are not covered, and nothing is filled"
    )
    table = Table.grid(padding=(0, 3))
    for name, value in (
        ("hours watched", f"{site['viewer_seconds'] / 3600:,.0f}, in the time that snapshots cover"),
        ("average viewers", f"{site['viewer_seconds'] / site['covered_seconds']:,.0f}"),
        ("peak of the samples", f"{site['peak_viewers']:,} at {site['peak_at']:%H:%M:%S}"),
        ("channels", f"{site['unique_channels']:,}; {site['new_streams']:,} broadcasts began"),
        ("coverage", coverage),
    ):
        table.add_row(name, Text(value))
    return table
