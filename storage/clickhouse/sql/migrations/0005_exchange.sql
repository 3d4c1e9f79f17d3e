-- The log that several ingest processes share. A record is a request as it came in; the columns beside its
-- body say how to read it.
--
-- A block is refused once the lease of whoever sends it is about to run out, by this server's clock: then
-- others may have closed its epoch.

CREATE TABLE IF NOT EXISTS exchange_records
(
    epoch    Int64 CODEC(Delta, ZSTD(1)),
    replica  LowCardinality(String),
    position Int64 CODEC(Delta, ZSTD(1)),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    kind     UInt8,
    meta     String CODEC(ZSTD(1)),
    body     String CODEC(ZSTD(1)),
    until    DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    CONSTRAINT in_time CHECK now64(3, 'UTC') <= until
)
ENGINE = MergeTree
PARTITION BY toStartOfInterval(toDateTime(epoch * 2), INTERVAL 15 MINUTE)
ORDER BY (epoch, replica, position)
TTL toDateTime(epoch * 2) + toIntervalHour(2)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 64;

CREATE TABLE IF NOT EXISTS exchange_members
(
    member LowCardinality(String),
    said   SimpleAggregateFunction(max, Int64),
    until  SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY member
TTL toDateTime(until) + toIntervalDay(1);

CREATE TABLE IF NOT EXISTS exchange_progress
(
    key     UInt8,
    closing SimpleAggregateFunction(max, Int64),
    stored  SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY key;
