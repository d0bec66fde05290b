-- Broadcasts that are in a snapshot, not in the one that counted before, and that began after its instant.
WITH candidates AS (
    SELECT
        c.scope, c.dataset, c.run_after, c.period, b.before_run_after, s.id, s.user_id, s.game_id, s.language
    FROM clock AS c
    INNER JOIN before AS b ON b.scope = c.scope AND b.run_after = c.run_after
    INNER JOIN streams AS s
        ON s.dataset = c.dataset AND s.run_after = c.run_after AND s.started_at > b.before_instant
    WHERE c.status = 'counted'
),

seen_before AS (
    SELECT DISTINCT k.dataset, k.run_after, k.id
    FROM candidates AS k
    INNER JOIN streams AS s ON s.dataset = k.dataset AND s.run_after = k.before_run_after AND s.id = k.id
)

SELECT k.scope, k.dataset, k.run_after, k.period, k.id, k.user_id, k.game_id, k.language
FROM candidates AS k
LEFT JOIN seen_before AS o ON o.dataset = k.dataset AND o.run_after = k.run_after AND o.id = k.id
WHERE o.id IS NULL
