-- What each node served in a window, by its own account, where anything is left after corrections.
SELECT
    node,
    max(last_seen),
    {{- template "counts"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "operations"}}
GROUP BY node
HAVING total > 0
