-- What was live in each language at an instant.
WITH sums AS (
    SELECT scope, run_after, language, SUM(viewers) AS viewers, SUM(streams) AS streams
    FROM live
    WHERE sample = 1
    GROUP BY scope, run_after, language
),

-- By how much there are fewer channels than broadcasts.
fewer AS (
    SELECT scope, run_after, language, COUNT(*) - COUNT(DISTINCT user_id) AS fewer
    FROM doubles
    GROUP BY scope, run_after, language
)

SELECT
    c.scope,
    c.dataset,
    c.run_after,
    c.instant AS snapshot_at,
    c.hour,
    c.day,
    s.language,
    CAST(s.viewers AS BIGINT) AS viewers,
    CAST(s.streams AS BIGINT) AS streams,
    CAST(s.streams - COALESCE(f.fewer, 0) AS BIGINT) AS channels,
    ROW_NUMBER() OVER (PARTITION BY c.scope, c.instant ORDER BY s.viewers DESC, s.language) AS rank
FROM sums AS s
INNER JOIN clock AS c ON c.scope = s.scope AND c.run_after = s.run_after AND c.status = 'counted'
LEFT JOIN fewer AS f ON f.scope = s.scope AND f.run_after = s.run_after AND f.language = s.language
