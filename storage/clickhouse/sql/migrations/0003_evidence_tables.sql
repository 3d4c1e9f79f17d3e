-- How requests fared with the calls they made, what became of halves, the traces kept as evidence, and what
-- ingest says about itself.

CREATE TABLE IF NOT EXISTS outcomes_1m
(
    tenant             LowCardinality(String),
    bucket             DateTime('UTC') CODEC(Delta, ZSTD(1)),
    caller             UInt64 CODEC(ZSTD(1)),
    operation          LowCardinality(String),
    version            LowCardinality(String),
    callee             UInt64 COMMENT '0: the requests as a whole' CODEC(ZSTD(1)),
    requests           SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    failed             SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    clean              SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    clean_failed       SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    calls              SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    attempts           SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    failed_attempts    SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    rescued            SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    hedged             SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    cancelled          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    timed_out          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    total_fatal        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    total_survived     SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    partial_fatal      SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    partial_survived   SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    contested_fatal    SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    contested_survived SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    blamed             SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    unexplained        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    async              SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    on_path            SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    time_us            SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    path_time_us       SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    duration_us        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    time_time          SimpleAggregateFunction(sum, Int64) COMMENT 'in 1024 square microseconds' CODEC(T64, ZSTD(1)),
    time_duration      SimpleAggregateFunction(sum, Int64) COMMENT 'in 1024 square microseconds' CODEC(T64, ZSTD(1)),
    duration_duration  SimpleAggregateFunction(sum, Int64) COMMENT 'in 1024 square microseconds' CODEC(T64, ZSTD(1)),
    failed_times       SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    gaps               SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    gap_ratios         SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    tries              SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    fatal_trace        SimpleAggregateFunction(min, FixedString(16)) COMMENT 'all ones: none' CODEC(ZSTD(1)),
    survived_trace     SimpleAggregateFunction(min, FixedString(16)) COMMENT 'all ones: none' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, caller, operation, version, callee)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS outcomes_1h AS outcomes_1m
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, operation, version, callee)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS halves_1m
(
    tenant LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    node   UInt64 CODEC(ZSTD(1)),
    side   LowCardinality(String),
    fate   LowCardinality(String),
    n      SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, node, side, fate)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS halves_1h AS halves_1m
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, node, side, fate)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- A trace is a few rows in a row, so granules are short: one that is read for a trace holds little else.
CREATE TABLE IF NOT EXISTS spans
(
    tenant      LowCardinality(String),
    trace       FixedString(16) CODEC(ZSTD(1)),
    id          FixedString(8) CODEC(ZSTD(1)),
    parent      FixedString(8) COMMENT 'all zero: none' CODEC(ZSTD(1)),
    start       DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns Int64 CODEC(T64, ZSTD(1)),
    node        UInt64 CODEC(ZSTD(1)),
    operation   LowCardinality(String),
    kind        UInt8 COMMENT 'as in OTLP',
    outcome     UInt16 COMMENT 'bits; the lowest: failed',
    protocol    LowCardinality(String),
    caller      UInt64 COMMENT 'of the edge that the span stands for; 0: none' CODEC(ZSTD(1)),
    callee      UInt64 COMMENT 'likewise' CODEC(ZSTD(1)),
    why         LowCardinality(String),
    INDEX edge cityHash64(caller, callee) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(start)
ORDER BY (tenant, trace, start, id)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 1024;

CREATE TABLE IF NOT EXISTS pipeline
(
    replica LowCardinality(String),
    started DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version LowCardinality(String),
    values  Map(LowCardinality(String), Int64) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(at)
ORDER BY (at, replica)
TTL toDateTime(at) + toIntervalDay(14)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
