INSERT INTO nodes
    (tenant, id, type, name, namespace, environment, system, address, tier, first_seen, last_seen)
