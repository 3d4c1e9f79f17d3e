-- How a finding changed, oldest first.
SELECT id, at, what, severity, title
FROM finding_events FINAL
WHERE tenant = {tenant:String} AND id = {id:String}
ORDER BY at, what
