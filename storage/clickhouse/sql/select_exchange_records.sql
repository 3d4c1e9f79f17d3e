SELECT replica, position, received, kind, meta, body
FROM exchange_records
WHERE epoch = {epoch:Int64}
ORDER BY replica, position
