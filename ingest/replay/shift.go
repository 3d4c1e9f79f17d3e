package replay

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// stamp matches a time stamp member of OTLP/JSON with its value as a string or a number. It cannot match
// within a string: there the quotes are escaped.
var stamp = regexp.MustCompile(`"(?:startTimeUnixNano|endTimeUnixNano|timeUnixNano)"\s*:\s*"?(\d+)`)

// newest returns the latest time stamp of a request and how many spans it has.
func (r request) newest() (ns int64, spans int, err error) {
	if r.json {
		for _, m := range stamp.FindAllSubmatchIndex(r.body, -1) {
			v, err := strconv.ParseInt(string(r.body[m[2]:m[3]]), 10, 64)
			if err == nil { // one that is out of range is for the server to judge
				ns = max(ns, v)
			}
		}
		spans, err = countJSON(r.body)
		return ns, spans, err
	}
	req, err := r.proto()
	if err != nil {
		return 0, 0, err
	}
	eachStamp(req.Traces(), func(t pcommon.Timestamp) pcommon.Timestamp {
		ns = max(ns, int64(t)) //nolint:gosec // a stamp beyond 2262 is for the server to judge
		return t
	})
	return ns, req.Traces().SpanCount(), nil
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
	for _, m := range stamp.FindAllSubmatchIndex(body, -1) {
		out = append(out, body[from:m[2]]...)
		from = m[3]
		v, err := strconv.ParseUint(string(body[m[2]:m[3]]), 10, 64)
		if err != nil || v == 0 {
			out = append(out, body[m[2]:m[3]]...)
			continue
		}
		out = strconv.AppendUint(out, v+uint64(d), 10) //nolint:gosec // wraps like the subtraction it may be
	}
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
