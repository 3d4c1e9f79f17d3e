-- The newest or slowest traces with a call on an edge in the window. The hash is what the table's index is made of. A call failed if either end says so: a
-- caller that gives up waiting fails, and the callee that works on does not know. The caller's span is the parent of the callee's, or has its id.
WITH calls AS
(
    SELECT trace, id, parent, start, duration_ns, outcome
    FROM spans
    WHERE tenant = {tenant:String}
        AND start >= {from:DateTime64(9, 'UTC')} AND start < {to:DateTime64(9, 'UTC')}
        AND cityHash64(caller, callee) = cityHash64({caller:UInt64}, {callee:UInt64})
        AND caller = {caller:UInt64} AND callee = {callee:UInt64}
),
given_up AS
(
    SELECT trace, id
    FROM spans
    WHERE NOT {any:Bool} AND tenant = {tenant:String} AND trace IN (SELECT trace FROM calls)
        AND node = {caller:UInt64} AND kind = {client:UInt8} AND bitAnd(outcome, 1) = 1
)
SELECT
    {{- template "trace_summary"}}
FROM spans
WHERE tenant = {tenant:String} AND trace IN
(
    SELECT trace
    FROM calls
    WHERE {any:Bool} OR (bitAnd(outcome, 1) = 1 OR (trace, parent) IN given_up OR (trace, id) IN given_up) = {failed:Bool}
    GROUP BY trace
    ORDER BY if({slowest:Bool}, toInt64(max(duration_ns)), toUnixTimestamp64Nano(min(start))) DESC, trace
    LIMIT {limit:UInt64}
)
GROUP BY trace
ORDER BY
    if({slowest:Bool}, toInt64(maxIf(duration_ns, caller = {caller:UInt64} AND callee = {callee:UInt64})), toUnixTimestamp64Nano(begin)) DESC,
    trace
