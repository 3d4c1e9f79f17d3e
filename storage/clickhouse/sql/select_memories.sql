-- What was remembered last.
SELECT caller, operation, callee, through, data
FROM judge_memories FINAL
WHERE tenant = {tenant:String}
    AND through = (SELECT max(through) FROM judge_memories WHERE tenant = {tenant:String})
ORDER BY caller, operation, callee
