-- Whether a node takes part in any edge of a window.
SELECT count() > 0
FROM
(
    SELECT 1
    FROM {{template "tiers" "edges"}}
    WHERE caller = {node:UInt64} OR callee = {node:UInt64} OR via = {node:UInt64}
    GROUP BY caller, callee, protocol, mode, via
    HAVING sum(calls) > 0
    LIMIT 1
)
