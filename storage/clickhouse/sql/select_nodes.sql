-- The identity of every node of a tenant.
SELECT id, any(type), any(name), any(namespace), any(environment), any(system), max(address)
FROM nodes
WHERE tenant = {tenant:String}
GROUP BY id
