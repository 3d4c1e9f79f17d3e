-- What a node is; no row if it is unknown.
SELECT any(type) FROM nodes WHERE tenant = {tenant:String} AND id = {node:UInt64} GROUP BY id
