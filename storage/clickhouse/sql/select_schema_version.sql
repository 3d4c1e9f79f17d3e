-- The version of the schema; 0 for a new database.
SELECT max(version) FROM schema_migrations
