-- What was live in each language at an instant.
SELECT
    t.scope,
    t.run_after,
    s.language,
    CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
    COUNT(*) AS streams
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
WHERE t.sample = 1
GROUP BY t.scope, t.run_after, s.language
