-- The server's version, which of the settings that the store relies on it does not know, and whether it
-- limits the threads of a query by free memory.
WITH
    ['insert_deduplication_token', 'deduplicate_blocks_in_dependent_materialized_views', 'insert_deduplicate', 'async_insert'] AS needed,
    ['non_replicated_deduplication_window'] AS needed_of_tables
SELECT
    version(),
    arrayConcat(
        arrayFilter(n -> n NOT IN (SELECT name FROM system.settings), needed),
        arrayFilter(n -> n NOT IN (SELECT name FROM system.merge_tree_settings), needed_of_tables)),
    'max_threads_min_free_memory_per_thread' IN (SELECT name FROM system.settings)
