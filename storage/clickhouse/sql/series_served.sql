-- What a node served, step by step. All its operations, or one.
SELECT
    intDiv(toUnixTimestamp(bucket), {step:UInt32}) * {step:UInt32} AS start,
    {{- template "counts"}},
    {{- template "histogram" "server"}}
FROM {table:Identifier}
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    AND node = {node:UInt64}
    AND ({all:Bool} OR operation = {operation:String})
GROUP BY start
ORDER BY start
