package graph

import (
	"strings"
	"time"
)

// TraceID and SpanID are the ids of OTLP; all zero is no id.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// Kind is a span's kind, with the numbers of OTLP.
type Kind uint8

// The kinds of a span. Many real tracers leave it unspecified.
const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// IsOutgoing reports whether a span of this kind is the caller's half of a call.
func (k Kind) IsOutgoing() bool { return k == KindClient || k == KindProducer }

// IsIncoming reports whether a span of this kind is the callee's half of a call.
func (k Kind) IsIncoming() bool { return k == KindServer || k == KindConsumer }

// Outcome is how a span ended and what is known of its place, as bits.
type Outcome uint16

// The bits of an Outcome. Failed, Throttled and ClientError exclude each other only as conventions say: a
// throttled request may also be a failed one.
const (
	Failed        Outcome = 1 << iota // the call failed
	Throttled                         // 429 or RESOURCE_EXHAUSTED
	ClientError                       // another 4xx
	TimedOut                          // a deadline ended it
	Cancelled                         // the caller gave up without a deadline; alone it is not a failure
	Resent                            // repeats an earlier call (resend count > 0)
	LocalParent                       // span flags say that the parent is of the same process
	SamplingKnown                     // tracestate told the sampling probability
	Receive                           // a messaging receive or poll, not the processing of a message
	Synthetic                         // made by a bot or a test, left out of RED
	Permanent                         // refused in a way that the same call meets again
)

// Span is one OTLP span after admission and naming: all that matching needs, and nothing else. Strings
// may be views into the request's memory; whoever keeps a Span beyond the call that delivered it copies
// them, unless its Shape lasts.
type Span struct {
	Trace      TraceID
	ID, Parent SpanID
	*Shape
	Start    int64 // Unix ns
	Duration time.Duration
	Weight   float32 // sampling weight, >= 1
	Outcome  Outcome
	Links    []Link // CONSUMER and receive spans: the producers it names
}

// Shape is what the spans of one place in a program have in common. It is shared by them and never changed.
type Shape struct {
	Service   *Service // who makes the spans
	Kind      Kind
	Operation string
	Protocol  string // "" if no attribute tells
	Peer      Peer   // CLIENT, PRODUCER, CONSUMER: what the span says about the other end

	marks   Outcome // Receive, Synthetic
	foreign bool    // numbers of RPC status codes are not those of gRPC
	lasts   bool
}

// Lasts reports whether s owns its strings and stands for the same spans for ever, so that what follows
// from it may be remembered by its address.
func (s *Shape) Lasts() bool { return s.lasts }

// Lasting returns a copy of s that lasts.
func (s *Shape) Lasting() *Shape {
	c := *s
	own(&c.Operation, &c.Protocol, &c.Peer.Name, &c.Peer.Namespace, &c.Peer.Environment, &c.Peer.System, &c.Peer.Address)
	c.lasts = true
	return &c
}

// own puts copies in the place of texts, in one piece of memory.
func own(texts ...*string) {
	var all strings.Builder
	for _, t := range texts {
		all.WriteString(*t)
	}
	rest := all.String()
	for _, t := range texts {
		*t, rest = rest[:len(*t)], rest[len(*t):]
	}
}

// Equal reports whether s and o say the same, whether they last or not.
func (s *Shape) Equal(o *Shape) bool {
	a, b := *s, *o
	if *a.Service != *b.Service {
		return false
	}
	a.Service, a.lasts = b.Service, b.lasts
	return a == b
}

// Service is the resource that spans come from.
type Service struct {
	Node
	Version string
	Tier    string // service.criticality: critical, high, medium, low or ""
}

// Lasting returns a copy of s that owns its strings.
func (s *Service) Lasting() *Service {
	c := *s
	own(&c.Name, &c.Namespace, &c.Environment, &c.Version, &c.Tier)
	return &c
}

// Peer is what one half of a call says about the other. Node.Type is "" when it says nothing at all.
type Peer struct {
	Node
	// Own is true when the span names the service it comes from as its peer: no edge is inferred from it.
	Own bool
	// IP is true when Name is an address rather than a name, so that ranges of them may be shown as one.
	IP bool
}

// Link is a span link: the span named caused, or is a message handled by, the one that carries it.
type Link struct {
	Trace TraceID
	ID    SpanID
}
