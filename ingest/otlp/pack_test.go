package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"faultline/graph"
)

// comparePacked checks that spans are the same when they were packed and unpacked, by one who never saw them and by one who
// did.
func comparePacked(t *testing.T, spans []graph.Span) {
	t.Helper()
	packed := Pack(nil, spans)
	d := NewDecoder(DefaultDecodeConfig())
	for range 2 {
		got, err := d.Unpack("default", packed)
		if err != nil {
			t.Fatalf("%d spans in %d bytes: %v", len(spans), len(packed), err)
		}
		if !slices.EqualFunc(got.Spans, spans, sameUnpacked) {
			t.Fatalf("packed and unpacked:\n%s", differences(got.Spans, spans))
		}
		// Shapes that are alike are one when they were unpacked; the decoder may have several.
		if again := Pack(nil, got.Spans); len(again) > len(packed) || len(again) == len(packed) && !bytes.Equal(again, packed) {
			t.Fatalf("packed again: %d bytes, before %d", len(again), len(packed))
		}
		got.Release()
	}
}

// sameUnpacked compares all that matching looks at.
func sameUnpacked(a, b graph.Span) bool {
	x, y := *a.Shape, *b.Shape
	same := *x.Service == *y.Service && x.Kind == y.Kind && x.Operation == y.Operation && x.Protocol == y.Protocol && x.Peer == y.Peer
	a.Shape = b.Shape
	if len(a.Links) == 0 && len(b.Links) == 0 {
		a.Links, b.Links = nil, nil
	}
	return same && reflect.DeepEqual(a, b)
}

func differences(got, want []graph.Span) string {
	for i := range min(len(got), len(want)) {
		if !sameUnpacked(got[i], want[i]) {
			return "span " + fmt.Sprintf("%+v %+v", *got[i].Shape, got[i]) + "\nwas  " + fmt.Sprintf("%+v %+v", *want[i].Shape, want[i])
		}
	}
	return "another number of spans"
}

func TestPack(t *testing.T) {
	now := arrival
	d := NewDecoder(DefaultDecodeConfig())
	for name, r := range map[string]testRequest{"rich": richRequest(), "many": benchRequest(500)} {
		b, err := d.Traces(r.protobuf(), Protobuf, now)
		if err != nil {
			t.Fatal(err)
		}
		comparePacked(t, b.Spans)
		if name == "many" {
			if packed, body := len(Pack(nil, b.Spans)), len(r.protobuf()); packed > body/3 {
				t.Errorf("%d spans take %d bytes, as OTLP %d", len(b.Spans), packed, body)
			}
		}
	}
	comparePacked(t, nil)
	for _, typ := range []graph.NodeType{
		"", graph.TypeService, graph.TypeDatabase, graph.TypeCache, graph.TypeQueue, graph.TypeFunction, graph.TypeExternal,
		graph.TypeUser, graph.TypeUnknown,
	} {
		shape := graph.Shape{Service: &graph.Service{Node: graph.Node{Type: graph.TypeService, Name: "a"}}, Operation: "x"}
		shape.Peer.Type, shape.Peer.Name, shape.Peer.Own, shape.Peer.IP = typ, "b", true, true
		comparePacked(t, []graph.Span{{Trace: graph.TraceID{1}, ID: graph.SpanID{1}, Shape: &shape, Start: 1, Weight: 2.5}})
	}
}

// Packed spans that were cut off or had a byte changed are refused or read as other spans, but never more than that.
func TestUnpackDamaged(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	b, err := d.Traces(richRequest().protobuf(), Protobuf, arrival)
	if err != nil {
		t.Fatal(err)
	}
	packed := Pack(nil, b.Spans)
	for n := range packed {
		if _, err := d.Unpack("default", packed[:n]); !errors.Is(err, errPacked) {
			t.Errorf("the first %d of %d bytes: %v", n, len(packed), err)
		}
		if _, err := d.Unpack("default", append(bytes.Clone(packed), 0)); !errors.Is(err, errPacked) {
			t.Errorf("a byte more: %v", err)
		}
		for _, c := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			changed := bytes.Clone(packed)
			changed[n] = c
			_, _ = d.Unpack("default", changed)
		}
	}
}

// FuzzPack checks that what is decoded is the same after it was packed.
func FuzzPack(f *testing.F) {
	f.Add(richRequest().protobuf())
	f.Add(benchRequest(3).protobuf())
	f.Fuzz(func(t *testing.T, body []byte) {
		d, now := anyTime()
		if b, err := d.Traces(body, Protobuf, now); err == nil {
			comparePacked(t, b.Spans)
		}
	})
}

// FuzzUnpack checks that whatever is unpacked are spans, and the same when they are packed again.
func FuzzUnpack(f *testing.F) {
	d := NewDecoder(DefaultDecodeConfig())
	for _, r := range []testRequest{richRequest(), benchRequest(3)} {
		b, err := d.Traces(r.protobuf(), Protobuf, arrival)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(Pack(nil, b.Spans))
	}
	f.Add([]byte{})
	f.Add([]byte{packedVersion, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, packed []byte) {
		d := NewDecoder(DefaultDecodeConfig())
		b, err := d.Unpack("default", packed)
		if err != nil {
			if !errors.Is(err, errPacked) {
				t.Fatalf("an error of the wrong kind: %v", err)
			}
			return
		}
		again, err := d.Unpack("default", Pack(nil, b.Spans))
		if err != nil || !slices.EqualFunc(b.Spans, again.Spans, sameUnpacked) {
			t.Errorf("packed again: %v", err)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	d := NewDecoder(DefaultDecodeConfig())
	body := benchRequest(500).protobuf()
	batch, err := d.Traces(body, Protobuf, arrival)
	if err != nil {
		b.Fatal(err)
	}
	packed := Pack(nil, batch.Spans)
	b.Logf("%d spans, as OTLP %d bytes, packed %d", len(batch.Spans), len(body), len(packed))
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			packed = Pack(packed[:0], batch.Spans)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Spans)), "ns/span")
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			got, err := d.Unpack("default", packed)
			if err != nil {
				b.Fatal(err)
			}
			got.Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Spans)), "ns/span")
	})
}
