-- Everything that was live at an instant. An empty snapshot is a row, too: nobody was live.
SELECT
    c.scope,
    c.dataset,
    c.run_after,
    c.instant AS snapshot_at,
    c.hour,
    c.day,
    CAST(COALESCE(SUM(s.viewer_count), 0) AS BIGINT) AS viewers,
    COUNT(s.id) AS streams,
    COUNT(DISTINCT s.user_id) AS channels
FROM clock AS c
LEFT JOIN streams AS s ON s.dataset = c.dataset AND s.run_after = c.run_after
WHERE c.status = 'counted'
GROUP BY c.scope, c.dataset, c.run_after, c.instant, c.hour, c.day
