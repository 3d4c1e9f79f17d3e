INSERT INTO aliases_1h (tenant, bucket, caller, peer, callee, n)
