SELECT member, max(said) AS word
FROM exchange_members
GROUP BY member
HAVING max(until) > now64(3, 'UTC') AND word < 9223372036854775807
ORDER BY member
