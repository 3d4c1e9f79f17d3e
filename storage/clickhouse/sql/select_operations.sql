-- The operations that one node served in a window, busiest first.
SELECT
    operation, version,
    {{- template "counts"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "operations"}}
WHERE node = {node:UInt64}
GROUP BY operation, version
HAVING total > 0
ORDER BY total DESC, operation, version
