INSERT INTO spans
    (tenant, trace, id, parent, start, duration_ns, node, operation, kind, outcome, protocol, caller, callee, why)
