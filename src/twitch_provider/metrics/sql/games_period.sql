-- Each category in an hour or a day.
WITH counts AS (
    SELECT
        scope,
        dataset,
        period,
        game_id,
        SUM(viewer_seconds) AS viewer_seconds,
        SUM(airtime_seconds) AS airtime_seconds,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN user_id END) AS unique_channels,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN id END) AS broadcasts
    FROM presence
    GROUP BY scope, dataset, period, game_id
),

covered AS (
    SELECT scope, period, SUM(seconds) AS covered_seconds FROM ticks GROUP BY scope, period
),

-- In a scope of top games a category is covered while it is among them.
listed AS (
    SELECT t.scope, t.period, g.game_id, SUM(t.seconds) AS covered_seconds
    FROM ticks AS t
    INNER JOIN games AS g ON g.dataset = t.dataset AND g.run_after = t.run_after
    GROUP BY t.scope, t.period, g.game_id
),

top_games AS (
    SELECT DISTINCT dataset FROM games
),

at_instants AS (
    SELECT
        scope,
        period,
        game_id,
        COUNT(*) AS samples,
        SUM(CASE WHEN capped THEN 1 ELSE 0 END) AS capped_samples,
        MIN(twitch_rank) AS twitch_rank
    FROM games_snapshot
    GROUP BY scope, period, game_id
),

peaks AS (
    SELECT
        scope,
        period,
        game_id,
        viewers AS peak_viewers,
        snapshot_at AS peak_at,
        ROW_NUMBER() OVER (PARTITION BY scope, period, game_id ORDER BY viewers DESC, snapshot_at) AS place
    FROM games_snapshot
),

new_ones AS (
    SELECT scope, period, game_id, COUNT(DISTINCT id) AS new_streams FROM new_streams GROUP BY scope, period, game_id
),

-- A category that was renamed has its newest name; of two in one snapshot, the smaller one.
names AS (
    SELECT
        t.scope,
        t.period,
        s.game_id,
        s.game_name,
        ROW_NUMBER() OVER (
            PARTITION BY t.scope, t.period, s.game_id ORDER BY t.instant DESC, s.game_name
        ) AS place
    FROM ticks AS t
    INNER JOIN live_games AS s ON s.scope = t.scope AND s.run_after = t.run_after
    WHERE s.game_name IS NOT NULL
),

-- Channels with airtime in the category, the most watched first.
channels AS (
    SELECT
        scope,
        period,
        game_id,
        SUM(viewer_seconds) AS viewer_seconds,
        ROW_NUMBER() OVER (
            PARTITION BY scope, period, game_id ORDER BY SUM(viewer_seconds) DESC, user_id
        ) AS place
    FROM presence
    GROUP BY scope, period, game_id, user_id
    HAVING SUM(airtime_seconds) > 0
),

concentration AS (
    SELECT
        scope,
        period,
        game_id,
        COUNT(*) AS channels,
        SUM(viewer_seconds) AS total,
        SUM(CASE WHEN place <= 10 THEN viewer_seconds ELSE 0 END) AS top10,
        SUM(place * viewer_seconds) AS weighted
    FROM channels
    GROUP BY scope, period, game_id
)

SELECT
    n.scope,
    n.dataset,
    n.period,
    n.game_id,
    m.game_name,
    CAST(
        CASE WHEN y.dataset IS NULL THEN c.covered_seconds ELSE COALESCE(l.covered_seconds, 0) END AS BIGINT
    ) AS covered_seconds,
    CAST(n.viewer_seconds AS BIGINT) AS viewer_seconds,
    CAST(n.airtime_seconds AS BIGINT) AS airtime_seconds,
    COALESCE(i.samples, 0) AS samples,
    CAST(COALESCE(i.capped_samples, 0) AS BIGINT) AS capped_samples,
    p.peak_viewers,
    p.peak_at,
    n.unique_channels,
    n.broadcasts,
    COALESCE(w.new_streams, 0) AS new_streams,
    CAST(COALESCE(k.top10, 0) AS BIGINT) AS top10_viewer_seconds,
    CASE
        WHEN k.total > 0
            THEN CAST((k.channels + 1) * k.total - 2 * k.weighted AS DOUBLE) / CAST(k.channels * k.total AS DOUBLE)
    END AS gini,
    ROW_NUMBER() OVER (PARTITION BY n.scope, n.period ORDER BY n.viewer_seconds DESC, n.game_id) AS rank,
    i.twitch_rank
FROM counts AS n
INNER JOIN covered AS c ON c.scope = n.scope AND c.period = n.period
LEFT JOIN top_games AS y ON y.dataset = n.dataset
LEFT JOIN listed AS l ON l.scope = n.scope AND l.period = n.period AND l.game_id = n.game_id
LEFT JOIN at_instants AS i ON i.scope = n.scope AND i.period = n.period AND i.game_id = n.game_id
LEFT JOIN peaks AS p ON p.scope = n.scope AND p.period = n.period AND p.game_id = n.game_id AND p.place = 1
LEFT JOIN new_ones AS w ON w.scope = n.scope AND w.period = n.period AND w.game_id = n.game_id
LEFT JOIN names AS m ON m.scope = n.scope AND m.period = n.period AND m.game_id = n.game_id AND m.place = 1
LEFT JOIN concentration AS k ON k.scope = n.scope AND k.period = n.period AND k.game_id = n.game_id
