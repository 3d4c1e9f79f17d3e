INSERT INTO incidents (tenant, id, written, started, body)
