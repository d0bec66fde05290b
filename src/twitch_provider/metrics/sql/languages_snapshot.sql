-- What was live in each language at an instant.
WITH sums AS (
    SELECT
        c.scope,
        c.dataset,
        c.run_after,
        c.instant,
        c.hour,
        c.day,
        s.language,
        CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
        COUNT(*) AS streams,
        COUNT(DISTINCT s.user_id) AS channels
    FROM clock AS c
    INNER JOIN streams AS s ON s.dataset = c.dataset AND s.run_after = c.run_after
    WHERE c.status = 'counted'
    GROUP BY c.scope, c.dataset, c.run_after, c.instant, c.hour, c.day, s.language
)

SELECT
    scope,
    dataset,
    run_after,
    instant AS snapshot_at,
    hour,
    day,
    language,
    viewers,
    streams,
    channels,
    ROW_NUMBER() OVER (PARTITION BY scope, instant ORDER BY viewers DESC, language) AS rank
FROM sums
