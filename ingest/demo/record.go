package demo

import (
	"context"
	"iter"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Requests yields the traffic of a stretch of time without waiting for it to pass: the bodies, in protobuf, of one export
// request for every tenth of a second. Trace and span ids are random; all else is the same for equal seeds.
func Requests(cfg Config, start time.Time, length time.Duration) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var sent uploads
		exporter := otlptrace.NewUnstarted(&sent)
		e := newEmitter(func() sdktrace.SpanProcessor { return sdktrace.NewSimpleSpanProcessor(exporter) })
		t := newTraffic(cfg)
		for since := tick; since <= length; since += tick {
			t.tick(since, func(spans []span) { e.emit(spans, start.Add(since)) })
			if len(sent.spans) == 0 {
				continue
			}
			body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: sent.spans})
			if !yield(body, err) || err != nil {
				return
			}
			sent.spans = nil
		}
	}
}

// uploads keeps what an exporter would send.
type uploads struct{ spans []*tracepb.ResourceSpans }

func (*uploads) Start(context.Context) error { return nil }
func (*uploads) Stop(context.Context) error  { return nil }

func (u *uploads) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	u.spans = append(u.spans, spans...)
	return nil
}
