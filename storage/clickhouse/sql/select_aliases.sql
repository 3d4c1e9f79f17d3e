-- The peers of which at least 20 answered calls, and all but a hundredth, went to one service.
SELECT caller, peer, argMax(callee, (times, callee))
FROM
(
    SELECT caller, peer, callee, sum(n) AS times
    FROM aliases_1h
    WHERE tenant = {tenant:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    GROUP BY caller, peer, callee
    HAVING times > 0
)
GROUP BY caller, peer
HAVING sum(times) >= 20 AND max(times) >= 0.99 * sum(times)
