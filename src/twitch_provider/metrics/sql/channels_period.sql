-- Each channel in an hour or a day.
WITH counts AS (
    SELECT
        scope,
        dataset,
        period,
        user_id,
        SUM(viewer_seconds) AS viewer_seconds,
        SUM(airtime_seconds) AS airtime_seconds,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN id END) AS broadcasts,
        SUM(samples) AS rows_seen,
        MAX(peak) AS peak
    FROM presence
    GROUP BY scope, dataset, period, user_id
),

covered AS (
    SELECT scope, period, SUM(seconds) AS covered_seconds FROM ticks GROUP BY scope, period
),

-- Broadcasts of one channel in the same snapshot are watched together.
together AS (
    SELECT
        t.scope,
        t.period,
        d.user_id,
        COUNT(*) - 1 AS more_rows,
        SUM(d.viewer_count) * 86400 + 86399 - t.second_of_day AS peak
    FROM doubles AS d
    INNER JOIN ticks AS t ON t.scope = d.scope AND t.run_after = d.run_after AND t.sample = 1
    GROUP BY t.scope, t.period, d.user_id, t.run_after, t.second_of_day
),

several AS (
    SELECT scope, period, user_id, SUM(more_rows) AS more_rows, MAX(peak) AS peak
    FROM together
    GROUP BY scope, period, user_id
),

peaks AS (
    SELECT
        n.scope,
        n.period,
        n.user_id,
        CAST(n.rows_seen - COALESCE(v.more_rows, 0) AS BIGINT) AS samples,
        CAST(CASE WHEN v.peak > n.peak THEN v.peak ELSE n.peak END AS BIGINT) AS peak
    FROM counts AS n
    LEFT JOIN several AS v ON v.scope = n.scope AND v.period = n.period AND v.user_id = n.user_id
),

new_ones AS (
    SELECT scope, period, user_id, COUNT(DISTINCT id) AS new_streams FROM new_streams GROUP BY scope, period, user_id
),

-- Names seldom change: only where these two differ the rows are looked at again.
named AS (
    SELECT
        t.scope,
        t.period,
        s.user_id,
        MIN(s.user_login) AS first_login,
        MAX(s.user_login) AS last_login,
        MIN(s.user_name) AS first_name,
        MAX(s.user_name) AS last_name
    FROM ticks AS t
    INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
    GROUP BY t.scope, t.period, s.user_id
),

-- A channel that changed its name has the newest one; of two in one snapshot, the smaller one.
logins AS (
    SELECT
        t.scope,
        t.period,
        s.user_id,
        s.user_login,
        ROW_NUMBER() OVER (
            PARTITION BY t.scope, t.period, s.user_id ORDER BY MAX(t.instant) DESC, s.user_login
        ) AS place
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after
    INNER JOIN named AS n ON n.scope = t.scope AND n.period = t.period AND n.user_id = s.user_id
    WHERE n.first_login <> n.last_login AND s.user_login <> ''
    GROUP BY t.scope, t.period, s.user_id, s.user_login
),

names AS (
    SELECT
        t.scope,
        t.period,
        s.user_id,
        s.user_name,
        ROW_NUMBER() OVER (
            PARTITION BY t.scope, t.period, s.user_id ORDER BY MAX(t.instant) DESC, s.user_name
        ) AS place
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after
    INNER JOIN named AS n ON n.scope = t.scope AND n.period = t.period AND n.user_id = s.user_id
    WHERE n.first_name <> n.last_name AND s.user_name <> ''
    GROUP BY t.scope, t.period, s.user_id, s.user_name
)

SELECT
    n.scope,
    n.dataset,
    n.period,
    n.user_id,
    COALESCE(g.user_login, NULLIF(d.last_login, '')) AS user_login,
    COALESCE(m.user_name, NULLIF(d.last_name, '')) AS user_name,
    CAST(c.covered_seconds AS BIGINT) AS covered_seconds,
    CAST(n.viewer_seconds AS BIGINT) AS viewer_seconds,
    CAST(n.airtime_seconds AS BIGINT) AS airtime_seconds,
    p.samples,
    CAST((p.peak - MOD(p.peak, 86400)) / 86400 AS BIGINT) AS peak_viewers,
    k.instant AS peak_at,
    n.broadcasts,
    COALESCE(w.new_streams, 0) AS new_streams,
    ROW_NUMBER() OVER (PARTITION BY n.scope, n.period ORDER BY n.viewer_seconds DESC, n.user_id) AS rank
FROM counts AS n
INNER JOIN named AS d ON d.scope = n.scope AND d.period = n.period AND d.user_id = n.user_id
INNER JOIN covered AS c ON c.scope = n.scope AND c.period = n.period
INNER JOIN peaks AS p ON p.scope = n.scope AND p.period = n.period AND p.user_id = n.user_id
LEFT JOIN ticks AS k
    ON k.scope = n.scope AND k.period = n.period AND k.sample = 1 AND k.second_of_day = 86399 - MOD(p.peak, 86400)
LEFT JOIN new_ones AS w ON w.scope = n.scope AND w.period = n.period AND w.user_id = n.user_id
LEFT JOIN logins AS g ON g.scope = n.scope AND g.period = n.period AND g.user_id = n.user_id AND g.place = 1
LEFT JOIN names AS m ON m.scope = n.scope AND m.period = n.period AND m.user_id = n.user_id AND m.place = 1
