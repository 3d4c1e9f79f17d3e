package otlp

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// The short way of reading an attribute reads what it takes on as the general one does.
func FuzzUsualPair(f *testing.F) {
	for _, v := range []any{"text", "", strings.Repeat("long", 50), 1, 1 << 40, -1, true, 1.5, []any{"a"}} {
		f.Add(testAttribute{"http.request.method", v}.protobuf())
		f.Add(append(appendMessage(nil, 2, protobufValue(v)), appendMessage(nil, 1, []byte("key"))...)) // as the Collector writes it
	}
	f.Add([]byte("\x0a\x83\x00key\x12\x85\x00\x0a\x83\x00abc")) // lengths in more bytes than they need
	f.Add([]byte("\x0a\x010\x12\x01\x18"))                      // a number without a byte of it
	f.Add([]byte("\x0a\x01a\x0a\x01b"))
	f.Add([]byte("\x12\x00\x12\x00"))
	f.Add([]byte("\x0a\x01a\x12\x04\x18\x01\x18\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var usual, general value
		key, ok := usual.usualPair(data)
		if !ok {
			return
		}
		want, bad := general.pair(data)
		if bad != nil || !bytes.Equal(key, want) || !reflect.DeepEqual(usual, general) {
			t.Errorf("%x: %q is %+v, the general way reads %q as %+v, %v", data, key, usual, want, general, bad)
		}
	})
}

func TestUsualPairs(t *testing.T) {
	for _, v := range []any{"GET", strings.Repeat("v", 300), 8080, -1} {
		a := testAttribute{"key", v}
		reversed := append(appendMessage(nil, 2, protobufValue(v)), appendMessage(nil, 1, []byte("key"))...)
		for order, data := range map[string][]byte{"key first": a.protobuf(), "value first": reversed} {
			var got value
			if key, ok := got.usualPair(data); !ok || string(key) != "key" {
				t.Errorf("%v, %s: not taken for usual", v, order)
			}
		}
	}
}

func decodeWith(t *testing.T, d *Decoder, r testRequest) *Batch {
	t.Helper()
	b, err := d.Traces(r.protobuf(), Protobuf, arrival)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKnownResources(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	service := func(attributes ...testAttribute) *graph.Service {
		t.Helper()
		r := aSpan(nil)
		r[0].attributes = attributes
		return decodeWith(t, d, r).Spans[0].Service
	}
	cart := testAttribute{"service.name", "cart"}
	first := service(cart)
	if again := service(cart); again != first {
		t.Error("a known resource is another service")
	}
	if other := service(cart, testAttribute{"service.version", "2"}); other == first || other.Version != "2" || first.Version != "" {
		t.Errorf("another resource is %+v, the first one now %+v", other, first)
	}
	if instance := service(cart, testAttribute{"service.instance.id", "2"}); instance != first {
		t.Error("another instance is another service")
	}

	// What was mended in it counts for the spans of each request.
	for range 2 {
		r := aSpan(nil)
		r[0].attributes = []testAttribute{{"deep", deep(40)}}
		b := decodeWith(t, d, r)
		if diff := cmp.Diff(map[Repair]int{NestedValue: 1, UnknownService: 1}, b.Repaired); diff != "" {
			t.Errorf("repairs (-want +got):\n%s", diff)
		}
	}

	// A resource in two places is the sum of both, and neither is taken for all of it later.
	one := appendMessage(nil, 1, testAttribute{"service.name", "split"}.protobuf())
	two := appendMessage(nil, 1, testAttribute{"service.version", "3"}.protobuf())
	span := appendMessage(nil, 2, appendMessage(nil, 2, aSpan(nil)[0].spans[0].protobuf()))
	for name, want := range map[string]string{"both": "split 3", "one": "split ", "two": "unknown_service 3"} {
		resource := map[string][]byte{"both": append(appendMessage(nil, 1, one), appendMessage(nil, 1, two)...), "one": appendMessage(nil, 1, one), "two": appendMessage(nil, 1, two)}[name]
		for range 2 {
			b, err := d.Traces(appendMessage(nil, 1, append(bytes.Clone(resource), span...)), Protobuf, arrival)
			if err != nil {
				t.Fatal(err)
			}
			if s := b.Spans[0].Service; s.Name+" "+s.Version != want {
				t.Errorf("%s: got %q %q", name, s.Name, s.Version)
			}
		}
	}
}

// Of many services with several instances each the spans are of shapes that last, from the second time on.
func TestManyInstances(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	const services, instances = 10_000, 3
	for pass := range 2 {
		passing := 0
		for i := range services * instances {
			r := aSpan(nil)
			r[0].attributes = []testAttribute{{"service.name", fmt.Sprint("service-", i%services)}, {"service.instance.id", fmt.Sprint(i)}}
			if !decodeWith(t, d, r).Spans[0].Lasts() {
				passing++
			}
		}
		if pass > 0 && passing > services*instances/100 {
			t.Errorf("%d of %d spans are of shapes that do not last", passing, services*instances)
		}
	}
}

// A service outlives the request that it was read from, also when the body's memory is used again.
func TestServicesOwnTheirStrings(t *testing.T) {
	r := aSpan(nil)
	r[0].attributes = []testAttribute{
		{"service.name", "cart"}, {"service.namespace", "shop"}, {"service.version", "1.2"}, {"service.instance.id", "i-1"},
		{"deployment.environment.name", "prod"}, {"service.criticality", "high"},
	}
	body := r.protobuf()
	b, err := NewDecoder(DefaultDecodeConfig()).Traces(body, Protobuf, arrival)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	want := graph.Service{
		Node:    graph.Node{Type: graph.TypeService, Name: "cart", Namespace: "shop", Environment: "prod"},
		Version: "1.2", Tier: "high",
	}
	if diff := cmp.Diff(want, *b.Spans[0].Service); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
}

// Batches that share memory one after another are what they are without.
func TestRoomIsUsedAgain(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	consumer := func(n int) testRequest {
		r := benchRequest(n)
		for i := range r[0].spans {
			if s := &r[0].spans[i]; i%3 == 0 {
				s.kind, s.links = 5, []testLink{{s.trace, s.id}, {s.trace, s.parent}}
			}
		}
		return r
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 50 {
				body := consumer(40 + (i*7+worker)%40).protobuf()
				want, err := NewDecoder(DefaultDecodeConfig()).Traces(body, Protobuf, arrival)
				if err != nil {
					t.Error(err)
					return
				}
				got, r, err := d.traces(bytes.Clone(body), Protobuf, arrival)
				if err != nil || !sameSpans(got.Spans, want.Spans) {
					t.Errorf("%d spans differ from %d decoded into memory of their own: %v", len(got.Spans), len(want.Spans), err)
					return
				}
				r.free()
			}
		})
	}
	group.Wait()
}

// In the long run decoding needs no memory for a span.
func TestNoMemoryPerSpan(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget")
	}
	d := NewDecoder(DefaultDecodeConfig())
	body := benchRequest(500).protobuf()
	allocs := testing.AllocsPerRun(100, func() {
		_, r, err := d.traces(body, Protobuf, arrival)
		if err != nil {
			t.Fatal(err)
		}
		r.free()
	})
	if allocs > 10 {
		t.Errorf("%v allocations for 500 spans", allocs)
	}
}

// A body that was kept as it came is the same batch again, whatever it is compressed with.
func TestDecodeAgain(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	r := benchRequest(100)
	for _, enc := range []Encoding{Protobuf, JSON} {
		plain := r.protobuf()
		if enc == JSON {
			plain = r.json(t)
		}
		want, err := d.Traces(plain, enc, arrival)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []string{"", "gzip", "zstd", "snappy", "x-snappy-framed", "deflate"} {
			body := Body{Received: arrival, Encoding: enc, Coding: c, Wire: compressed(t, c, plain)}
			got, err := d.Decode("default", body, int64(len(plain)))
			if err != nil || !sameSpans(got.Spans, want.Spans) || got.Tenant != "default" {
				t.Errorf("%s %s: %v", enc, c, err)
			}
			if _, err := d.Decode("default", body, int64(len(plain)-1)); c != "" && err == nil {
				t.Errorf("%s %s: decompressed beyond the limit", enc, c)
			}
		}
	}
}

// Which of the attributes that vary there are is part of what a shape follows from: one span without it says nothing of the next.
func TestShapesDependOnWhichAttributesThereAre(t *testing.T) {
	for name, a := range map[string]testAttribute{
		"status": {"http.response.status_code", 200}, "url": {"url.full", "http://payments:8080/x"}, "address": {"network.peer.address", "10.1.2.3"},
	} {
		span := func(d *Decoder, with bool) string {
			b := decodeWith(t, d, aSpan(func(s *testSpan) {
				s.kind, s.name = 3, "charge"
				if with {
					s.attributes = append(s.attributes, a)
				}
			}))
			s := b.Spans[0].Shape
			return fmt.Sprintf("protocol %q peer %+v", s.Protocol, s.Peer)
		}
		want := span(NewDecoder(DefaultDecodeConfig()), true)
		d := NewDecoder(DefaultDecodeConfig())
		span(d, false)
		if got := span(d, true); got != want {
			t.Errorf("%s, after a span without it: %s\nalone: %s", name, got, want)
		}
	}
}

// What several find out at once is remembered once.
func TestKnownOnce(t *testing.T) {
	var k knowns[int]
	k.begin(1<<16, 32<<20)
	for range 5 {
		k.add(42, 100, func() int { return 1 })
	}
	if k.bytes != 100 {
		t.Errorf("%d bytes for one thing of 100", k.bytes)
	}
}

// What is known gives way to what comes now, also where the bytes are used up long before the places are.
func TestKnownAges(t *testing.T) {
	var k knowns[int]
	k.begin(1<<10, 1<<20)
	const size = 4 << 10 // 256 of them fit
	add := func(hash uint64) bool { return k.add(hash, size, func() int { return 1 }) != nil }
	hash := func(round, i int) uint64 { return maphash.Comparable(k.seed, [2]int{round, i}) }
	for i := range 256 {
		add(hash(0, i))
	}
	found := func(round int) (n int) {
		for i := range 200 {
			if k.find(hash(round, i)) != nil {
				n++
			}
		}
		return n
	}
	if n := found(0); n != 200 {
		t.Fatalf("%d of 200 are known although there is room", n)
	}
	for range 100 {
		for i := range 200 { // others come, again and again
			add(hash(1, i))
		}
	}
	if n := found(1); n < 150 {
		t.Errorf("%d of the 200 that come now are known", n)
	}
	if k.bytes > 1<<20 || k.bytes < 1<<19 {
		t.Errorf("%d bytes, bound %d", k.bytes, 1<<20)
	}
	if add(7) && k.find(7) == nil {
		t.Error("what was said to be remembered is not known")
	}
	for range 100 {
		if k.add(8, 2<<20, func() int { return 1 }) != nil {
			t.Fatal("something is remembered that takes more than the whole bound")
		}
	}
	var bytes int64
	all := *k.buckets.Load()
	for i := range all {
		for j := range all[i].knowns {
			if e := all[i].knowns[j].Load(); e != nil {
				bytes += e.bytes
			}
		}
	}
	if bytes != k.bytes {
		t.Errorf("%d bytes are counted and %d there", k.bytes, bytes)
	}
}

// Services that resources share count, and what they take is bounded too.
func TestServicesBound(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	r := &d.known
	name := strings.Repeat("x", graph.MaxName-8)
	for i := range 40_000 {
		s := &graph.Service{Node: graph.Node{Name: fmt.Sprintf("%s%08d", name, i), Namespace: name}, Version: fmt.Sprint(i)}
		r.add(uint64(i), s, 0)
		if r.bytes+r.servicesBytes > maxResourceBytes+maxServiceBytes {
			t.Fatalf("after %d services %d MB are remembered, bound %d MB", i+1, (r.bytes+r.servicesBytes)>>20, (maxResourceBytes+maxServiceBytes)>>20)
		}
	}
	var bytes int64
	for _, s := range r.services {
		bytes += mappedSize(s)
	}
	if bytes != r.servicesBytes || len(r.services) == 0 {
		t.Errorf("%d services take %d bytes, %d are counted", len(r.services), bytes, r.servicesBytes)
	}
}
