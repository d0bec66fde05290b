-- Everything that was live in an hour or a day.
WITH covered AS (
    SELECT
        scope,
        dataset,
        period,
        period_seconds,
        SUM(seconds) AS covered_seconds,
        SUM(sample) AS samples
    FROM ticks
    GROUP BY scope, dataset, period, period_seconds
),

-- Samples in which a category had more streams than were read: their totals are minimums.
capped AS (
    SELECT t.scope, t.period, COUNT(DISTINCT t.run_after) AS capped_samples
    FROM ticks AS t
    INNER JOIN games AS g ON g.dataset = t.dataset AND g.run_after = t.run_after
    WHERE t.sample = 1 AND g.capped
    GROUP BY t.scope, t.period
),

counts AS (
    SELECT
        scope,
        period,
        SUM(viewer_seconds) AS viewer_seconds,
        SUM(airtime_seconds) AS airtime_seconds,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN user_id END) AS unique_channels,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN id END) AS broadcasts
    FROM presence
    GROUP BY scope, period
),

peaks AS (
    SELECT
        scope,
        period,
        viewers AS peak_viewers,
        snapshot_at AS peak_at,
        ROW_NUMBER() OVER (PARTITION BY scope, period ORDER BY viewers DESC, snapshot_at) AS place
    FROM site_snapshot
),

new_ones AS (
    SELECT scope, period, COUNT(DISTINCT id) AS new_streams FROM new_streams GROUP BY scope, period
),

-- Channels with airtime, the most watched first.
channels AS (
    SELECT
        scope,
        period,
        SUM(viewer_seconds) AS viewer_seconds,
        ROW_NUMBER() OVER (PARTITION BY scope, period ORDER BY SUM(viewer_seconds) DESC, user_id) AS place
    FROM presence
    GROUP BY scope, period, user_id
    HAVING SUM(airtime_seconds) > 0
),

concentration AS (
    SELECT
        scope,
        period,
        COUNT(*) AS channels,
        SUM(viewer_seconds) AS total,
        SUM(CASE WHEN place <= 10 THEN viewer_seconds ELSE 0 END) AS top10,
        SUM(place * viewer_seconds) AS weighted
    FROM channels
    GROUP BY scope, period
)

SELECT
    c.scope,
    c.dataset,
    c.period,
    CAST(c.covered_seconds AS BIGINT) AS covered_seconds,
    CAST(c.period_seconds - c.covered_seconds AS BIGINT) AS missing_seconds,
    CAST(COALESCE(n.viewer_seconds, 0) AS BIGINT) AS viewer_seconds,
    CAST(COALESCE(n.airtime_seconds, 0) AS BIGINT) AS airtime_seconds,
    CAST(c.samples AS BIGINT) AS samples,
    COALESCE(l.capped_samples, 0) AS capped_samples,
    p.peak_viewers,
    p.peak_at,
    COALESCE(n.unique_channels, 0) AS unique_channels,
    COALESCE(n.broadcasts, 0) AS broadcasts,
    COALESCE(w.new_streams, 0) AS new_streams,
    CAST(COALESCE(k.top10, 0) AS BIGINT) AS top10_viewer_seconds,
    CASE
        WHEN k.total > 0
            THEN CAST((k.channels + 1) * k.total - 2 * k.weighted AS DOUBLE) / CAST(k.channels * k.total AS DOUBLE)
    END AS gini
FROM covered AS c
LEFT JOIN counts AS n ON n.scope = c.scope AND n.period = c.period
LEFT JOIN capped AS l ON l.scope = c.scope AND l.period = c.period
LEFT JOIN peaks AS p ON p.scope = c.scope AND p.period = c.period AND p.place = 1
LEFT JOIN new_ones AS w ON w.scope = c.scope AND w.period = c.period
LEFT JOIN concentration AS k ON k.scope = c.scope AND k.period = c.period
