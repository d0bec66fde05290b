-- Everything that was live at an instant. An empty snapshot is a row, too: nobody was live.
WITH sums AS (
    SELECT scope, run_after, SUM(viewers) AS viewers, SUM(streams) AS streams
    FROM live_languages
    GROUP BY scope, run_after
),

-- By how much there are fewer channels than broadcasts.
fewer AS (
    SELECT scope, run_after, COUNT(*) - COUNT(DISTINCT user_id) AS fewer FROM doubles GROUP BY scope, run_after
)

SELECT
    c.scope,
    c.dataset,
    c.run_after,
    c.instant AS snapshot_at,
    c.period,
    c.day,
    CAST(COALESCE(s.viewers, 0) AS BIGINT) AS viewers,
    CAST(COALESCE(s.streams, 0) AS BIGINT) AS streams,
    CAST(COALESCE(s.streams, 0) - COALESCE(f.fewer, 0) AS BIGINT) AS channels
FROM clock AS c
LEFT JOIN sums AS s ON s.scope = c.scope AND s.run_after = c.run_after
LEFT JOIN fewer AS f ON f.scope = c.scope AND f.run_after = c.run_after
WHERE c.status = 'counted'
