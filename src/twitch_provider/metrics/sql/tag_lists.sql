-- How long a channel was live with a list of tags. Lists repeat, so they are taken apart after this.
SELECT
    t.scope,
    t.dataset,
    t.period,
    s.user_id,
    s.tags,
    SUM(s.viewer_count * t.seconds) AS viewer_seconds,
    SUM(t.seconds) AS airtime_seconds,
    SUM(t.sample) AS samples
FROM ticks AS t
INNER JOIN streams AS s ON s.dataset = t.dataset AND s.run_after = t.run_after
GROUP BY t.scope, t.dataset, t.period, s.user_id, s.tags
