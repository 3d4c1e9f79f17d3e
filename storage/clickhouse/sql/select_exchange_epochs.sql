SELECT DISTINCT epoch
FROM exchange_records
WHERE epoch > {after:Int64} AND epoch <= {up_to:Int64}
ORDER BY epoch
