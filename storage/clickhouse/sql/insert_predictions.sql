INSERT INTO predictions (tenant, incident, node, operation, started, made, root, severity, predicted, low, high, reference, observed)
