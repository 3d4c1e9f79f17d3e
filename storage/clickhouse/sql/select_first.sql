-- The first bucket of calls in each tier that keeps them for shorter or longer, or NULL if there is none.
SELECT
    (SELECT bucket FROM edges_10s WHERE tenant = {tenant:String} ORDER BY tenant, bucket LIMIT 1),
    (SELECT bucket FROM edges_1m WHERE tenant = {tenant:String} ORDER BY tenant, bucket LIMIT 1),
    (SELECT bucket FROM edges_1h WHERE tenant = {tenant:String} ORDER BY tenant, bucket LIMIT 1)
