package proc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
)

func TestLogLine(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, slog.LevelInfo).With("component", "ingest")
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4},
	}))
	log.DebugContext(ctx, "not shown")
	log.WarnContext(ctx, "rows kept for the next flush", "err", errors.New("connection refused"), "retry_in", 90*time.Second)

	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, b.Bytes())
	}
	ts, err := time.Parse(time.RFC3339Nano, got["ts"].(string))
	if err != nil || time.Since(ts) > time.Minute {
		t.Errorf("ts is %v (%v)", got["ts"], err)
	}
	delete(got, "ts")
	want := map[string]any{
		"level": "WARN", "msg": "rows kept for the next flush", "component": "ingest",
		"trace_id": "01020300000000000000000000000000", "err": "connection refused", "retry_in": "1m30s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
}
