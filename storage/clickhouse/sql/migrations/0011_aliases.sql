-- Who answers the calls to a peer that callers name by its address or in another way. With it, calls that nobody
-- answered are shown on the edge of the service that they were meant for.

CREATE TABLE IF NOT EXISTS aliases_1h
(
    tenant LowCardinality(String),
    bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
    caller UInt64 CODEC(ZSTD(1)),
    peer   UInt64 COMMENT 'the inferred node that a call without an answer is counted to' CODEC(ZSTD(1)),
    callee UInt64 CODEC(ZSTD(1)),
    n      SimpleAggregateFunction(sum, Int64) COMMENT 'answered calls of one in eight traces' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, caller, peer, callee)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
