-- The identity of the nodes with the given ids.
SELECT id, any(type), any(name), any(namespace), any(environment), any(system), max(address)
FROM nodes
WHERE tenant = {tenant:String} AND id IN {nodes:Array(UInt64)}
GROUP BY id
