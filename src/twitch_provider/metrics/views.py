# SPDX-License-Identifier: Apache-2.0
"""Views over the published tables: what is divided, compared or joined on reading, and never stored.

One text for Athena, DuckDB and Spark. Quotients are of floating point: engines divide whole numbers and
decimals in different ways. What is compared with a period that has no row, or no covered time, is NULL.
"""

from __future__ import annotations

from twitch_provider.metrics.tables import TABLES

_SECONDS = {"hour": "3600E0", "day": "86400E0"}

#: What each growth compares with, by period.
_COMPARED = {
    "hour": {
        "growth": "INTERVAL '1' HOUR",
        "growth_yesterday": "INTERVAL '1' DAY",
        "growth_last_week": "INTERVAL '7' DAY",
    },
    "day": {"growth": "INTERVAL '1' DAY", "growth_last_week": "INTERVAL '7' DAY"},
}
_KEYS = {"site": None, "games": "game_id", "languages": "language", "channels": "user_id"}
_NAMES = ("game_id", "game_name", "language", "user_id", "user_login", "user_name")
#: Columns that a view has as they are, where the table has them.
_SAMPLES = ("peak_viewers", "peak_at", "unique_channels", "broadcasts", "new_streams", "samples", "gini")


def _quotient(above: str, below: str, name: str) -> str:
    return f"CAST({above} AS DOUBLE) / NULLIF({below}, 0) AS {name}"


def _by(entity: str, period: str) -> str:
    """Return the view of one entity by hour or by day."""
    table, key = TABLES[f"{entity}_{period}"], _KEYS[entity]
    divisor = "t.airtime_seconds" if entity == "channels" else "t.covered_seconds"
    columns = [f"t.{name}" for name in ("scope", "dataset", period, *_NAMES) if name in table.names]
    columns += [
        "t.viewer_seconds / 3600E0 AS hours_watched",
        "t.airtime_seconds / 3600E0 AS airtime_hours",
        _quotient("t.viewer_seconds", divisor, "average_viewers"),
        f"t.covered_seconds / {_SECONDS[period]} AS coverage",
    ]
    if entity != "channels":
        columns.append(_quotient("t.viewer_seconds", "t.airtime_seconds", "viewers_per_channel"))
    columns += [f"t.{name}" for name in _SAMPLES if name in table.names]
    if "capped_samples" in table.names:
        columns.append(_quotient("t.capped_samples", "t.samples", "capped_share"))
    if "top10_viewer_seconds" in table.names:
        columns.append(_quotient("t.top10_viewer_seconds", "t.viewer_seconds", "top10_share"))
    joins = []
    if key:
        columns.append(_quotient("t.viewer_seconds", "s.viewer_seconds", "share"))
        joins.append(f"LEFT JOIN site_{period} AS s ON s.scope = t.scope AND s.{period} = t.{period}")
        columns += ["t.rank", "growth.rank - t.rank AS rank_change"]
    if "twitch_rank" in table.names:
        columns.append("t.twitch_rank")
    for name, back in _COMPARED[period].items():
        per_second = "CAST({0}.viewer_seconds AS DOUBLE) / NULLIF({0}.covered_seconds, 0)"
        columns.append(
            f"({per_second.format('t')})\n        / NULLIF({per_second.format(name)}, 0) - 1 AS {name}"
        )
        same = f" AND {name}.{key} = t.{key}" if key else ""
        joins.append(
            f"LEFT JOIN {table.name} AS {name}\n"
            f"    ON {name}.scope = t.scope AND {name}.{period} = t.{period} - {back}{same}"
        )
    selected = ",\n    ".join([*columns, "t.dt"])
    return "\n".join([f"SELECT\n    {selected}", f"FROM {table.name} AS t", *joins])


_TAGS = """SELECT
    t.scope,
    t.dataset,
    t.day,
    t.tag,
    t.viewer_seconds / 3600E0 AS hours_watched,
    t.airtime_seconds / 3600E0 AS airtime_hours,
    CAST(t.viewer_seconds AS DOUBLE) / NULLIF(t.airtime_seconds, 0) AS viewers_per_channel,
    t.unique_channels,
    CAST(t.viewer_seconds AS DOUBLE) / NULLIF(s.viewer_seconds, 0) AS share,
    t.rank,
    b.rank - t.rank AS rank_change,
    t.dt
FROM tags_day AS t
LEFT JOIN site_day AS s ON s.scope = t.scope AND s.day = t.day
LEFT JOIN tags_day AS b ON b.scope = t.scope AND b.day = t.day - INTERVAL '1' DAY AND b.tag = t.tag"""

_SESSIONS = """WITH placed AS (
    SELECT
        scope,
        session_id,
        peak_viewers,
        peak_at,
        ROW_NUMBER() OVER (
            PARTITION BY scope, session_id ORDER BY COALESCE(peak_viewers, -1) DESC, peak_at
        ) AS place
    FROM sessions
)

SELECT
    s.scope,
    s.dataset,
    s.session_id,
    s.user_id,
    MIN(s.day) AS first_day,
    MAX(s.day) AS last_day,
    MIN(s.started_at) AS started_at,
    MIN(s.first_seen) AS first_seen,
    MAX(s.last_seen) AS last_seen,
    COUNT(DISTINCT s.id) AS broadcasts,
    SUM(s.viewer_seconds) / 3600E0 AS hours_watched,
    SUM(s.airtime_seconds) / 3600E0 AS airtime_hours,
    CAST(SUM(s.viewer_seconds) AS DOUBLE) / NULLIF(SUM(s.airtime_seconds), 0) AS average_viewers,
    SUM(s.samples) AS samples,
    MAX(p.peak_viewers) AS peak_viewers,
    MAX(p.peak_at) AS peak_at,
    SUM(s.title_changes) AS title_changes,
    SUM(s.category_changes) AS category_changes
FROM sessions AS s
INNER JOIN placed AS p ON p.scope = s.scope AND p.session_id = s.session_id AND p.place = 1
GROUP BY s.scope, s.dataset, s.session_id, s.user_id"""

_ENDED = """WITH seen AS (
    SELECT scope, dataset, id, MAX(last_seen) AS last_seen FROM sessions GROUP BY scope, dataset, id
),

-- What is in the newest sample has not ended.
newest AS (
    SELECT scope, MAX(last_seen) AS last_seen FROM seen GROUP BY scope
)

SELECT s.scope, s.dataset, DATE_TRUNC('hour', s.last_seen) AS hour, COUNT(*) AS ended_streams
FROM seen AS s
INNER JOIN newest AS n ON n.scope = s.scope
WHERE s.last_seen < n.last_seen
GROUP BY s.scope, s.dataset, DATE_TRUNC('hour', s.last_seen)"""

#: The query of each view by its name.
VIEWS = {
    **{f"{entity}_by_{period}": _by(entity, period) for period in ("hour", "day") for entity in _KEYS},
    "tags_by_day": _TAGS,
    "whole_sessions": _SESSIONS,
    "ended_by_hour": _ENDED,
}
