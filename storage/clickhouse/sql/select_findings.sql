-- All findings of a tenant as they were written last.
SELECT
    kind, node, callee, operation, key, state, severity, confidence, title, detail,
    facts.name, facts.value, facts.unit, facts.text, traces, since, sudden, first, opened, last, changed, openings, incident
FROM findings FINAL
WHERE tenant = {tenant:String}
ORDER BY id
