-- The predictions of the latest incidents of a tenant.
SELECT incident, node, operation, started, made, root, severity, predicted, low, high, reference, observed
FROM predictions FINAL
WHERE tenant = {tenant:String}
ORDER BY started DESC, incident, node, operation
LIMIT {limit:UInt32}
