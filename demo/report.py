# SPDX-License-Identifier: Apache-2.0
"""The printed summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.children import shown
from demo.settings import Lake, Twitch
from demo.summary import Snapshot


def introduce(twitch: Twitch, lake: Lake) -> RenderableType:
    """Return where the data come from and where they go."""
    if twitch.simulated:
        source = f"[yellow]a SIMULATED Twitch[/] on this machine: {twitch.simulated.world}"
    else:
        source = "the real Twitch"
    kind = "an S3 server on this machine; its objects are plain files in " if lake.endpoint_url else ""
    return f"[green]✓[/] Source: {source}\n[green]✓[/] Lake: {kind}{shown(lake.where(''))}"


def render(snapshots: Sequence[Snapshot], twitch: Twitch, tokens: int | None) -> RenderableType:
    """Return the summary of the runs, the newest one in full.

    :param snapshots: oldest first
    :param tokens: how many the runs fetched in all; None if that is not known
    """
    newest = snapshots[-1]
    return Group(_origin(twitch, newest), _games(newest), _notes(newest), Text(), _facts(snapshots, tokens))


def files(snapshots: Sequence[Snapshot], lake: Lake) -> Text:
    """Return the paths of the newest run's objects, each whole on a line, to be copied."""
    newest = snapshots[-1]
    keys = newest.keys

    def path(key: str) -> str:
        return f"  {escape(shown(lake.where(key)))}"

    lines = ["[bold]Ready to open[/] (of the newest run; the one before is beside it):"]
    lines += [path(keys.data(name)) for name in ("top_games", "top_streams")]
    if refused := [entry.key for entry in newest.manifest.objects if "/rejects/" in entry.key]:
        lines += ["[bold]Rejected rows, with the reason:[/]", *map(path, refused)]
    lines += ["[bold]The manifest, and the raw pages as Twitch sent them:[/]"]
    lines += [path(key) for key in (keys.manifest, keys.raw("top_games"))]
    return Text.from_markup("\n".join(lines))


def _origin(twitch: Twitch, newest: Snapshot) -> RenderableType:
    observed = f"{newest.manifest.first_answer_at:%Y-%m-%d %H:%M:%S} UTC"
    if twitch.simulated is None:
        return Panel(f"[bold]Live data from Twitch[/], observed at {observed}.", style="green", expand=False)
    return Panel(
        f"[bold]SIMULATED data[/], not what is live on Twitch: {twitch.simulated.world}.\n"
        f"Observed at {observed}, in simulated time.",
        style="yellow",
        expand=False,
    )


def _games(snapshot: Snapshot) -> Table:
    table = Table(title=f"Top {len(snapshot.games)} games, tick {_tick(snapshot)}", title_justify="left")
    for heading in ("rank", "game", "viewers", "share", "streams"):
        table.add_column(heading, justify="left" if heading == "game" else "right")
    for row in snapshot.games:
        # Text: a game's name may look like markup.
        table.add_row(
            row["rank"],
            Text(row["name"]),
            f"{int(row['viewers_seen']):,}",
            f"{float(row['viewers_share']):.2%}",
            f"{int(row['streams_seen']):,}{'+' if row['capped'] == 'true' else ''}",
        )
    return table


def _notes(snapshot: Snapshot) -> Text:
    """What the table's columns mean."""
    notes = ["rank is Twitch's order; viewers counts only the streams that were read"]
    if any(row["capped"] == "true" for row in snapshot.games):
        notes.append("+ there are more streams: raise the DAG's pages_per_game to read them")
    return Text("\n".join(notes), style="dim")


def _facts(snapshots: Sequence[Snapshot], tokens: int | None) -> Table:
    """The figures, with a column for each run."""
    table = Table.grid(padding=(0, 3))
    table.add_row("", *(f"[bold]tick {_tick(snapshot)}[/]" for snapshot in snapshots))

    def fact(name: str, value: Callable[[Snapshot], object]) -> None:
        table.add_row(name, *(Text(str(value(snapshot))) for snapshot in snapshots))

    fact("streams", lambda snapshot: f"{len(snapshot.streams):,}")
    fact("viewers", lambda snapshot: f"{snapshot.viewers:,}")
    fact("languages", _languages)
    fact("marked mature", lambda snapshot: f"{snapshot.mature:,}")
    fact("rows from Twitch", lambda snapshot: f"{snapshot.total('rows_in'):,} (streams and games)")
    fact("  published", lambda snapshot: f"{snapshot.total('rows_out'):,}")
    fact("  duplicates", lambda snapshot: f"{snapshot.total('duplicates'):,}")
    fact("  filtered out", lambda snapshot: _by_reason(snapshot.total("filtered"), snapshot.filtered))
    fact("  rejected", lambda snapshot: _by_reason(snapshot.total("rejects"), snapshot.rejected))
    fact("requests", lambda snapshot: snapshot.manifest.requests)
    if tokens is not None:
        table.add_row("tokens fetched", f"{tokens} for all runs")
    fact("previous snapshot", _gap)
    return table


def _languages(snapshot: Snapshot) -> str:
    found = snapshot.languages
    frequent = ", ".join(f"{name} {count}" for name, count in found[:3])
    return f"{len(found)} ({frequent}{', …' if found[3:] else ''})"


def _by_reason(count: int, reasons: Sequence[tuple[str, int]]) -> str:
    return "\n".join([f"{count:,}", *(f"{many}: {reason}" for reason, many in reasons)])


def _gap(snapshot: Snapshot) -> str:
    previous = snapshot.manifest.previous
    if previous is None:
        return "none: this is the first"
    return f"{previous.gap_seconds} s before" + (" (one is missing)" if snapshot.manifest.missed else "")


def _tick(snapshot: Snapshot) -> str:
    return f"{snapshot.keys.run_after:%Y-%m-%d %H:%M} UTC"
