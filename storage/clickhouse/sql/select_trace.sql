-- The spans of a trace. Of a span that was stored twice, the row that knows its edge.
SELECT id, parent, start, duration_ns, node, operation, kind, outcome, protocol, caller, callee, why
FROM spans
WHERE tenant = {tenant:String} AND trace = unhex({trace:String})
ORDER BY start, id, kind, callee = 0
LIMIT 1 BY id, kind
