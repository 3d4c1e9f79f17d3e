-- The calls at the busiest call sites of a window in some minutes, five minutes in a row. Calls from outside are
-- the requests of operations, and those of a service to itself are no dependency.
SELECT
    toStartOfFiveMinutes(bucket) AS slot, caller, caller_operation, callee,
    groupArray(total), groupArray(bad),
    {{- template "histogram" "times"}}
FROM
(
    SELECT bucket, caller, caller_operation, callee, sum(calls) AS total, sum(failed) AS bad, sumMap(client) AS times
    FROM call_sites_1m
    WHERE tenant = {tenant:String} AND bucket IN {minutes:Array(DateTime('UTC'))} AND via = 0
        AND (caller, caller_operation, callee) IN
        (
            SELECT caller, caller_operation, callee
            FROM call_sites_1m
            WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
                AND via = 0 AND caller_operation != '' AND caller != callee
            GROUP BY caller, caller_operation, callee
            ORDER BY sum(calls) DESC, caller, caller_operation, callee
            LIMIT {most:UInt32}
        )
    GROUP BY bucket, caller, caller_operation, callee
    HAVING total > 0
)
GROUP BY slot, caller, caller_operation, callee
ORDER BY slot, caller, caller_operation, callee
