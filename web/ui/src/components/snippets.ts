interface Snippet {
  id: string
  title: string
  text: string
  code: string
}

/** Ways to send traces to the ingest on a host, with OTLP's standard ports. */
export function snippets(host: string): Snippet[] {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return [
    {
      id: 'demo',
      title: 'Demo traffic',
      text: 'No services at hand? This plays a small shop with faults in it, through the same door as real services.',
      code: `faultline demo --endpoint ${name}:4317`,
    },
    {
      id: 'collector',
      title: 'OpenTelemetry Collector',
      text: 'Add an exporter next to the ones you have. Send before any tail sampling, so that every call is counted.',
      code: `exporters:
  otlp/faultline:
    endpoint: ${name}:4317
    compression: zstd
    tls:
      insecure: true   # plain text; remove when ingest serves TLS

service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlp/faultline]`,
    },
    {
      id: 'sdk',
      title: 'SDK environment',
      text: 'Straight from a service that is instrumented with any OpenTelemetry SDK.',
      code: `export OTEL_SERVICE_NAME=cart
export OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop,deployment.environment.name=prod
export OTEL_TRACES_EXPORTER=otlp
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT=http://${name}:4318`,
    },
  ]
}
