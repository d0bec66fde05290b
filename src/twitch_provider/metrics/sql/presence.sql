-- A broadcast in one category and language within an hour or a day, from which the sums of all its tables come.
-- peak is the largest viewer count and, where several are equal, the earliest: viewers * 86400 + 86399 - second
-- of the day, since the largest of such numbers needs neither a sort nor a join.
SELECT
    t.scope,
    t.dataset,
    t.period,
    s.id,
    s.user_id,
    s.game_id,
    s.language,
    CAST(SUM(s.viewer_count * t.seconds) AS BIGINT) AS viewer_seconds,
    CAST(SUM(t.seconds) AS BIGINT) AS airtime_seconds,
    CAST(SUM(t.sample) AS BIGINT) AS samples,
    MIN(CASE WHEN t.sample = 1 THEN t.instant END) AS first_seen,
    MAX(CASE WHEN t.sample = 1 THEN t.instant END) AS last_seen,
    MAX(CASE WHEN t.sample = 1 THEN s.viewer_count * 86400 + 86399 - t.second_of_day END) AS peak
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
GROUP BY t.scope, t.dataset, t.period, s.id, s.user_id, s.game_id, s.language
