-- All operations, bucket by bucket.
SELECT
    bucket, node, operation, version,
    {{- template "counts"}},
    {{- template "histogram" "server"}}
FROM {table:Identifier}
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
GROUP BY bucket, node, operation, version
HAVING total > 0
ORDER BY bucket, node, operation, version
