{{- /* One line for each trace, in the order in which Traces scans it. A span that was stored twice is one span. */ -}}
{{define "trace_summary"}}
    trace,
    min(start) AS begin,
    max(toUnixTimestamp64Nano(start) + duration_ns) - toUnixTimestamp64Nano(begin),
    argMin(node, (start, id, kind)),
    argMin(operation, (start, id, kind)),
    uniqExact(id, kind),
    uniqExactIf((id, kind), bitAnd(outcome, 1) = 1) AS failures,
    argMax(why, (indexOf(['all', 'baseline', 'slow', 'error'], why), why))
{{- end}}
