-- The tables of the graph. The reasons for keys, engines, partitions and codecs are in docs/storage.md.
--
-- Every statement of a migration must be safe to run twice and by many replicas at once.

CREATE TABLE IF NOT EXISTS nodes
(
    tenant      LowCardinality(String),
    id          UInt64,
    type        SimpleAggregateFunction(any, LowCardinality(String)),
    name        SimpleAggregateFunction(any, String),
    namespace   SimpleAggregateFunction(any, LowCardinality(String)),
    environment SimpleAggregateFunction(any, LowCardinality(String)),
    system      SimpleAggregateFunction(any, LowCardinality(String)),
    address     SimpleAggregateFunction(max, String),
    tier        SimpleAggregateFunction(anyLast, LowCardinality(String)),
    first_seen  SimpleAggregateFunction(min, DateTime('UTC')),
    last_seen   SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, id);

CREATE TABLE IF NOT EXISTS call_sites_10s
(
    tenant           LowCardinality(String),
    bucket           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    caller           UInt64 CODEC(ZSTD(1)),
    callee           UInt64 CODEC(ZSTD(1)),
    protocol         LowCardinality(String),
    mode             LowCardinality(String),
    via              UInt64 CODEC(ZSTD(1)),
    caller_operation LowCardinality(String),
    callee_operation LowCardinality(String),
    basis            SimpleAggregateFunction(groupBitOr, UInt8),
    last_seen        SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    calls            SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    failed           SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    throttled        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    client_errors    SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    timeouts         SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    resends          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    sampled          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    weight           SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/65536' CODEC(T64, ZSTD(1)),
    weight_squared   SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/256' CODEC(T64, ZSTD(1)),
    client           SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    server           SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via, caller_operation, callee_operation)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS call_sites_1m AS call_sites_10s
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via, caller_operation, callee_operation)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS call_sites_1h AS call_sites_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via, caller_operation, callee_operation)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS call_sites_6h AS call_sites_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via, caller_operation, callee_operation)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS edges_10s
(
    tenant         LowCardinality(String),
    bucket         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    caller         UInt64 CODEC(ZSTD(1)),
    callee         UInt64 CODEC(ZSTD(1)),
    protocol       LowCardinality(String),
    mode           LowCardinality(String),
    via            UInt64 CODEC(ZSTD(1)),
    basis          SimpleAggregateFunction(groupBitOr, UInt8),
    last_seen      SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    calls          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    failed         SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    throttled      SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    client_errors  SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    timeouts       SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    resends        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    sampled        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    weight         SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/65536' CODEC(T64, ZSTD(1)),
    weight_squared SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/256' CODEC(T64, ZSTD(1)),
    client         SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1)),
    server         SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS edges_1m AS edges_10s
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS edges_1h AS edges_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS edges_6h AS edges_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, callee, protocol, mode, via)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS operations_10s
(
    tenant         LowCardinality(String),
    bucket         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    node           UInt64 CODEC(ZSTD(1)),
    operation      LowCardinality(String),
    version        LowCardinality(String),
    last_seen      SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    calls          SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    failed         SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    throttled      SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    client_errors  SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    timeouts       SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    resends        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    sampled        SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    weight         SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/65536' CODEC(T64, ZSTD(1)),
    weight_squared SimpleAggregateFunction(sum, Int64) COMMENT 'in 1/256' CODEC(T64, ZSTD(1)),
    server         SimpleAggregateFunction(sumMap, Map(UInt16, Int64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, node, operation, version)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS operations_1m AS operations_10s
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, bucket, node, operation, version)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS operations_1h AS operations_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, node, operation, version)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS operations_6h AS operations_10s
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, node, operation, version)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- When the newest data of each tenant were stored, for readers that wait for something new.
CREATE TABLE IF NOT EXISTS changes
(
    tenant    LowCardinality(String),
    stored_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY tenant;
