-- A broadcast on a day, and whether its category or title changed at all: only then are its rows put in order.
-- peak as in presence: viewers * 86400 + 86399 - second of the day. number is for joins and sorts of many rows.
SELECT
    ROW_NUMBER() OVER (ORDER BY t.scope, t.period, s.id) AS number,
    t.scope,
    t.dataset,
    t.period,
    s.id,
    s.user_id,
    MIN(s.started_at) AS started_at,
    MIN(CASE WHEN t.sample = 1 THEN t.instant END) AS first_seen,
    MAX(CASE WHEN t.sample = 1 THEN t.instant END) AS last_seen,
    CAST(SUM(s.viewer_count * t.seconds) AS BIGINT) AS viewer_seconds,
    CAST(SUM(t.seconds) AS BIGINT) AS airtime_seconds,
    CAST(SUM(t.sample) AS BIGINT) AS samples,
    MAX(CASE WHEN t.sample = 1 THEN s.viewer_count * 86400 + 86399 - t.second_of_day END) AS peak,
    MIN(s.game_id) AS game_id,
    MIN(s.game_id) <> MAX(s.game_id) AS several_categories,
    COALESCE(
        MIN(CASE WHEN t.sample = 1 THEN s.title END) <> MAX(CASE WHEN t.sample = 1 THEN s.title END), FALSE
    ) AS several_titles
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
GROUP BY t.scope, t.dataset, t.period, s.id, s.user_id
