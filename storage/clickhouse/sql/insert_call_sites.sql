INSERT INTO call_sites_10s
    (tenant, bucket, caller, callee, protocol, mode, via, caller_operation, callee_operation, basis, last_seen,
    calls, failed, throttled, client_errors, timeouts, resends, sampled, weight, weight_squared, client, server)
