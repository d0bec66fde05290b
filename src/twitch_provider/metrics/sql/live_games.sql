-- What was live in each category at an instant. Where a snapshot has two names of one, the smaller one is kept.
SELECT
    t.scope,
    t.run_after,
    t.sample,
    s.game_id,
    MIN(CASE WHEN s.game_name <> '' THEN s.game_name END) AS game_name,
    CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
    COUNT(*) AS streams
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
GROUP BY t.scope, t.run_after, t.sample, s.game_id
