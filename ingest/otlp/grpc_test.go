package otlp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	tracesMethod  = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	metricsMethod = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
)

func sdkSpan(name string) tracetest.SpanStub {
	return tracetest.SpanStub{
		Name: name,
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{byte(len(name))}, TraceFlags: trace.FlagsSampled,
		}),
		SpanKind:  trace.SpanKindServer,
		StartTime: time.Now().Add(-time.Millisecond),
		EndTime:   time.Now(),
		Resource:  resource.NewSchemaless(attribute.String("service.name", "cart")),
	}
}

// rawCodec lets a client send any bytes as a message.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// zstdCompressor is what a client registers that wants zstd: the library has gzip only.
type zstdCompressor struct{}

func init() { encoding.RegisterCompressor(zstdCompressor{}) }

func (zstdCompressor) Name() string                                 { return "zstd" }
func (zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
func (zstdCompressor) Decompress(r io.Reader) (io.Reader, error)    { return zstd.NewReader(r) }

func dial(t testing.TB, addr net.Addr, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient("passthrough:///"+addr.String(), append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallSendMsgSize(1<<30)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

// exportGRPC sends one request of traces and returns the name of the status it got.
func exportGRPC(t testing.TB, s *running, body []byte) string {
	t.Helper()
	var answer []byte
	err := dial(t, s.GRPCAddr()).Invoke(context.Background(), tracesMethod, &body, &answer)
	return status.Code(err).String()
}

func TestGRPCAccepts(t *testing.T) {
	body := protobufOf(t, request(5))
	tests := map[string]struct {
		method, compressor string
		body               []byte
		spans              int
	}{
		"plain":         {tracesMethod, "", body, 5},
		"gzip":          {tracesMethod, "gzip", body, 5},
		"zstd":          {tracesMethod, "zstd", body, 5},
		"empty":         {tracesMethod, "", nil, 0},
		"empty gzip":    {tracesMethod, "gzip", nil, 0},
		"metrics":       {metricsMethod, "", metricsRequest(t), 0},
		"empty metrics": {metricsMethod, "zstd", nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			consumer := &sink{}
			s := start(t, consumer, nil)
			answer := []byte("something")
			var options []grpc.CallOption
			if tt.compressor != "" {
				options = append(options, grpc.UseCompressor(tt.compressor))
			}
			if err := dial(t, s.GRPCAddr()).Invoke(context.Background(), tt.method, &tt.body, &answer, options...); err != nil {
				t.Fatal(err)
			}
			if len(answer) != 0 || consumer.count() != tt.spans {
				t.Errorf("answer %q, %d spans taken over", answer, consumer.count())
			}
			if n := s.metric(t, "faultline_ingest_requests_total", "OK", "protobuf", "grpc"); n != 1 {
				t.Errorf("%v requests counted", n)
			}
			if tt.method == metricsMethod && len(tt.body) > 0 && s.metric(t, "faultline_ingest_dropped_points_total") == 0 {
				t.Error("no metric point counted")
			}
		})
	}
}

func TestGRPCRefuses(t *testing.T) {
	body := protobufOf(t, request(1))
	long := append(body, make([]byte, 1<<20)...)
	tests := map[string]struct {
		method, compressor string
		body               []byte
		consumer           Consumer
		code               codes.Code
		message            string
	}{
		"logs":            {"/opentelemetry.proto.collector.logs.v1.LogsService/Export", "", body, &sink{}, codes.Unimplemented, "traces and metrics"},
		"profiles":        {"/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", "", body, &sink{}, codes.Unimplemented, "traces and metrics"},
		"garbage":         {tracesMethod, "", []byte("not protobuf"), &sink{}, codes.InvalidArgument, ""},
		"garbage metrics": {metricsMethod, "", []byte("not protobuf"), &sink{}, codes.InvalidArgument, ""},
		"large":           {tracesMethod, "", long, &sink{}, codes.ResourceExhausted, "limits.body_bytes"},
		"large, unpacked": {tracesMethod, "gzip", long, &sink{}, codes.ResourceExhausted, "limits.body_bytes"},
		"no room":         {tracesMethod, "", body, &sink{err: ErrOverloaded}, codes.Unavailable, "again"},
		"cannot store":    {tracesMethod, "gzip", body, &sink{err: errDisk}, codes.Unavailable, "again"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.consumer, func(c *Config) { c.Limits.BodyBytes = 1 << 20 })
			var options []grpc.CallOption
			if tt.compressor != "" {
				options = append(options, grpc.UseCompressor(tt.compressor))
			}
			var answer []byte
			err := dial(t, s.GRPCAddr()).Invoke(context.Background(), tt.method, &tt.body, &answer, options...)
			st := status.Convert(err)
			if st.Code() != tt.code || !strings.Contains(st.Message(), tt.message) || st.Message() == "" {
				t.Fatalf("got %v", err)
			}
			wait := time.Duration(0)
			for _, d := range st.Details() {
				if r, ok := d.(*errdetails.RetryInfo); ok {
					wait = r.RetryDelay.AsDuration()
				}
			}
			if (tt.code == codes.Unavailable) != (wait >= time.Second && wait <= 30*time.Second) {
				t.Errorf("told to wait %s", wait)
			}
			if n := s.metric(t, "faultline_ingest_requests_total", canonical(tt.code), "protobuf", "grpc"); n != 1 {
				t.Errorf("counted %v times", n)
			}
		})
	}
}

func TestGRPCPartialSuccess(t *testing.T) {
	bad := request(3)
	bad.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).SetSpanID(pcommon.SpanID{})
	consumer := &sink{}
	s := start(t, consumer, nil)
	body, answer := protobufOf(t, bad), []byte(nil)
	if err := dial(t, s.GRPCAddr()).Invoke(context.Background(), tracesMethod, &body, &answer); err != nil {
		t.Fatal(err)
	}
	var response collector.ExportTraceServiceResponse
	if err := proto.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	if n := response.GetPartialSuccess().GetRejectedSpans(); n != 1 || consumer.count() != 2 {
		t.Errorf("%d spans rejected, %d taken over", n, consumer.count())
	}
}

func TestGRPCExporterOfTheSDK(t *testing.T) {
	for _, compressor := range []string{"", "gzip"} {
		t.Run("compressor "+compressor, func(t *testing.T) {
			consumer := &sink{}
			s := start(t, consumer, nil)
			ctx := context.Background()
			options := []otlptracegrpc.Option{otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(s.GRPCAddr().String())}
			if compressor != "" {
				options = append(options, otlptracegrpc.WithCompressor(compressor))
			}
			exporter, err := otlptracegrpc.New(ctx, options...)
			if err != nil {
				t.Fatal(err)
			}
			defer exporter.Shutdown(ctx)
			if err := exporter.ExportSpans(ctx, sdkSpans()); err != nil {
				t.Error(err)
			}
			if consumer.count() != len(sdkSpans()) {
				t.Errorf("%d spans taken over", consumer.count())
			}
		})
	}
}

// A client whose deadline is over is not kept waiting. Both ends keep the time, and whichever of them sees
// it end first says so.
func TestGRPCDeadline(t *testing.T) {
	consumer := holding()
	s := start(t, consumer, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	body, answer := protobufOf(t, request(1)), []byte(nil)
	err := dial(t, s.GRPCAddr()).Invoke(ctx, tracesMethod, &body, &answer)
	if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	eventually(t, "the request ends", func() bool { return s.budget.used.Load() == 0 })
}

// Frames that no client library sends.
func TestGRPCFrames(t *testing.T) {
	message := protobufOf(t, request(1))
	packed := compressed(t, "gzip", message)
	frame := func(flag byte, size int, message []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(size)), message...)
	}
	tests := map[string]struct {
		header http.Header
		body   []byte
		code   string
	}{
		"as it should be":        {nil, frame(0, len(message), message), "0"},
		"no message":             {nil, nil, "3"},
		"half a prefix":          {nil, []byte{0, 0, 0}, "3"},
		"half a message":         {nil, frame(0, len(message), message[:20]), "3"},
		"more than one message":  {nil, append(frame(0, len(message), message), 0, 0), "0"},
		"compressed with what":   {nil, frame(1, len(message), message), "3"},
		"no such flag":           {http.Header{"Grpc-Encoding": {"gzip"}}, frame(2, len(packed), packed), "3"},
		"compressed":             {http.Header{"Grpc-Encoding": {"gzip"}}, frame(1, len(packed), packed), "0"},
		"not what it says":       {http.Header{"Grpc-Encoding": {"gzip"}}, frame(1, len(message), message), "3"},
		"unknown encoding":       {http.Header{"Grpc-Encoding": {"br"}}, frame(1, len(message), message), "12"},
		"deflate is HTTP's":      {http.Header{"Grpc-Encoding": {"deflate"}}, frame(1, len(message), message), "12"},
		"4 GiB announced":        {nil, frame(0, 1<<32-1, message), "8"},
		"64 MiB, a few bytes":    {nil, frame(0, 64<<20, message), "3"},
		"timeout":                {http.Header{"Grpc-Timeout": {"10S"}}, frame(0, len(message), message), "0"},
		"timeout of ages":        {http.Header{"Grpc-Timeout": {"99999999H"}}, frame(0, len(message), message), "0"},
		"timeout without a unit": {http.Header{"Grpc-Timeout": {"10"}}, frame(0, len(message), message), "3"},
		"timeout of 9 digits":    {http.Header{"Grpc-Timeout": {"123456789n"}}, frame(0, len(message), message), "3"},
		"timeout that is none":   {http.Header{"Grpc-Timeout": {"S"}}, frame(0, len(message), message), "3"},
	}
	s := start(t, &sink{}, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Content-Type": {"application/grpc+proto"}, "Te": {"trailers"}}
			for k, v := range tt.header {
				header[k] = v
			}
			r := send(t, &http.Client{Transport: transport}, "POST", "http://"+s.GRPCAddr().String()+tracesMethod, header, tt.body)
			if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/grpc+proto" {
				t.Errorf("got %s of type %q", r.Status, r.Header.Get("Content-Type"))
			}
			if got := r.Trailer.Get("Grpc-Status"); got != tt.code {
				t.Errorf("got status %s: %s", got, r.Trailer.Get("Grpc-Message"))
			}
		})
	}
}

// OTLP over HTTP sent to the gRPC port, the most frequent mistake there is, is told what is wrong.
func TestGRPCDoorExplainsHTTP(t *testing.T) {
	s := start(t, &sink{}, nil)
	for _, method := range []string{"GET", "POST"} {
		r := send(t, http.DefaultClient, method, "http://"+s.GRPCAddr().String()+"/v1/traces", http.Header{"Content-Type": {"application/json"}}, []byte("{}"))
		if st := statusOf(t, r); r.StatusCode != 415 || !strings.Contains(st.Message, "4318") {
			t.Errorf("%s got %s: %s", method, r.Status, st.Message)
		}
	}
}

// pingingClient is an HTTP/2 connection driven by hand.
func pingingClient(t *testing.T, s *running) (*http2.Framer, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", s.GRPCAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f, c
}

// Keepalive pings are answered however often they come and whether or not a request is open: no client is
// sent away for them.
func TestGRPCKeepalive(t *testing.T) {
	s := start(t, &sink{}, nil)
	f, c := pingingClient(t, s)
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const pings = 1000
	go func() {
		for i := range pings {
			if f.WritePing(false, [8]byte{byte(i >> 8), byte(i)}) != nil {
				return
			}
		}
	}()
	for answered := 0; answered < pings; {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("after %d answers: %v", answered, err)
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			answered++
		case *http2.GoAwayFrame:
			t.Fatalf("sent away after %d pings: %v %q", answered, frame.ErrCode, frame.DebugData())
		}
	}

	// And a client of grpc-go with keepalive on still has its connection when it comes back.
	cc := dial(t, s.GRPCAddr(), grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true}))
	body, answer := protobufOf(t, request(1)), []byte(nil)
	for range 2 {
		if err := cc.Invoke(context.Background(), tracesMethod, &body, &answer); err != nil {
			t.Error(err)
		}
	}
}

func TestGRPCSettings(t *testing.T) {
	s := start(t, &sink{}, nil)
	f, _ := pingingClient(t, s)
	frame, err := f.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings := frame.(*http2.SettingsFrame)
	if n, _ := settings.Value(http2.SettingMaxConcurrentStreams); n != 1000 {
		t.Errorf("%d concurrent streams", n)
	}
	if n, _ := settings.Value(http2.SettingMaxHeaderListSize); n < 32<<10 || n > 33<<10 {
		t.Errorf("%d bytes of header", n)
	}
}

// An old connection is asked to go with the answer to its next request, and the client comes back on a new
// one without losing a request; what does not go is cut.
func TestConnectionAge(t *testing.T) {
	s := start(t, &sink{}, func(c *Config) {
		c.Limits.ConnectionAge, c.Limits.ConnectionGrace = 50*time.Millisecond, 300*time.Millisecond
		c.Limits.HeaderTime = time.Minute // else the idle connection is closed for that reason
	})
	idle, err := net.Dial("tcp", s.GRPCAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cc := dial(t, s.GRPCAddr())
	body, answer := protobufOf(t, request(1)), []byte(nil)
	conns := map[string]bool{}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		var p peer.Peer
		if err := cc.Invoke(context.Background(), tracesMethod, &body, &answer, grpc.Peer(&p)); err != nil {
			t.Fatal(err)
		}
		conns[p.LocalAddr.String()] = true
	}
	if len(conns) < 2 {
		t.Errorf("%d connections used", len(conns))
	}
	_ = idle.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("an idle connection was not cut")
	}
}
