INSERT INTO outcomes_1m
    (tenant, bucket, caller, operation, version, callee,
    requests, failed, clean, clean_failed,
    calls, attempts, failed_attempts, rescued, hedged, cancelled, timed_out,
    total_fatal, total_survived, partial_fatal, partial_survived, contested_fatal, contested_survived,
    contested_passed, fatal_passed,
    blamed, unexplained, async, on_path,
    time_us, path_time_us, duration_us, time_time, time_duration, duration_duration,
    abandoned, overrun, refused, refused_repeated, unsafe_retries, bursts,
    failed_times, gaps, gap_ratios, tries, patience, fatal_trace, survived_trace, patience_trace, retry_trace)
