package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

var stampSuffix = []byte(`UnixNano"`)

// eachJSONStamp gives f where the digits of each time stamp member of OTLP/JSON begin and end. It cannot be
// misled by the text of a string: there the quotes are escaped.
func eachJSONStamp(body []byte, f func(from, to int)) {
	for at := 0; ; {
		i := bytes.Index(body[at:], stampSuffix)
		if i < 0 {
			return
		}
		key := body[:at+i]
		at += i + len(stampSuffix)
		if !bytes.HasSuffix(key, []byte(`"startTime`)) && !bytes.HasSuffix(key, []byte(`"endTime`)) && !bytes.HasSuffix(key, []byte(`"time`)) {
			continue
		}
		for at < len(body) && strings.IndexByte(" \t\r\n:\"", body[at]) >= 0 {
			at++
		}
		from := at
		for at < len(body) && body[at] >= '0' && body[at] <= '9' {
			at++
		}
		if at > from {
			f(from, at)
		}
	}
}

// newest returns the latest time stamp of a request; 0 if it has none that can be read.
func (r request) newest() (ns int64) {
	if r.json {
		eachJSONStamp(r.body, func(from, to int) {
			if v, err := strconv.ParseInt(string(r.body[from:to]), 10, 64); err == nil { // one out of range is for the server to judge
				ns = max(ns, v)
			}
		})
		return ns
	}
	req, err := r.proto()
	if err != nil {
		return 0
	}
	eachStamp(req.Traces(), func(t pcommon.Timestamp) pcommon.Timestamp {
		ns = max(ns, int64(t)) //nolint:gosec // a stamp beyond 2262 is for the server to judge
		return t
	})
	return ns
}

// spans counts the spans of a request.
func (r request) spans() (int, error) {
	if r.json {
		return countJSON(r.body)
	}
	req, err := r.proto()
	if err != nil {
		return 0, err
	}
	return req.Traces().SpanCount(), nil
}

// shifted returns the body with every time stamp but 0 moved by d. Nothing else changes.
func (r request) shifted(d time.Duration) ([]byte, error) {
	if d == 0 {
		return r.body, nil
	}
	if r.json {
		return shiftJSON(r.body, d), nil
	}
	req, err := r.proto()
	if err != nil {
		return nil, err
	}
	eachStamp(req.Traces(), func(t pcommon.Timestamp) pcommon.Timestamp {
		if t == 0 {
			return 0
		}
		return t + pcommon.Timestamp(d) //nolint:gosec // wraps like the subtraction it may be
	})
	return req.MarshalProto()
}

func shiftJSON(body []byte, d time.Duration) []byte {
	out := make([]byte, 0, len(body)+64)
	from := 0
	eachJSONStamp(body, func(begin, end int) {
		v, err := strconv.ParseUint(string(body[begin:end]), 10, 64)
		if err != nil || v == 0 {
			return
		}
		out = append(out, body[from:begin]...)
		out = strconv.AppendUint(out, v+uint64(d), 10) //nolint:gosec // wraps like the subtraction it may be
		from = end
	})
	return append(out, body[from:]...)
}

func (r request) proto() (ptraceotlp.ExportRequest, error) {
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto(r.body); err != nil {
		return req, fmt.Errorf("%s: %w", r.where, err)
	}
	return req, nil
}

// eachStamp replaces every time stamp of the traces by what f makes of it.
func eachStamp(td ptrace.Traces, f func(pcommon.Timestamp) pcommon.Timestamp) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				s.SetStartTimestamp(f(s.StartTimestamp()))
				s.SetEndTimestamp(f(s.EndTimestamp()))
				for _, e := range s.Events().All() {
					e.SetTimestamp(f(e.Timestamp()))
				}
			}
		}
	}
}
