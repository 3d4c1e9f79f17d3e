// Package otlp is where telemetry comes in: the OTLP doors over gRPC and HTTP, and the decoding of what
// they receive into graph.Span. The OpenTelemetry wire types end here.
package otlp

import (
	"context"
	"errors"
	"time"

	"faultline/graph"
)

// Encoding is how a request's body is written.
type Encoding uint8

// The encodings of OTLP.
const (
	Protobuf Encoding = iota
	JSON
)

// Reason says why a span was rejected. The set is closed: it is a metric label.
type Reason string

// The reasons for which a span is rejected. The sender is told, and must not send it again.
const (
	InvalidID   Reason = "invalid_id"    // trace or span id of the wrong length or all zero
	NoTimestamp Reason = "no_timestamp"  // neither start nor end
	OutOfWindow Reason = "out_of_window" // too far in the future, or older than retention
)

// Repair says what was mended in a span that was kept. The set is closed: it is a metric label.
type Repair string

// The repairs. They are counted and not reported to the sender.
const (
	NegativeDuration Repair = "negative_duration"
	InvalidUTF8      Repair = "invalid_utf8"
	SelfParent       Repair = "self_parent"
	NestedValue      Repair = "nested_value"
	Truncated        Repair = "truncated"
	ClampedFuture    Repair = "clamped_future"
	UnknownService   Repair = "unknown_service"
	InvalidLink      Repair = "invalid_link"
)

// Batch is what one request held.
type Batch struct {
	Tenant   string
	Spans    []graph.Span
	Rejected map[Reason]int // nil when nothing was rejected
	Repaired map[Repair]int // nil when nothing was repaired
	Bytes    int            // size of the decompressed body
	Body     Body           // where all this was decoded from; valid until Consume returns

	// Release gives the memory of the batch back for the next one. Whoever owns the batch may call it, once,
	// when it no longer uses the spans or any string of theirs but a Service's; the collector does it else.
	// It may be nil.
	Release func()
}

// Body is the body of a request as it came. To decode it again gives the same batch.
type Body struct {
	Received time.Time // the time that decoding went by
	Encoding Encoding
	Coding   string // how Wire is compressed, as in Content-Encoding; "" is not at all
	Wire     []byte
	Hash     Hash // of the decompressed body
}

// Hash tells bodies apart.
type Hash [16]byte

// BadDataError says that a body is not a valid OTLP request. It is permanent: sending the same bytes
// again cannot help.
type BadDataError struct{ Detail string }

func (e *BadDataError) Error() string { return e.Detail }

// ErrOverloaded is returned by a Consumer that has no room now; the door asks the sender to come again.
var ErrOverloaded = errors.New("ingest is over its limits")

// Consumer takes a batch over. It owns the batch and all it refers to but Body.Wire from the moment it
// returns nil; after an error it answers for nothing in it.
type Consumer interface {
	Consume(ctx context.Context, b *Batch) error
}
