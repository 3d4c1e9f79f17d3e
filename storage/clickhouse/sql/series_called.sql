-- What the callers of a node saw of it, step by step. Collapsed edges repeat calls to and from a queue.
SELECT
    intDiv(toUnixTimestamp(bucket), {step:UInt32}) * {step:UInt32} AS start,
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {table:Identifier}
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    AND callee = {node:UInt64} AND via = 0
GROUP BY start
ORDER BY start
