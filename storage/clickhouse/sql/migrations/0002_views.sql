-- Every rollup is made from its source table at insert. A view only moves rows to a longer bucket and
-- leaves columns out; the engine of its target adds up the rows that then share a key. Such a view yields
-- the same rows for the same block, which is what makes a repeated block recognisable in every target.

CREATE MATERIALIZED VIEW IF NOT EXISTS call_sites_1m_view TO call_sites_1m AS
SELECT * REPLACE (toStartOfMinute(bucket) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS call_sites_1h_view TO call_sites_1h AS
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS call_sites_6h_view TO call_sites_6h AS
SELECT * REPLACE (toStartOfInterval(bucket, INTERVAL 6 HOUR) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_10s_view TO edges_10s AS
SELECT * EXCEPT (caller_operation, callee_operation) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_1m_view TO edges_1m AS
SELECT * EXCEPT (caller_operation, callee_operation) REPLACE (toStartOfMinute(bucket) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_1h_view TO edges_1h AS
SELECT * EXCEPT (caller_operation, callee_operation) REPLACE (toStartOfHour(bucket) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_6h_view TO edges_6h AS
SELECT * EXCEPT (caller_operation, callee_operation) REPLACE (toStartOfInterval(bucket, INTERVAL 6 HOUR) AS bucket) FROM call_sites_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS operations_1m_view TO operations_1m AS
SELECT * REPLACE (toStartOfMinute(bucket) AS bucket) FROM operations_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS operations_1h_view TO operations_1h AS
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM operations_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS operations_6h_view TO operations_6h AS
SELECT * REPLACE (toStartOfInterval(bucket, INTERVAL 6 HOUR) AS bucket) FROM operations_10s;

CREATE MATERIALIZED VIEW IF NOT EXISTS changes_of_call_sites_view TO changes AS
SELECT tenant, now64(3, 'UTC') AS stored_at FROM call_sites_10s GROUP BY tenant;

CREATE MATERIALIZED VIEW IF NOT EXISTS changes_of_operations_view TO changes AS
SELECT tenant, now64(3, 'UTC') AS stored_at FROM operations_10s GROUP BY tenant;
