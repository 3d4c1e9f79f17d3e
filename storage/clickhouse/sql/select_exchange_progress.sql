SELECT now64(3, 'UTC'), max(closing), max(stored)
FROM exchange_progress
