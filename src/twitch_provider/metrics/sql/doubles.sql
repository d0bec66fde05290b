-- Rows of channels with several broadcasts in one snapshot, which count for one channel. Only channels of which
-- broadcasts overlap are looked at.
WITH spans AS (
    SELECT scope, user_id, id, MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen
    FROM presence
    WHERE samples > 0
    GROUP BY scope, user_id, id
),

seen_until AS (
    SELECT
        scope,
        user_id,
        first_seen,
        MAX(last_seen) OVER (
            PARTITION BY scope, user_id
            ORDER BY first_seen, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS seen_until
    FROM spans
),

candidates AS (
    SELECT DISTINCT scope, user_id FROM seen_until WHERE first_seen <= seen_until
),

in_snapshots AS (
    SELECT
        t.scope,
        t.run_after,
        s.user_id,
        s.game_id,
        s.language,
        s.viewer_count,
        COUNT(*) OVER (PARTITION BY t.scope, t.run_after, s.user_id) AS broadcasts
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after AND t.sample = 1
    INNER JOIN candidates AS k ON k.scope = t.scope AND k.user_id = s.user_id
)

SELECT scope, run_after, user_id, game_id, language, viewer_count FROM in_snapshots WHERE broadcasts > 1
