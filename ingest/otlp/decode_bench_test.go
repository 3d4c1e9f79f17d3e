package otlp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// benchRequest has spans as a shop's services send them: half of HTTP servers, the rest of their clients,
// databases and caches.
func benchRequest(spans int) testRequest {
	shapes := []struct {
		kind       int
		name       string
		attributes []testAttribute
	}{
		{2, "GET /cart/{id}", []testAttribute{
			{"http.request.method", "GET"}, {"url.scheme", "http"}, {"url.path", "/cart/8f1c"}, {"http.route", "/cart/{id}"},
			{"server.address", "cart"}, {"server.port", 8080}, {"network.peer.address", "10.0.3.7"}, {"network.peer.port", 51034},
			{"user_agent.original", "Go-http-client/1.1"}, {"client.address", "10.0.3.7"}, {"network.protocol.version", "1.1"},
			{"http.response.body.size", 512}, {"http.response.status_code", 200},
		}},
		{3, "GET", []testAttribute{
			{"http.request.method", "GET"}, {"url.full", "http://stock:8080/items/42"}, {"server.address", "stock"},
			{"server.port", 8080}, {"network.protocol.version", "1.1"}, {"http.response.status_code", 200},
		}},
		{2, "shop.Cart/Get", []testAttribute{
			{"rpc.system", "grpc"}, {"rpc.service", "shop.Cart"}, {"rpc.method", "Get"}, {"rpc.grpc.status_code", 0},
			{"network.peer.address", "10.0.3.8"}, {"network.peer.port", 41022},
		}},
		{3, "SELECT orders", []testAttribute{
			{"db.system.name", "postgresql"}, {"db.namespace", "orders"}, {"db.collection.name", "orders"},
			{"db.operation.name", "SELECT"}, {"db.query.text", "SELECT * FROM orders WHERE id = $1"},
			{"server.address", "pg"}, {"server.port", 5432},
		}},
	}
	r := aSpan(nil)
	good := r[0].spans[0]
	r[0].spans = nil
	r[0].attributes = append(r[0].attributes, testAttribute{"telemetry.sdk.name", "opentelemetry"},
		testAttribute{"telemetry.sdk.language", "go"}, testAttribute{"deployment.environment.name", "prod"},
		testAttribute{"service.version", "1.4.2"}, testAttribute{"host.name", "cart-7d9f8b6c5-x2x4v"})
	for i := range spans {
		s, shape := good, shapes[i%len(shapes)]
		s.id, s.parent = make([]byte, 8), make([]byte, 8)
		binary.BigEndian.PutUint64(s.id, uint64(i+2))
		binary.BigEndian.PutUint64(s.parent, uint64(i+1))
		s.kind, s.name, s.attributes, s.flags = shape.kind, shape.name, shape.attributes, 0x101
		r[0].spans = append(r[0].spans, s)
	}
	return r
}

func BenchmarkTraces(b *testing.B) {
	for _, spans := range []int{10, 1000} {
		r := benchRequest(spans)
		for _, tt := range []struct {
			name string
			enc  Encoding
			body []byte
		}{{"protobuf", Protobuf, r.protobuf()}, {"JSON", JSON, r.json(b)}} {
			b.Run(fmt.Sprintf("%s/%d", tt.name, spans), func(b *testing.B) {
				d := NewDecoder(DefaultDecodeConfig())
				b.SetBytes(int64(len(tt.body)))
				b.ReportAllocs()
				for b.Loop() {
					batch, err := d.Traces(tt.body, tt.enc, arrival)
					if err != nil || len(batch.Spans) != spans {
						b.Fatal(batch, err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
			})
		}
	}
}

// BenchmarkLibrary is what unmarshalling alone costs with the library that others use, for comparison.
func BenchmarkLibrary(b *testing.B) {
	const spans = 1000
	body := benchRequest(spans).protobuf()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ptraceotlp.NewExportRequest().UnmarshalProto(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
}
