-- Failures after which a request went on: whether a caller stops at a failure tells which of several it met first.

ALTER TABLE outcomes_1m
    ADD COLUMN IF NOT EXISTS contested_passed SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER contested_survived,
    ADD COLUMN IF NOT EXISTS fatal_passed     SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER contested_passed;

ALTER TABLE outcomes_1h
    ADD COLUMN IF NOT EXISTS contested_passed SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER contested_survived,
    ADD COLUMN IF NOT EXISTS fatal_passed     SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER contested_passed;

-- The view knows the columns of when it was made.
ALTER TABLE outcomes_1h_view MODIFY QUERY
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM outcomes_1m;
