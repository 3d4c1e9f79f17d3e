-- How requests fared, minute by minute. Rows that share a key are in one partition and are put together as they
-- are read, in the order of the key, so the server holds few of them at a time; a GROUP BY would hold all. The
-- counts are looked at afterwards, lest a row be dropped before its correction meets it.
SELECT
    bucket, caller, operation, version, callee,
    requests, failed, clean, clean_failed,
    calls, attempts, failed_attempts, rescued, hedged, cancelled, timed_out,
    total_fatal, total_survived, partial_fatal, partial_survived, contested_fatal, contested_survived,
    contested_passed, fatal_passed,
    blamed, unexplained, async, on_path,
    time_us, path_time_us, duration_us, time_time, time_duration, duration_duration,
    abandoned, overrun, refused, refused_repeated, unsafe_retries, bursts,
    reinterpret(mapKeys(failed_times), 'String'), reinterpret(mapValues(failed_times), 'String'),
    reinterpret(mapKeys(gaps), 'String'), reinterpret(mapValues(gaps), 'String'),
    reinterpret(mapKeys(gap_ratios), 'String'), reinterpret(mapValues(gap_ratios), 'String'),
    reinterpret(mapKeys(tries), 'String'), reinterpret(mapValues(tries), 'String'),
    reinterpret(mapKeys(patience), 'String'), reinterpret(mapValues(patience), 'String'),
    fatal_trace, survived_trace, patience_trace, retry_trace
FROM outcomes_1m FINAL
WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    AND requests > 0
ORDER BY tenant, bucket, caller, operation, version, callee
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 0
