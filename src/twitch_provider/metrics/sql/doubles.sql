-- Channels with several broadcasts in one snapshot, which count for one channel. Only channels that have several
-- broadcasts at all are looked at.
WITH candidates AS (
    SELECT scope, user_id
    FROM presence
    GROUP BY scope, user_id
    HAVING MIN(id) <> MAX(id)
),

in_snapshots AS (
    SELECT
        t.scope,
        t.run_after,
        s.user_id,
        s.game_id,
        s.language,
        COUNT(*) OVER (PARTITION BY t.scope, t.run_after, s.user_id) AS broadcasts
    FROM candidates AS k
    INNER JOIN ticks AS t ON t.scope = k.scope AND t.sample = 1
    INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after AND s.user_id = k.user_id
)

SELECT scope, run_after, user_id, game_id, language FROM in_snapshots WHERE broadcasts > 1
