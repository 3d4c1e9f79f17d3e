-- The newest traces with a call on an edge in the window. The hash is what the table's index is made of.
SELECT
    {{- template "trace_summary"}}
FROM spans
WHERE tenant = {tenant:String} AND trace IN
(
    SELECT trace
    FROM spans
    WHERE tenant = {tenant:String}
        AND start >= {from:DateTime64(9, 'UTC')} AND start < {to:DateTime64(9, 'UTC')}
        AND cityHash64(caller, callee) = cityHash64({caller:UInt64}, {callee:UInt64})
        AND caller = {caller:UInt64} AND callee = {callee:UInt64}
        AND ({any:Bool} OR (bitAnd(outcome, 1) = 1) = {failed:Bool})
    GROUP BY trace
    ORDER BY min(start) DESC, trace
    LIMIT {limit:UInt64}
)
GROUP BY trace
ORDER BY begin DESC, trace
