package otlp

import (
	"fmt"
	"testing"
)

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
