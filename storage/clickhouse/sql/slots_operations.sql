-- What the busiest operations of a window served in some minutes, five minutes in a row.
SELECT
    toStartOfFiveMinutes(bucket) AS slot, node, operation,
    groupArray(total), groupArray(bad),
    {{- template "histogram" "times"}}
FROM
(
    SELECT bucket, node, operation, sum(calls) AS total, sum(failed) AS bad, sumMap(server) AS times
    FROM operations_1m
    WHERE tenant = {tenant:String} AND bucket IN {minutes:Array(DateTime('UTC'))}
        AND (node, operation) IN
        (
            SELECT node, operation
            FROM operations_1m
            WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
            GROUP BY node, operation
            ORDER BY sum(calls) DESC, node, operation
            LIMIT {most:UInt32}
        )
    GROUP BY bucket, node, operation
    HAVING total > 0
)
GROUP BY slot, node, operation
ORDER BY slot, node, operation
