-- What was live in each language at an instant.
-- fewer: by how much there are fewer channels than broadcasts.
WITH fewer AS (
    SELECT scope, run_after, language, COUNT(*) - COUNT(DISTINCT user_id) AS fewer
    FROM doubles
    GROUP BY scope, run_after, language
)

SELECT
    c.scope,
    c.dataset,
    c.run_after,
    c.instant AS snapshot_at,
    c.period,
    c.day,
    s.language,
    s.viewers,
    s.streams,
    CAST(s.streams - COALESCE(f.fewer, 0) AS BIGINT) AS channels,
    ROW_NUMBER() OVER (PARTITION BY c.scope, c.instant ORDER BY s.viewers DESC, s.language) AS rank
FROM live_languages AS s
INNER JOIN clock AS c ON c.scope = s.scope AND c.run_after = s.run_after AND c.status = 'counted'
LEFT JOIN fewer AS f ON f.scope = s.scope AND f.run_after = s.run_after AND f.language = s.language
