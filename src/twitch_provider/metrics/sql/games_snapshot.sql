-- What was live in each category at an instant. In a scope of top games, with Twitch's rank and whether the
-- category had more streams than were read.
-- fewer: by how much there are fewer channels than broadcasts.
WITH fewer AS (
    SELECT scope, run_after, game_id, COUNT(*) - COUNT(DISTINCT user_id) AS fewer
    FROM doubles
    GROUP BY scope, run_after, game_id
)

SELECT
    c.scope,
    c.dataset,
    c.run_after,
    c.instant AS snapshot_at,
    c.period,
    c.day,
    s.game_id,
    s.game_name,
    s.viewers,
    s.streams,
    CAST(s.streams - COALESCE(f.fewer, 0) AS BIGINT) AS channels,
    ROW_NUMBER() OVER (PARTITION BY c.scope, c.instant ORDER BY s.viewers DESC, s.game_id) AS rank,
    g.twitch_rank,
    g.capped
FROM live_games AS s
INNER JOIN clock AS c ON c.scope = s.scope AND c.run_after = s.run_after AND c.status = 'counted'
LEFT JOIN fewer AS f ON f.scope = s.scope AND f.run_after = s.run_after AND f.game_id = s.game_id
LEFT JOIN games AS g ON g.dataset = c.dataset AND g.run_after = c.run_after AND g.game_id = s.game_id
WHERE s.sample = 1
