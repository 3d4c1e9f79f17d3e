-- When the newest rows of the buckets of a window were stored, and what time it is.
SELECT bucket, max(stored_at), now64(3, 'UTC')
FROM changed_buckets
WHERE tenant = {tenant:String} AND of = {of:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
GROUP BY bucket
