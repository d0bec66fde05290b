# SPDX-License-Identifier: Apache-2.0
"""What each metric means, once: its unit, formula, source, and what it is not.

Column comments, DDL, pages and documentation come from here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """One metric, or one column that tells rows apart.

    :param name: as a column is called
    :param unit: of its values; empty for names and keys
    :param formula: what it is
    :param source: where it comes from
    :param is_not: what it must not be taken for; may be empty
    """

    name: str
    unit: str
    formula: str
    source: str = "snapshots"
    is_not: str = ""

    @property
    def comment(self) -> str:
        """All of it in a line."""
        unit = f" In {self.unit}." if self.unit else ""
        is_not = f" Not {self.is_not}." if self.is_not else ""
        return f"{self.formula}.{unit}{is_not}"


_FLOOR = "a total where samples were capped: then a minimum"
_LAG = "free of Twitch's lag: it lists ended broadcasts some minutes longer"

_ALL = (
    # What tells rows apart.
    Definition("scope", "", "The series: dataset and, as JSON, what Twitch was asked for", "manifest"),
    Definition("dataset", "", "The table of streams", "manifest"),
    Definition("run_after", "", "The tick of the run", "manifest"),
    Definition("run_id", "", "Airflow's name of the run", "manifest"),
    Definition("instant", "", "When Twitch answered first, in whole seconds", "manifest", "the tick"),
    Definition("snapshot_at", "", "The instant of the snapshot", "manifest", "the rows' own snapshot_at"),
    Definition("hour", "", "Beginning of the hour in UTC", "clock"),
    Definition("day", "", "The day in UTC", "clock"),
    Definition("game_id", "", "The category; empty where none is set"),
    Definition("game_name", "", "The category's newest name"),
    Definition("language", "", "The broadcast's language; may be empty"),
    Definition("user_id", "", "The broadcaster"),
    Definition("user_login", "", "The broadcaster's newest login name"),
    Definition("user_name", "", "The broadcaster's newest display name"),
    Definition("id", "", "The broadcast"),
    Definition("tag", "", "A tag of the broadcaster, as written"),
    # The clock.
    Definition(
        "status",
        "",
        "counted, incomplete, gated, or doubled: another snapshot counts at this instant",
        "gates",
    ),
    Definition("reason", "", "Why a gate closed", "gates"),
    Definition(
        "seconds",
        "s",
        "How long the snapshot counts: to the next that counts, at most two intervals; 0 for the newest",
        "clock",
    ),
    Definition("late", "", "Whether Twitch answered more than 60 s after the tick", "manifest"),
    Definition(
        "covered_seconds",
        "s",
        "Time for which snapshots count; of a category in a scope of top games, those that list it",
        "clock",
        "less where one tick of a five-minute grid is missing: two intervals are covered",
    ),
    Definition("missing_seconds", "s", "Time for which no snapshot counts", "clock"),
    # Sums: when it was watched.
    Definition(
        "viewer_seconds",
        "viewer-seconds",
        "Sum of viewers by the seconds that they are counted for; 3,600 of them are an hour watched",
        is_not=f"unique viewers; {_FLOOR}; {_LAG}",
    ),
    Definition("airtime_seconds", "s", "Sum of the seconds of each broadcast", is_not=_LAG),
    # Samples: at an instant.
    Definition("viewers", "viewers", "Concurrent viewers at the instant", is_not=_FLOOR),
    Definition("streams", "broadcasts", "Live broadcasts at the instant", is_not=_FLOOR),
    Definition("channels", "channels", "Channels that were live", is_not=_FLOOR),
    Definition("samples", "snapshots", "Snapshots with an instant in the period that have it"),
    Definition("capped", "", "Whether there were more streams than were read: totals are minimums"),
    Definition("capped_samples", "snapshots", "Samples in which there were more streams than were read"),
    Definition(
        "peak_viewers",
        "viewers",
        "Most concurrent viewers of a sample; empty without samples",
        is_not="the peak between samples",
    ),
    Definition("peak_at", "", "Instant of the earliest sample with the peak"),
    Definition("unique_channels", "channels", "Distinct channels in the samples", is_not=_FLOOR),
    Definition("broadcasts", "broadcasts", "Distinct broadcasts in the samples", is_not=_FLOOR),
    Definition(
        "new_streams",
        "broadcasts",
        "Broadcasts in a sample that are not in the snapshot that counted before and began after its instant",
        is_not="known of a scope's first snapshot",
    ),
    Definition(
        "top10_viewer_seconds", "viewer-seconds", "viewer_seconds of the ten channels that have most of them"
    ),
    Definition(
        "gini",
        "",
        "Gini coefficient of viewer_seconds over the channels with airtime; empty where nobody watched",
    ),
    Definition(
        "rank", "", "Place by viewer_seconds (of a snapshot: viewers), ties by key", is_not="Twitch's"
    ),
    Definition(
        "twitch_rank", "", "Twitch's own rank by viewers; the best of the samples of a period", "games"
    ),
    # Broadcasts.
    Definition("session_id", "", "The first broadcast of those that a channel joined by reconnecting"),
    Definition("started_at", "", "When the broadcast began"),
    Definition("first_seen", "", "Instant of the first sample of the day", is_not="when it began"),
    Definition("last_seen", "", "Instant of the last sample of the day", is_not="when it ended"),
    Definition("title_changes", "changes", "Changes of title between consecutive samples of the day"),
    Definition("category_changes", "changes", "Changes of category between consecutive samples of the day"),
    Definition("segment", "", "Place of the segment in the broadcast's day, from 1"),
    # Completeness.
    Definition("due", "ticks", "Ticks due: 86,400 ÷ interval, each part of the day by its own", "manifests"),
    Definition("missing", "ticks", "Ticks due without a manifest", "manifests"),
    Definition("missing_ticks", "", "These ticks, as times of day in UTC", "manifests"),
    Definition("incomplete", "snapshots", "Snapshots that a crawl could not finish", "clock"),
    Definition("gated", "snapshots", "Snapshots that a gate closed", "clock"),
    Definition("doubled", "snapshots", "Snapshots at an instant at which another one counts", "clock"),
    Definition("late_runs", "snapshots", "Snapshots that were first answered more than 60 s late", "clock"),
    Definition("counted", "snapshots", "Snapshots that count", "clock"),
    Definition("gaps", "gaps", "Spans of the day for which no snapshot counts", "clock"),
    Definition("longest_gap_seconds", "s", "The longest span for which no snapshot counts", "clock"),
    # What is divided or compared on reading.
    Definition("hours_watched", "hours", "viewer_seconds ÷ 3,600", "views", f"unique viewers; {_LAG}"),
    Definition(
        "average_viewers",
        "viewers",
        "Of a channel: viewer_seconds ÷ airtime_seconds; of a category or the site: ÷ covered_seconds",
        "views",
        "an average of peaks",
    ),
    Definition("airtime_hours", "hours", "airtime_seconds ÷ 3,600", "views"),
    Definition("viewers_per_channel", "viewers", "viewer_seconds ÷ airtime_seconds", "views"),
    Definition("coverage", "", "covered_seconds ÷ length of the period", "views"),
    Definition("share", "", "viewer_seconds ÷ those of the site", "views"),
    Definition("top10_share", "", "top10_viewer_seconds ÷ viewer_seconds", "views"),
    Definition("capped_share", "", "capped_samples ÷ samples", "views"),
    Definition("ended_streams", "broadcasts", "Broadcasts whose last sample lies in the period", "views"),
    Definition("rank_change", "places", "rank of the period before less rank", "views"),
    Definition(
        "growth", "", "viewer_seconds per covered second ÷ those of the period before, less 1", "views"
    ),
    Definition("growth_yesterday", "", "growth against the same hour of the day before", "views"),
    Definition("growth_last_week", "", "growth against the same hour or day a week before", "views"),
    Definition("first_day", "", "The first day of a session in UTC", "views"),
    Definition("last_day", "", "The last day of a session in UTC", "views"),
)

#: Every definition by its name.
DEFINITIONS = {definition.name: definition for definition in _ALL}
