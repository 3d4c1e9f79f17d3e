-- The latest incidents of a tenant.
SELECT body
FROM incidents FINAL
WHERE tenant = {tenant:String}
ORDER BY started DESC, id
LIMIT {limit:UInt32}
