{{- /* The sums of graph.Stats in the order in which statsRow scans them. A histogram travels as the bytes of
       two arrays: the driver reads strings many times faster than maps. */ -}}
{{define "counts"}}
    sum(calls) AS total,
    sum(failed),
    sum(throttled),
    sum(client_errors),
    sum(timeouts),
    sum(resends),
    sum(sampled),
    sum(weight),
    sum(weight_squared)
{{- end}}
{{define "histogram"}}
    reinterpret(mapKeys(sumMap({{.}})), 'String'),
    reinterpret(mapValues(sumMap({{.}})), 'String')
{{- end}}
