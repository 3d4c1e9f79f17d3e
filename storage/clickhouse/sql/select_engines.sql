-- The tables of the database with their engines in full, which includes the TTL.
SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()
