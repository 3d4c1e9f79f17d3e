-- What the analysis found, how that changed, and what people said about it. A row of findings replaces the
-- ones before it.

CREATE TABLE IF NOT EXISTS findings
(
    tenant     LowCardinality(String),
    id         String,
    written    DateTime64(3, 'UTC'),
    kind       LowCardinality(String),
    node       UInt64,
    callee     UInt64 COMMENT '0: it is about the node itself',
    operation  String,
    key        String,
    state      LowCardinality(String),
    severity   LowCardinality(String),
    confidence Float64,
    title      String CODEC(ZSTD(1)),
    detail     String CODEC(ZSTD(1)),
    facts      Array(Tuple(name String, value Float64, unit String, text String)) CODEC(ZSTD(1)),
    traces     Array(String) CODEC(ZSTD(1)),
    since      DateTime64(3, 'UTC') COMMENT '1970: not known',
    sudden     Bool,
    first      DateTime64(3, 'UTC'),
    opened     DateTime64(3, 'UTC'),
    last       DateTime64(3, 'UTC'),
    changed    DateTime64(3, 'UTC'),
    openings   UInt32,
    incident   String
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, id)
TTL toDateTime(last) + toIntervalDay(400);

CREATE TABLE IF NOT EXISTS finding_events
(
    tenant   LowCardinality(String),
    id       String,
    at       DateTime64(3, 'UTC'),
    what     LowCardinality(String),
    severity LowCardinality(String),
    title    String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (tenant, id, at, what)
TTL toDateTime(at) + toIntervalDay(400);

CREATE TABLE IF NOT EXISTS finding_marks
(
    tenant LowCardinality(String),
    id     String,
    at     DateTime64(3, 'UTC'),
    what   LowCardinality(String),
    by     String,
    reason String,
    until  DateTime64(3, 'UTC') COMMENT '1970: for good'
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, id, at)
TTL toDateTime(at) + toIntervalDay(400);
