-- The operations that every node served in a window, by version.
SELECT
    node, operation, version,
    {{- template "counts"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "operations"}}
GROUP BY node, operation, version
HAVING total > 0
ORDER BY node, operation, version
