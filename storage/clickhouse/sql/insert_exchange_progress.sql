INSERT INTO exchange_progress (key, closing, stored)
SELECT 0, {closing:Int64}, {stored:Int64}
