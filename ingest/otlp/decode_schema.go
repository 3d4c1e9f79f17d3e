package otlp

// message is what the JSON form of OTLP and its protobuf form have in common for one type of message. It
// lists the fields that are read, with the numbers and names of opentelemetry-proto; all others are
// unknown, and are passed over in both forms.
type message struct {
	fields []field
}

type field struct {
	name     string // in JSON
	number   uint64 // in protobuf
	kind     fieldKind
	repeated bool
	message  *message // for kindMessage
}

// fieldKind is how a field is written.
type fieldKind uint8

const (
	kindString  fieldKind = iota
	kindID                // bytes; hexadecimal in JSON
	kindOpaque            // bytes that nobody reads
	kindBool              // varint
	kindEnum              // varint
	kindInt64             // varint
	kindFixed32           // unsigned
	kindFixed64           // unsigned
	kindDouble            // fixed64
	kindMessage           // bytes
)

// wire is how protobuf writes a field of that kind.
func (k fieldKind) wire() wireType {
	switch k {
	case kindBool, kindEnum, kindInt64:
		return wireVarint
	case kindFixed32:
		return wireFixed32
	case kindFixed64, kindDouble:
		return wireFixed64
	}
	return wireBytes
}

func (m *message) field(name []byte) *field {
	for i := range m.fields {
		if m.fields[i].name == string(name) {
			return &m.fields[i]
		}
	}
	return nil
}

func one(name string, number uint64, m *message) field {
	return field{name: name, number: number, kind: kindMessage, message: m}
}

func many(name string, number uint64, m *message) field {
	return field{name: name, number: number, kind: kindMessage, message: m, repeated: true}
}

// The messages of a trace export request.
var (
	anyValueMessage = &message{}
	keyValueMessage = &message{[]field{
		{name: "key", number: 1, kind: kindString},
		one("value", 2, anyValueMessage),
	}}
	arrayValueMessage   = &message{[]field{many("values", 1, anyValueMessage)}}
	keyValueListMessage = &message{[]field{many("values", 1, keyValueMessage)}}

	resourceMessage   = &message{[]field{many("attributes", 1, keyValueMessage)}}
	spanStatusMessage = &message{[]field{
		{name: "message", number: 2, kind: kindString},
		{name: "code", number: 3, kind: kindEnum},
	}}
	spanEventMessage = &message{[]field{
		{name: "name", number: 2, kind: kindString},
		many("attributes", 3, keyValueMessage),
	}}
	spanLinkMessage = &message{[]field{
		{name: "traceId", number: 1, kind: kindID},
		{name: "spanId", number: 2, kind: kindID},
	}}
	spanMessage = &message{[]field{
		{name: "traceId", number: 1, kind: kindID},
		{name: "spanId", number: 2, kind: kindID},
		{name: "traceState", number: 3, kind: kindString},
		{name: "parentSpanId", number: 4, kind: kindID},
		{name: "name", number: 5, kind: kindString},
		{name: "kind", number: 6, kind: kindEnum},
		{name: "startTimeUnixNano", number: 7, kind: kindFixed64},
		{name: "endTimeUnixNano", number: 8, kind: kindFixed64},
		many("attributes", 9, keyValueMessage),
		many("events", 11, spanEventMessage),
		many("links", 13, spanLinkMessage),
		one("status", 15, spanStatusMessage),
		{name: "flags", number: 16, kind: kindFixed32},
	}}
	scopeSpansMessage    = &message{[]field{many("spans", 2, spanMessage)}}
	resourceSpansMessage = &message{[]field{one("resource", 1, resourceMessage), many("scopeSpans", 2, scopeSpansMessage)}}
	traceSchema          = &message{[]field{many("resourceSpans", 1, resourceSpansMessage)}}
)

// The messages of a metrics export request, as far as they lead to its data points.
var (
	pointsMessage = &message{[]field{many("dataPoints", 1, &message{})}}
	metricMessage = &message{[]field{
		one("gauge", 5, pointsMessage),
		one("sum", 7, pointsMessage),
		one("histogram", 9, pointsMessage),
		one("exponentialHistogram", 10, pointsMessage),
		one("summary", 11, pointsMessage),
	}}
	scopeMetricsMessage    = &message{[]field{many("metrics", 2, metricMessage)}}
	resourceMetricsMessage = &message{[]field{many("scopeMetrics", 2, scopeMetricsMessage)}}
	metricsSchema          = &message{[]field{many("resourceMetrics", 1, resourceMetricsMessage)}}
)

func init() { // values hold values, which a variable's own initialiser cannot say
	anyValueMessage.fields = []field{
		{name: "stringValue", number: 1, kind: kindString},
		{name: "boolValue", number: 2, kind: kindBool},
		{name: "intValue", number: 3, kind: kindInt64},
		{name: "doubleValue", number: 4, kind: kindDouble},
		one("arrayValue", 5, arrayValueMessage),
		one("kvlistValue", 6, keyValueListMessage),
		{name: "bytesValue", number: 7, kind: kindOpaque},
	}
}
