-- Broadcasts of a channel that follow each other within 900 s are one session, which is called after the first.
-- Snapshots of the 48 hours before the day are read too; a session that is older begins anew there.
WITH seen AS (
    SELECT scope, user_id, id, MIN(instant) AS first_seen, MAX(instant) AS last_seen, MIN(started_at) AS started_at
    FROM (
        SELECT c.scope, s.user_id, s.id, c.instant, s.started_at
        FROM clock AS c
        INNER JOIN streams AS s ON s.dataset = c.dataset AND s.run_after = c.run_after
        WHERE c.status = 'counted'
        UNION ALL
        SELECT c.scope, s.user_id, s.id, c.instant, s.started_at
        FROM clock_before AS c
        INNER JOIN streams_before AS s ON s.dataset = c.dataset AND s.run_after = c.run_after
    ) AS rows_seen
    GROUP BY scope, user_id, id
),

ends AS (
    SELECT scope, instant, counted_until FROM clock WHERE status = 'counted'
    UNION ALL
    SELECT scope, instant, counted_until FROM clock_before
),

-- started_at, else first seen.
began AS (
    SELECT
        s.scope, s.user_id, s.id, s.first_seen, COALESCE(s.started_at, s.first_seen) AS began_at, e.counted_until
    FROM seen AS s
    INNER JOIN ends AS e ON e.scope = s.scope AND e.instant = s.last_seen
),

linked AS (
    SELECT
        scope,
        user_id,
        id,
        first_seen,
        began_at,
        CASE
            WHEN
                began_at
                <= LAG(counted_until) OVER (PARTITION BY scope, user_id ORDER BY first_seen, began_at, id)
                + INTERVAL '900' SECOND
                THEN 0
            ELSE 1
        END AS begins
    FROM began
),

numbered AS (
    SELECT
        scope,
        user_id,
        id,
        first_seen,
        began_at,
        SUM(begins) OVER (
            PARTITION BY scope, user_id
            ORDER BY first_seen, began_at, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS session_number
    FROM linked
)

SELECT
    scope,
    user_id,
    id,
    FIRST_VALUE(id) OVER (
        PARTITION BY scope, user_id, session_number ORDER BY first_seen, began_at, id
    ) AS session_id
FROM numbered
