package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// The load of the cost of ingest is sent by a process of its own, on a core of its own. It is told what to
// send on its standard input, one loadOrder a line, and answers each with "ready", waits for another line,
// sends, and writes one loadResult.

type loadOrder struct {
	Door  string // http, grpc, gzip, zstd or snappy; the last three are over HTTP
	Addr  string
	Spans int           // send so many
	For   time.Duration // or for so long
	Rate  float64       // spans a second, whatever the answers; 0: as fast as they come
}

type loadResult struct {
	Acked    int64         // spans, by what the answers say
	Refused  int64         // requests that were asked to come again, and did
	Took     time.Duration // from the first byte to the last answer
	P50, P99 time.Duration // from when a request should have left to its answer
	Bytes    int64         // of bodies as they were on the wire
}

const (
	loadConnections = 4
	pacedSenders    = 16
	templates       = 300
)

// playLoad is the main function of the load's process.
func playLoad(services int) {
	t := newTopology(services)
	g := &generator{}
	for i := range templates {
		g.templates = append(g.templates, t.newTemplate(i))
	}
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		var o loadOrder
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			panic(err)
		}
		g.prepare(o)
		fmt.Println("ready")
		in.Scan()
		if err := out.Encode(g.send(o)); err != nil {
			panic(err)
		}
	}
}

type generator struct {
	templates []*template
	rounds    uint64   // requests made so far: no two have the same ids
	packed    []packed // compressed requests not sent yet
}

type packed struct {
	body  []byte
	spans int
}

// prepare compresses what o will need, since that costs more than anything it is to measure. Requests in
// the clear are made while they are sent.
func (g *generator) prepare(o loadOrder) {
	g.packed = nil
	compress := compressors[o.Door]
	if compress == nil {
		return
	}
	const fastest = 800_000 // spans a second
	spans := o.Spans
	if o.For > 0 {
		spans = int(o.For.Seconds() * fastest)
		if o.Rate > 0 {
			spans = int(o.For.Seconds() * o.Rate)
		}
	}
	for n := 0; n < spans; {
		t := g.templates[g.rounds%templates]
		t.renew(t.body, g.next(), time.Now())
		g.packed = append(g.packed, packed{compress(t.body), t.spans})
		n += t.spans
	}
}

func (g *generator) next() uint64 { return atomic.AddUint64(&g.rounds, 1) }

var compressors = map[string]func([]byte) []byte{
	"gzip": func() func([]byte) []byte {
		w := gzip.NewWriter(nil) // at the level that exporters use
		return func(b []byte) []byte {
			var z bytes.Buffer
			w.Reset(&z)
			w.Write(b)
			w.Close()
			return z.Bytes()
		}
	}(),
	"zstd": func() func([]byte) []byte {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return func(b []byte) []byte { return w.EncodeAll(b, nil) }
	}(),
	"snappy": func(b []byte) []byte { return snappy.Encode(nil, b) },
}

func (g *generator) send(o loadOrder) loadResult {
	var r loadResult
	var mu sync.Mutex
	var latencies []time.Duration
	var taken atomic.Int64 // spans for which a sender has set out
	start := time.Now()
	senders, each := loadConnections, time.Duration(0)
	if o.Rate > 0 {
		senders = pacedSenders
		each = time.Duration(float64(tracesPerRequest*spansPerTrace*senders) / o.Rate * float64(time.Second))
	}
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			c := newClient(o)
			defer c.close()
			due := start.Add(each * time.Duration(sender) / time.Duration(senders))
			for {
				if each > 0 {
					time.Sleep(time.Until(due))
				} else {
					due = time.Now()
				}
				if o.For > 0 && time.Since(start) > o.For {
					return
				}
				body, spans, done := g.body(o, &taken)
				if done {
					return
				}
				acked, refused := c.export(body, spans)
				took := time.Since(due)
				due = due.Add(each)
				mu.Lock()
				r.Acked += acked
				r.Refused += refused
				r.Bytes += int64(len(body))
				latencies = append(latencies, took)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	r.Took = time.Since(start)
	slices.Sort(latencies)
	if n := len(latencies); n > 0 {
		r.P50, r.P99 = latencies[n/2], latencies[n*99/100]
	}
	return r
}

// bodies are the senders' copies of templates, for a body is written anew while others are still sent.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// body returns the next request to send.
func (g *generator) body(o loadOrder, taken *atomic.Int64) (body []byte, spans int, done bool) {
	if g.packed != nil {
		n := int(taken.Add(1)) - 1
		if n >= len(g.packed) {
			return nil, 0, true
		}
		return g.packed[n].body, g.packed[n].spans, false
	}
	if o.Spans > 0 && taken.Load() >= int64(o.Spans) {
		return nil, 0, true
	}
	round := g.next()
	t := g.templates[round%templates]
	taken.Add(int64(t.spans))
	b := append((*bodies.Get().(*[]byte))[:0], t.body...)
	t.renew(b, round, time.Now())
	return b, t.spans, false
}

// client exports over one connection. A request that is asked to come again does, until it is taken.
type client interface {
	export(body []byte, spans int) (acked, refused int64)
	close()
}

func newClient(o loadOrder) client {
	if o.Door == "grpc" {
		return newGRPCClient(o.Addr)
	}
	return newHTTPClient(o)
}

const comeAgain = 20 * time.Millisecond

// httpClient writes requests to a socket: the client of net/http would cost more than what it asks for.
type httpClient struct {
	conn   net.Conn
	in     *bufio.Reader
	coding string
	head   []byte
}

func newHTTPClient(o loadOrder) *httpClient {
	conn, err := net.Dial("tcp", o.Addr)
	if err != nil {
		panic(err)
	}
	c := &httpClient{conn: conn, in: bufio.NewReader(conn)}
	if compressors[o.Door] != nil {
		c.coding = "Content-Encoding: " + o.Door + "\r\n"
	}
	return c
}

func (c *httpClient) close() { c.conn.Close() }

func (c *httpClient) export(body []byte, spans int) (acked, refused int64) {
	for {
		c.head = fmt.Appendf(c.head[:0], "POST /v1/traces HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\n%sContent-Length: %d\r\n\r\n", c.coding, len(body))
		buffers := net.Buffers{c.head, body}
		if _, err := buffers.WriteTo(c.conn); err != nil {
			panic(err)
		}
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			panic(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			panic(err)
		}
		switch resp.StatusCode {
		case http.StatusOK:
			if c.coding == "" {
				bodies.Put(&body)
			}
			return int64(spans) - rejectedBy(answer), refused
		case http.StatusServiceUnavailable:
			refused++
			time.Sleep(comeAgain)
		default:
			panic(fmt.Sprintf("%s: %s", resp.Status, answer))
		}
	}
}

// rejectedBy returns how many spans an answer with success does not acknowledge.
func rejectedBy(answer []byte) int64 {
	if len(answer) == 0 {
		return 0
	}
	r := ptraceotlp.NewExportResponse()
	if err := r.UnmarshalProto(answer); err != nil {
		panic(err)
	}
	return r.PartialSuccess().RejectedSpans()
}

// grpcClient is the client library that exporters use, without the marshalling.
type grpcClient struct{ conn *grpc.ClientConn }

func newGRPCClient(addr string) *grpcClient {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(asIs{})))
	if err != nil {
		panic(err)
	}
	return &grpcClient{conn}
}

func (c *grpcClient) close() { c.conn.Close() }

func (c *grpcClient) export(body []byte, spans int) (acked, refused int64) {
	for {
		var answer []byte
		err := c.conn.Invoke(context.Background(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export", body, &answer)
		switch {
		case err == nil:
			bodies.Put(&body)
			return int64(spans) - rejectedBy(answer), refused
		case status.Code(err) == codes.Unavailable:
			refused++
			time.Sleep(comeAgain)
		default:
			panic(err)
		}
	}
}

// asIs is a codec for messages that are bytes already.
type asIs struct{}

var _ encoding.CodecV2 = asIs{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	to, ok := v.(*[]byte)
	if !ok {
		return errors.New("not bytes")
	}
	*to = data.Materialize()
	return nil
}
