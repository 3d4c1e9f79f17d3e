INSERT INTO halves_1m (tenant, bucket, node, side, fate, n)
