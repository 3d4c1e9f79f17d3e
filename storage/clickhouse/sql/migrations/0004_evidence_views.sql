-- Made like the views of 0002: a view only moves rows to a longer bucket.

CREATE MATERIALIZED VIEW IF NOT EXISTS outcomes_1h_view TO outcomes_1h AS
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM outcomes_1m;

CREATE MATERIALIZED VIEW IF NOT EXISTS halves_1h_view TO halves_1h AS
SELECT * REPLACE (toStartOfHour(bucket) AS bucket) FROM halves_1m;

CREATE MATERIALIZED VIEW IF NOT EXISTS changes_of_outcomes_view TO changes AS
SELECT tenant, now64(3, 'UTC') AS stored_at FROM outcomes_1m GROUP BY tenant;
