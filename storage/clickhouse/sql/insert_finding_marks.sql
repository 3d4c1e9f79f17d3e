INSERT INTO finding_marks (tenant, id, at, what, by, reason, until)
