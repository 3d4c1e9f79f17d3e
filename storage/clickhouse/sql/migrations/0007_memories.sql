-- What the analysis remembers of minutes that it will not read again, so that a restart forgets nothing. All rows
-- of one save have the same time; those with the latest are what is remembered.

CREATE TABLE IF NOT EXISTS judge_memories
(
    tenant    LowCardinality(String),
    caller    UInt64,
    operation String,
    callee    UInt64 COMMENT '0: about the operation',
    through   DateTime('UTC'),
    data      String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(through)
ORDER BY (tenant, caller, operation, callee)
TTL through + toIntervalDay(60);
