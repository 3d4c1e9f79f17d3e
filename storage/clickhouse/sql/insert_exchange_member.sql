INSERT INTO exchange_members (member, said, until)
SELECT {member:String}, {said:Int64}, now64(3, 'UTC') + toIntervalMillisecond({lease_ms:Int64})
