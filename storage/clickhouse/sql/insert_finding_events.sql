INSERT INTO finding_events (tenant, id, at, what, severity, title)
