-- How requests fared, minute by minute. The table is read in the order of its key, so that the server holds
-- only the sums of a few minutes.
SELECT
    bucket, caller, operation, version, callee,
    {{- template "outcome"}}
FROM outcomes_1m
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
GROUP BY tenant, bucket, caller, operation, version, callee
HAVING total > 0
ORDER BY bucket, caller, operation, version, callee
SETTINGS optimize_aggregation_in_order = 1
