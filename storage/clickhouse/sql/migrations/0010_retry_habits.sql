-- How callers go about failures: what is left behind after a timeout, what is repeated in vain or unsafely.

ALTER TABLE outcomes_1h
    ADD COLUMN IF NOT EXISTS abandoned SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER duration_duration,
    ADD COLUMN IF NOT EXISTS overrun SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER abandoned,
    ADD COLUMN IF NOT EXISTS refused SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER overrun,
    ADD COLUMN IF NOT EXISTS refused_repeated SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER refused,
    ADD COLUMN IF NOT EXISTS unsafe_retries SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER refused_repeated,
    ADD COLUMN IF NOT EXISTS bursts SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER unsafe_retries,
    ADD COLUMN IF NOT EXISTS patience SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)) AFTER tries,
    ADD COLUMN IF NOT EXISTS patience_trace SimpleAggregateFunction(min, FixedString(16)) DEFAULT unhex('ffffffffffffffffffffffffffffffff') COMMENT 'all ones: none' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retry_trace SimpleAggregateFunction(min, FixedString(16)) DEFAULT unhex('ffffffffffffffffffffffffffffffff') COMMENT 'all ones: none' CODEC(ZSTD(1));

ALTER TABLE outcomes_1m
    ADD COLUMN IF NOT EXISTS abandoned SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER duration_duration,
    ADD COLUMN IF NOT EXISTS overrun SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER abandoned,
    ADD COLUMN IF NOT EXISTS refused SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER overrun,
    ADD COLUMN IF NOT EXISTS refused_repeated SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER refused,
    ADD COLUMN IF NOT EXISTS unsafe_retries SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER refused_repeated,
    ADD COLUMN IF NOT EXISTS bursts SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)) AFTER unsafe_retries,
    ADD COLUMN IF NOT EXISTS patience SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)) AFTER tries,
    ADD COLUMN IF NOT EXISTS patience_trace SimpleAggregateFunction(min, FixedString(16)) DEFAULT unhex('ffffffffffffffffffffffffffffffff') COMMENT 'all ones: none' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retry_trace SimpleAggregateFunction(min, FixedString(16)) DEFAULT unhex('ffffffffffffffffffffffffffffffff') COMMENT 'all ones: none' CODEC(ZSTD(1));

-- The view knows the columns that there were when it was made.
ALTER TABLE outcomes_1h_view MODIFY QUERY
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM outcomes_1m;
