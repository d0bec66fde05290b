-- A broadcast and a day on which it has samples or seconds. session_id joins what a channel broadcast with short
-- interruptions, and the days.
-- Numbers take less room than titles where rows are put in order.
WITH title_numbers AS (
    SELECT b.number, s.title, ROW_NUMBER() OVER (PARTITION BY b.number ORDER BY s.title) AS title_number
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after AND t.sample = 1
    INNER JOIN broadcasts AS b ON b.scope = t.scope AND b.period = t.period AND b.id = s.id
    WHERE b.several_titles
    GROUP BY b.number, s.title
),

titles AS (
    SELECT
        b.number,
        m.title_number,
        LAG(m.title_number) OVER (PARTITION BY b.number ORDER BY t.instant) AS number_before
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after AND t.sample = 1
    INNER JOIN broadcasts AS b ON b.scope = t.scope AND b.period = t.period AND b.id = s.id
    INNER JOIN title_numbers AS m ON m.number = b.number AND m.title = s.title
    WHERE b.several_titles
),

title_changes AS (
    SELECT number, COUNT(*) AS title_changes FROM titles WHERE title_number <> number_before GROUP BY number
),

category_changes AS (
    SELECT scope, period, id, COUNT(*) - 1 AS category_changes
    FROM segments
    WHERE samples > 0
    GROUP BY scope, period, id
)

SELECT
    b.scope,
    b.dataset,
    b.period,
    b.id,
    COALESCE(n.session_id, b.id) AS session_id,
    b.user_id,
    b.started_at,
    b.first_seen,
    b.last_seen,
    b.viewer_seconds,
    b.airtime_seconds,
    b.samples,
    CAST((b.peak - MOD(b.peak, 86400)) / 86400 AS BIGINT) AS peak_viewers,
    k.instant AS peak_at,
    COALESCE(t.title_changes, 0) AS title_changes,
    COALESCE(g.category_changes, 0) AS category_changes
FROM broadcasts AS b
LEFT JOIN connections AS n ON n.scope = b.scope AND n.user_id = b.user_id AND n.id = b.id
LEFT JOIN ticks AS k
    ON k.scope = b.scope AND k.period = b.period AND k.sample = 1 AND k.second_of_day = 86399 - MOD(b.peak, 86400)
LEFT JOIN title_changes AS t ON t.number = b.number
LEFT JOIN category_changes AS g ON g.scope = b.scope AND g.period = b.period AND g.id = b.id
