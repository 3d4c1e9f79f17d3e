-- How requests fared in a window, busiest first: those in which one node takes part, or all.
SELECT
    caller, operation, version, callee,
    {{- template "outcome"}}
FROM {{template "minute_tiers" "outcomes"}}
WHERE {node:UInt64} = 0 OR caller = {node:UInt64} OR callee = {node:UInt64}
GROUP BY caller, operation, version, callee
HAVING total > 0
ORDER BY total DESC, caller, operation, version, callee
