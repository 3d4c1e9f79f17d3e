-- When the newest rows of each bucket were stored, by what they are of: whoever looks at the latest buckets again and again reads
-- only those that changed. Several rows of one bucket are added up when they are read.

CREATE TABLE IF NOT EXISTS changed_buckets
(
    tenant    LowCardinality(String),
    of        LowCardinality(String) COMMENT 'calls: of ten seconds, with requests; outcomes: of a minute',
    bucket    DateTime('UTC'),
    stored_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(bucket)
ORDER BY (tenant, of, bucket)
TTL bucket + toIntervalDay(2)
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS changed_buckets_of_call_sites_view TO changed_buckets AS
SELECT tenant, 'calls' AS of, bucket, now64(3, 'UTC') AS stored_at FROM call_sites_10s GROUP BY tenant, bucket;

CREATE MATERIALIZED VIEW IF NOT EXISTS changed_buckets_of_operations_view TO changed_buckets AS
SELECT tenant, 'calls' AS of, bucket, now64(3, 'UTC') AS stored_at FROM operations_10s GROUP BY tenant, bucket;

CREATE MATERIALIZED VIEW IF NOT EXISTS changed_buckets_of_outcomes_view TO changed_buckets AS
SELECT tenant, 'outcomes' AS of, bucket, now64(3, 'UTC') AS stored_at FROM outcomes_1m GROUP BY tenant, bucket;
