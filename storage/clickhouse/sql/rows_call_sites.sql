-- All call sites, bucket by bucket.
SELECT
    bucket, caller, callee, via, protocol, mode, caller_operation, callee_operation, groupBitOr(basis),
    {{- template "counts"}},
    {{- template "histogram" "client"}},
    {{- template "histogram" "server"}}
FROM {table:Identifier}
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
GROUP BY bucket, caller, callee, via, protocol, mode, caller_operation, callee_operation
HAVING total > 0
ORDER BY bucket, caller, callee, via, protocol, mode, caller_operation, callee_operation
