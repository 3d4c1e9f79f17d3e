-- The edges of a window whose callers are in a range of ids, with calls left after corrections.
SELECT
    caller, callee, protocol, mode, via,
    groupBitOr(basis),
    max(last_seen),
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {{template "tiers" "edges"}}
WHERE caller >= {first:UInt64} AND caller <= {last:UInt64}
GROUP BY caller, callee, protocol, mode, via
HAVING total > 0
