INSERT INTO operations_10s
    (tenant, bucket, node, operation, version, last_seen,
    calls, failed, throttled, client_errors, timeouts, resends, sampled, weight, weight_squared, server)
