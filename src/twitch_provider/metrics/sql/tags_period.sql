-- Each tag on a day. tagged is tag_lists with a row for each distinct tag of a list.
WITH sums AS (
    SELECT
        scope,
        dataset,
        period,
        tag,
        SUM(viewer_seconds) AS viewer_seconds,
        SUM(airtime_seconds) AS airtime_seconds,
        COUNT(DISTINCT CASE WHEN samples > 0 THEN user_id END) AS unique_channels
    FROM tagged
    GROUP BY scope, dataset, period, tag
)

SELECT
    scope,
    dataset,
    period,
    tag,
    CAST(viewer_seconds AS BIGINT) AS viewer_seconds,
    CAST(airtime_seconds AS BIGINT) AS airtime_seconds,
    unique_channels,
    ROW_NUMBER() OVER (PARTITION BY scope, period ORDER BY viewer_seconds DESC, tag) AS rank
FROM sums
