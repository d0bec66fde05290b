# SPDX-License-Identifier: Apache-2.0
"""What an overview asks of the published tables, for all scopes at once.

The relations besides the tables: ``windows(scope, hour, part)``, where ``part`` is ``now`` for the 24 hours
that end with the scope's newest snapshot and ``before`` for the 24 before; ``compared(scope, hour, part,
least)`` with ``now`` and ``usual``, and the viewer seconds below which a part need not be looked at;
``chosen(scope, key)``, the channels of which more is shown; ``newest(scope, dataset, run_after,
snapshot_at)`` and its ``streams``.
"""

from __future__ import annotations

from twitch_provider.metrics.overview.schema import CHANNELS, GAMES, LANGUAGES

_KEYS = {"games": "game_id", "languages": "language", "channels": "user_id"}
_NAMES = {"games": ("game_name",), "languages": (), "channels": ("user_login", "user_name")}
_MOST = {"games": GAMES, "languages": LANGUAGES, "channels": CHANNELS}


def ranking(entity: str) -> str:
    """Return the query of the first by viewer seconds of 24 hours, with the 24 hours before.

    :param entity: ``games``, ``languages`` or ``channels``
    """
    key = _KEYS[entity]
    names = "".join(f"arg_max(t.{name}, t.hour) AS {name},\n        " for name in _NAMES[entity])
    capped = ""
    if entity == "games":
        capped = (
            "CAST(SUM(t.samples) AS BIGINT) AS samples,\n"
            "        CAST(SUM(t.capped_samples) AS BIGINT) AS capped_samples,\n        "
        )
    return f"""WITH sums AS (
    SELECT
        t.scope,
        w.part,
        t.{key},
        {names}CAST(SUM(t.viewer_seconds) AS BIGINT) AS viewer_seconds,
        CAST(SUM(t.airtime_seconds) AS BIGINT) AS airtime_seconds,
        CAST(SUM(t.covered_seconds) AS BIGINT) AS covered_seconds,
        {capped}MAX(t.peak_viewers) AS peak_viewers,
        arg_max(t.peak_at, (t.peak_viewers, -epoch_us(t.peak_at))) AS peak_at,
        ROW_NUMBER() OVER (
            PARTITION BY t.scope, w.part ORDER BY SUM(t.viewer_seconds) DESC, t.{key}
        ) AS rank
    FROM {entity}_hour AS t
    INNER JOIN windows AS w ON w.scope = t.scope AND w.hour = t.hour
    GROUP BY t.scope, w.part, t.{key}
)

SELECT
    n.*,
    b.rank AS rank_before,
    b.viewer_seconds AS viewer_seconds_before,
    b.covered_seconds AS covered_seconds_before
FROM sums AS n
LEFT JOIN sums AS b ON b.scope = n.scope AND b.part = 'before' AND b.{key} = n.{key}
WHERE n.part = 'now' AND n.rank <= {_MOST[entity]}
ORDER BY n.scope, n.rank
"""  # noqa: S608 - nothing of it is a user's


def compared(entity: str) -> str:
    """Return the query of the sums of the hour that is compared, and of those that are usual.

    Channels that have few viewers in both are left out: most of them.

    :param entity: ``games``, ``languages`` or ``channels``
    """
    few = ""
    if entity == "channels":
        few = (
            "QUALIFY MAX(SUM(t.viewer_seconds) - MAX(c.least)) OVER (PARTITION BY t.scope, t.user_id) >= 0\n"
        )
    name = {"games": "game_name", "languages": "language", "channels": "user_name"}[entity]
    return f"""SELECT
    t.scope,
    c.part,
    t.{_KEYS[entity]} AS key,
    arg_max(t.{name}, t.hour) AS name,
    CAST(SUM(t.viewer_seconds) AS BIGINT) AS viewer_seconds,
    CAST(SUM(t.covered_seconds) AS BIGINT) AS covered_seconds
FROM {entity}_hour AS t
INNER JOIN compared AS c ON c.scope = t.scope AND c.hour = t.hour
GROUP BY t.scope, c.part, t.{_KEYS[entity]}
{few}"""  # noqa: S608 - nothing of it is a user's


#: What the 24 hours are together.
SITE = """SELECT
    t.scope,
    w.part,
    CAST(SUM(t.viewer_seconds) AS BIGINT) AS viewer_seconds,
    CAST(SUM(t.covered_seconds) AS BIGINT) AS covered_seconds
FROM site_hour AS t
INNER JOIN windows AS w ON w.scope = t.scope AND w.hour = t.hour
GROUP BY t.scope, w.part
"""

#: What the hours that are usual are together.
USUAL = """SELECT
    t.scope,
    CAST(SUM(t.viewer_seconds) AS BIGINT) AS viewer_seconds,
    CAST(SUM(t.covered_seconds) AS BIGINT) AS covered_seconds
FROM site_hour AS t
INNER JOIN compared AS c ON c.scope = t.scope AND c.hour = t.hour AND c.part = 'usual'
GROUP BY t.scope
"""

#: Concentration by hour.
HOURS = """SELECT t.scope, t.hour, t.viewer_seconds, t.top10_viewer_seconds, t.gini
FROM site_hour AS t
INNER JOIN windows AS w ON w.scope = t.scope AND w.hour = t.hour AND w.part = 'now'
"""

#: The snapshots of the 24 hours.
SNAPSHOTS = """SELECT t.scope, t.snapshot_at, t.viewers, t.channels, t.streams
FROM site_snapshot AS t
INNER JOIN windows AS w ON w.scope = t.scope AND w.hour = t.hour AND w.part = 'now'
ORDER BY t.scope, t.snapshot_at
"""

#: What the newest snapshot holds, by category and by language.
NOW = {
    entity: f"""SELECT t.scope, t.{key} AS key, t.viewers, t.channels, t.streams{more}
FROM {entity}_snapshot AS t
INNER JOIN newest AS n ON n.scope = t.scope AND n.snapshot_at = t.snapshot_at
"""  # noqa: S608 - nothing of it is a user's
    for entity, key, more in (("games", "game_id", ", t.capped, t.game_name"), ("languages", "language", ""))
}

#: Channels of the newest snapshot: what the broadcast with most viewers says.
LIVE = """SELECT
    n.scope,
    s.user_id AS key,
    CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
    arg_min(s.game_name, (-s.viewer_count, s.id)) AS game_name,
    arg_min(s.language, (-s.viewer_count, s.id)) AS language,
    arg_min(s.title, (-s.viewer_count, s.id)) AS title,
    arg_min(s.user_name, (-s.viewer_count, s.id)) AS user_name
FROM streams AS s
INNER JOIN newest AS n ON n.dataset = s.dataset AND n.run_after = s.run_after
INNER JOIN chosen AS c ON c.scope = n.scope AND (c.key = s.user_id OR c.key IS NULL)
GROUP BY n.scope, s.user_id
"""

#: How many of its streams are marked mature.
MATURE = """SELECT n.scope, CAST(SUM(CASE WHEN s.is_mature THEN 1 ELSE 0 END) AS BIGINT) AS mature
FROM streams AS s
INNER JOIN newest AS n ON n.dataset = s.dataset AND n.run_after = s.run_after
GROUP BY n.scope
"""

_TOP_3 = """WITH sums AS (
    SELECT
        n.scope,
        s.game_id,
        {key},
        {columns},
        CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
        ROW_NUMBER() OVER (
            PARTITION BY n.scope, s.game_id ORDER BY SUM(s.viewer_count) DESC, {key}
        ) AS place
    FROM streams AS s
    INNER JOIN newest AS n ON n.dataset = s.dataset AND n.run_after = s.run_after
    GROUP BY n.scope, s.game_id, {key}
)

SELECT * FROM sums WHERE place <= 3 ORDER BY scope, game_id, place
"""

_OF_A_BROADCAST = "arg_min(s.{0}, (-s.viewer_count, s.id)) AS {0}"

#: The first three channels and languages of each category in the newest snapshot.
TOP_CHANNELS = _TOP_3.format(
    key="s.user_id",
    columns=", ".join(map(_OF_A_BROADCAST.format, ("user_login", "user_name", "language"))),
)
TOP_LANGUAGES = _TOP_3.format(key="s.language", columns="COUNT(*) AS broadcasts")
