-- What was said last about each finding.
SELECT
    id,
    max(at) AS latest,
    argMax(what, at) AS what,
    argMax(by, at) AS by,
    argMax(reason, at) AS reason,
    argMax(until, at) AS until
FROM finding_marks
WHERE tenant = {tenant:String}
GROUP BY id
ORDER BY id
