-- What was live at each instant, by category and language: the snapshots' tables come from it. Where a snapshot
-- has two names of one category, the smaller one is kept.
SELECT
    t.scope,
    t.dataset,
    t.run_after,
    t.instant,
    t.sample,
    s.game_id,
    s.language,
    MIN(CASE WHEN s.game_name <> '' THEN s.game_name END) AS game_name,
    CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
    COUNT(*) AS streams
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
GROUP BY t.scope, t.dataset, t.run_after, t.instant, t.sample, s.game_id, s.language
