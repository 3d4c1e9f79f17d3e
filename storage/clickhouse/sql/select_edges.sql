-- The edges of a window with calls left after corrections, busiest first.
SELECT
    caller, callee, protocol, mode, via,
    groupBitOr(basis),
    max(last_seen),
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "edges"}}
GROUP BY caller, callee, protocol, mode, via
HAVING total > 0
ORDER BY total DESC, caller, callee, protocol, mode, via
