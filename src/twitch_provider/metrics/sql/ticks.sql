-- The snapshots that an hour or a day is made of: those of which seconds lie in it, and its samples.
-- A sample has its instant in the period; without one, a snapshot of the period before is carried over.
SELECT
    scope,
    dataset,
    run_after,
    instant,
    period,
    period_seconds,
    CAST(SUM(seconds) AS BIGINT) AS seconds,
    CAST(MAX(sample) AS BIGINT) AS sample,
    CAST(MAX(second_of_day) AS BIGINT) AS second_of_day
FROM (
    SELECT scope, dataset, run_after, instant, period, period_seconds, seconds, 0 AS sample, 0 AS second_of_day
    FROM clock_parts
    UNION ALL
    SELECT scope, dataset, run_after, instant, period, period_seconds, 0 AS seconds, 1 AS sample, second_of_day
    FROM clock
    WHERE status = 'counted'
) AS parts_and_samples
GROUP BY scope, dataset, run_after, instant, period, period_seconds
