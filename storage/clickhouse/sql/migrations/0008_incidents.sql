-- Incidents as they were written last; the body is JSON. A row replaces the ones before it.

CREATE TABLE IF NOT EXISTS incidents
(
    tenant  LowCardinality(String),
    id      String,
    written DateTime64(3, 'UTC'),
    started DateTime64(3, 'UTC'),
    body    String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (tenant, id)
TTL toDateTime(started) + toIntervalDay(400);
