INSERT INTO exchange_records (epoch, replica, position, received, kind, meta, body, until)
