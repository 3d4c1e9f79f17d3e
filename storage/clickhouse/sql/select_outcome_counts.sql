-- How the requests of some callers fared in a window, whatever the version: only what tells who failed with whom.
SELECT
    caller, operation, callee,
    sum(requests) AS total, sum(failed), sum(clean), sum(clean_failed),
    sum(total_fatal), sum(total_survived), sum(partial_fatal), sum(partial_survived), sum(contested_fatal), sum(contested_survived)
FROM {{template "minute_tiers" "outcomes"}}
WHERE caller IN {callers:Array(UInt64)}
GROUP BY caller, operation, callee
HAVING total > 0
ORDER BY caller, operation, callee
