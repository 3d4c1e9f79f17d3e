-- What ingest said about itself: the first report of each process in the window, and its last of every
-- minute.
SELECT replica, started, at, version, values
FROM
(
    SELECT
        *,
        min(at) OVER (PARTITION BY replica, started) AS first,
        max(at) OVER (PARTITION BY replica, started, toStartOfMinute(at)) AS last
    FROM pipeline
    WHERE at >= {from:DateTime64(9, 'UTC')} AND at < {to:DateTime64(9, 'UTC')}
)
WHERE at = first OR at = last
ORDER BY replica, at, started
