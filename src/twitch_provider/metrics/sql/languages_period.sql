-- Each language in an hour or a day.
WITH counts AS (
    SELECT
        scope,
        dataset,
        period,
        language,
        SUM(viewer_seconds) AS viewer_seconds,
        SUM(airtime_seconds) AS airtime_seconds,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN user_id END) AS unique_channels,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN id END) AS broadcasts
    FROM presence
    GROUP BY scope, dataset, period, language
),

covered AS (
    SELECT scope, period, SUM(seconds) AS covered_seconds FROM ticks GROUP BY scope, period
),

-- Samples in which a category had more streams than were read: their totals are minimums.
capped AS (
    SELECT DISTINCT dataset, run_after FROM games WHERE capped
),

at_instants AS (
    SELECT
        s.scope,
        s.period,
        s.language,
        COUNT(*) AS samples,
        COUNT(l.run_after) AS capped_samples
    FROM languages_snapshot AS s
    LEFT JOIN capped AS l ON l.dataset = s.dataset AND l.run_after = s.run_after
    GROUP BY s.scope, s.period, s.language
),

peaks AS (
    SELECT
        scope,
        period,
        language,
        viewers AS peak_viewers,
        snapshot_at AS peak_at,
        ROW_NUMBER() OVER (
            PARTITION BY scope, period, language ORDER BY viewers DESC, snapshot_at
        ) AS place
    FROM languages_snapshot
),

new_ones AS (
    SELECT scope, period, language, COUNT(DISTINCT id) AS new_streams
    FROM new_streams
    GROUP BY scope, period, language
)

SELECT
    n.scope,
    n.dataset,
    n.period,
    n.language,
    CAST(c.covered_seconds AS BIGINT) AS covered_seconds,
    CAST(n.viewer_seconds AS BIGINT) AS viewer_seconds,
    CAST(n.airtime_seconds AS BIGINT) AS airtime_seconds,
    COALESCE(i.samples, 0) AS samples,
    COALESCE(i.capped_samples, 0) AS capped_samples,
    p.peak_viewers,
    p.peak_at,
    n.unique_channels,
    n.broadcasts,
    COALESCE(w.new_streams, 0) AS new_streams,
    ROW_NUMBER() OVER (PARTITION BY n.scope, n.period ORDER BY n.viewer_seconds DESC, n.language) AS rank
FROM counts AS n
INNER JOIN covered AS c ON c.scope = n.scope AND c.period = n.period
LEFT JOIN at_instants AS i ON i.scope = n.scope AND i.period = n.period AND i.language = n.language
LEFT JOIN peaks AS p ON p.scope = n.scope AND p.period = n.period AND p.language = n.language AND p.place = 1
LEFT JOIN new_ones AS w ON w.scope = n.scope AND w.period = n.period AND w.language = n.language
