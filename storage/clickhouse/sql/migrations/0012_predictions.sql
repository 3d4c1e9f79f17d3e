-- What was predicted of incidents from what was known before them, and what became of it.

CREATE TABLE IF NOT EXISTS predictions
(
    tenant    LowCardinality(String),
    incident  String,
    node      UInt64,
    operation String,
    started   DateTime64(3, 'UTC') COMMENT 'the incident',
    made      DateTime64(3, 'UTC') COMMENT 'what the prediction is from was known then',
    root      UInt64,
    severity  Float64 COMMENT 'share of the requests of the root that failed',
    predicted Float64,
    low       Float64,
    high      Float64,
    reference Float64 COMMENT 'if every dependency that is waited for were hard',
    observed  Float64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, incident, node, operation)
TTL toDateTime(started) + toIntervalDay(400);
