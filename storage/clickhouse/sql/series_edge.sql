-- One edge, step by step.
SELECT
    intDiv(toUnixTimestamp(bucket), {step:UInt32}) * {step:UInt32} AS start,
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {table:Identifier}
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    AND caller = {caller:UInt64} AND callee = {callee:UInt64}
    AND protocol = {protocol:String} AND mode = {mode:String} AND via = {via:UInt64}
GROUP BY start
ORDER BY start
