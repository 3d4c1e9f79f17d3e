{{- /* The rows of a window, each bucket from exactly one tier; the argument is the tables' name without its suffix. */ -}}
{{define "tiers"}}(
    SELECT * FROM {{.}}_6h
    WHERE tenant = {tenant:String} AND bucket >= {from_6h:DateTime('UTC')} AND bucket < {to_6h:DateTime('UTC')}
    UNION ALL
    SELECT * FROM {{.}}_1h
    WHERE tenant = {tenant:String}
        AND (bucket >= {from_1h:DateTime('UTC')} AND bucket < {from_6h:DateTime('UTC')}
            OR bucket >= {to_6h:DateTime('UTC')} AND bucket < {to_1h:DateTime('UTC')})
    UNION ALL
    SELECT * FROM {{.}}_1m
    WHERE tenant = {tenant:String}
        AND (bucket >= {from_1m:DateTime('UTC')} AND bucket < {from_1h:DateTime('UTC')}
            OR bucket >= {to_1h:DateTime('UTC')} AND bucket < {to_1m:DateTime('UTC')})
    UNION ALL
    SELECT * FROM {{.}}_10s
    WHERE tenant = {tenant:String}
        AND (bucket >= {from_10s:DateTime('UTC')} AND bucket < {from_1m:DateTime('UTC')}
            OR bucket >= {to_1m:DateTime('UTC')} AND bucket < {to_10s:DateTime('UTC')})
){{end}}
{{- /* The same of tables that have the tiers 1m and 1h only. */ -}}
{{define "minute_tiers"}}(
    SELECT * FROM {{.}}_1h
    WHERE tenant = {tenant:String} AND bucket >= {from_1h:DateTime('UTC')} AND bucket < {to_1h:DateTime('UTC')}
    UNION ALL
    SELECT * FROM {{.}}_1m
    WHERE tenant = {tenant:String}
        AND (bucket >= {from_1m:DateTime('UTC')} AND bucket < {from_1h:DateTime('UTC')}
            OR bucket >= {to_1h:DateTime('UTC')} AND bucket < {to_1m:DateTime('UTC')})
){{end}}
