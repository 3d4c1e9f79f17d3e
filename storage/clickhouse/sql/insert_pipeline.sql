INSERT INTO pipeline (replica, started, at, version, values)
