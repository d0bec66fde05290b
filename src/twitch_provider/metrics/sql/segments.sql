-- What a broadcast played on a day, in order: A, B, A are three segments. Consecutive samples in one category are
-- one segment, whatever time lies between. A carried-over snapshot comes first: its seconds belong to the first
-- segment, or to one without samples where the category changed.
WITH in_order AS (
    SELECT
        b.number,
        s.game_id,
        t.instant,
        t.seconds,
        t.sample,
        t.second_of_day,
        s.viewer_count,
        CASE
            WHEN LAG(s.game_id) OVER (PARTITION BY b.number ORDER BY t.instant) = s.game_id THEN 0
            ELSE 1
        END AS begins
    FROM streams AS s
    INNER JOIN ticks AS t ON t.dataset = s.dataset AND t.run_after = s.run_after
    INNER JOIN broadcasts AS b ON b.scope = t.scope AND b.period = t.period AND b.id = s.id
    WHERE b.several_categories
),

numbered AS (
    SELECT
        number,
        game_id,
        instant,
        seconds,
        sample,
        second_of_day,
        viewer_count,
        SUM(begins) OVER (
            PARTITION BY number ORDER BY instant ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS segment
    FROM in_order
),

made AS (
    SELECT
        number,
        segment,
        game_id,
        MIN(CASE WHEN sample = 1 THEN instant END) AS first_seen,
        MAX(CASE WHEN sample = 1 THEN instant END) AS last_seen,
        SUM(viewer_count * seconds) AS viewer_seconds,
        SUM(seconds) AS airtime_seconds,
        SUM(sample) AS samples,
        MAX(CASE WHEN sample = 1 THEN viewer_count * 86400 + 86399 - second_of_day END) AS peak
    FROM numbered
    GROUP BY number, segment, game_id
    UNION ALL
    SELECT
        number,
        1 AS segment,
        game_id,
        first_seen,
        last_seen,
        viewer_seconds,
        airtime_seconds,
        samples,
        peak
    FROM broadcasts
    WHERE NOT several_categories
)

SELECT
    b.scope,
    b.dataset,
    b.period,
    b.id,
    CAST(m.segment AS BIGINT) AS segment,
    b.user_id,
    m.game_id,
    m.first_seen,
    m.last_seen,
    CAST(m.viewer_seconds AS BIGINT) AS viewer_seconds,
    CAST(m.airtime_seconds AS BIGINT) AS airtime_seconds,
    CAST(m.samples AS BIGINT) AS samples,
    CAST((m.peak - MOD(m.peak, 86400)) / 86400 AS BIGINT) AS peak_viewers,
    k.instant AS peak_at
FROM made AS m
INNER JOIN broadcasts AS b ON b.number = m.number
LEFT JOIN ticks AS k
    ON k.scope = b.scope AND k.period = b.period AND k.sample = 1 AND k.second_of_day = 86399 - MOD(m.peak, 86400)
