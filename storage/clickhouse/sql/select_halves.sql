-- The halves of a window by what became of them.
SELECT node, side, fate, sum(n) AS total
FROM {{template "minute_tiers" "halves"}}
GROUP BY node, side, fate
HAVING total != 0
ORDER BY node, side, fate
