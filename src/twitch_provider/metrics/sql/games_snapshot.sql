-- What was live in each category at an instant. In a scope of top games, with Twitch's rank and whether the
-- category had more streams than were read.
WITH sums AS (
    SELECT
        c.scope,
        c.dataset,
        c.run_after,
        c.instant,
        c.hour,
        c.day,
        s.game_id,
        MIN(CASE WHEN s.game_name <> '' THEN s.game_name END) AS game_name,
        CAST(SUM(s.viewer_count) AS BIGINT) AS viewers,
        COUNT(*) AS streams,
        COUNT(DISTINCT s.user_id) AS channels
    FROM clock AS c
    INNER JOIN streams AS s ON s.dataset = c.dataset AND s.run_after = c.run_after
    WHERE c.status = 'counted'
    GROUP BY c.scope, c.dataset, c.run_after, c.instant, c.hour, c.day, s.game_id
)

SELECT
    t.scope,
    t.dataset,
    t.run_after,
    t.instant AS snapshot_at,
    t.hour,
    t.day,
    t.game_id,
    t.game_name,
    t.viewers,
    t.streams,
    t.channels,
    ROW_NUMBER() OVER (PARTITION BY t.scope, t.instant ORDER BY t.viewers DESC, t.game_id) AS rank,
    g.twitch_rank,
    g.capped
FROM sums AS t
LEFT JOIN games AS g ON g.dataset = t.dataset AND g.run_after = t.run_after AND g.game_id = t.game_id
