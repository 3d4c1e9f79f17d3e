-- The pairs of operations under one edge in a window, busiest first.
SELECT
    caller_operation, callee_operation,
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "call_sites"}}
WHERE caller = {caller:UInt64} AND callee = {callee:UInt64}
    AND protocol = {protocol:String} AND mode = {mode:String} AND via = {via:UInt64}
GROUP BY caller_operation, callee_operation
HAVING total > 0
ORDER BY total DESC, caller_operation, callee_operation
