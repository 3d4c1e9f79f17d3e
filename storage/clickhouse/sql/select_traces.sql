-- The newest or slowest traces with a span in the window; with a node, with a span of it or a call to it. Whether a trace failed is asked of its spans in the window
-- first, so that the limit does not count others, and of all its spans in the end.
SELECT
    {{- template "trace_summary"}}
FROM spans
WHERE tenant = {tenant:String} AND trace IN
(
    SELECT trace
    FROM spans
    WHERE tenant = {tenant:String}
        AND start >= {from:DateTime64(9, 'UTC')} AND start < {to:DateTime64(9, 'UTC')}
        AND ({node:UInt64} = 0 OR node = {node:UInt64} OR callee = {node:UInt64})
    GROUP BY trace
    HAVING {any:Bool} OR (max(bitAnd(outcome, 1)) = 1) = {failed:Bool}
    ORDER BY if({slowest:Bool}, toInt64(max(duration_ns)), toUnixTimestamp64Nano(min(start))) DESC, trace
    LIMIT {limit:UInt64}
)
GROUP BY trace
HAVING {any:Bool} OR {node:UInt64} != 0 OR (failures > 0) = {failed:Bool}
ORDER BY
    if({slowest:Bool}, toInt64(maxIf(duration_ns, {node:UInt64} = 0 OR node = {node:UInt64} OR callee = {node:UInt64})), toUnixTimestamp64Nano(begin)) DESC,
    trace
