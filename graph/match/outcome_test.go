package match

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// at gives a span a start and an end, in ms after the request's start, and an operation.
func at(s *graph.Span, start, end int, op string) *graph.Span {
	s.Start = t0.UnixNano() + int64(start)*1e6
	s.Duration = time.Duration(end-start) * time.Millisecond
	s.Operation = op
	return s
}

func cancelled(s *graph.Span) *graph.Span { s.Outcome |= graph.Cancelled; return s }

// counts says what was found out about the requests of a, in few words: "callee name=n …", sorted.
func (l *ledger) counts() []string {
	sums := map[string]int64{}
	for k, n := range l.outs {
		sums[k] += n
	}
	var out []string
	for k, n := range sums {
		if !strings.HasPrefix(k, "service:a(") {
			continue
		}
		_, rest, _ := strings.Cut(k, " -> ")
		f := strings.Fields(rest)
		words := f[:1]
		for _, w := range f[1:] {
			name, _, ok := strings.Cut(w, "=")
			if !ok || strings.HasSuffix(name, "_us") || strings.Contains(name, "time_") || name == "duration_duration" || name == "requests" {
				continue
			}
			words = append(words, w)
		}
		out = append(out, fmt.Sprintf("%s x%d", strings.Join(words, " "), n))
	}
	slices.Sort(out)
	return out
}

func TestOutcomes(t *testing.T) {
	request := func(s ...*graph.Span) []*graph.Span {
		return append([]*graph.Span{at(span("a", 1, 0, srv, ""), 0, 100, "GET /")}, s...)
	}
	failedRequest := func(s ...*graph.Span) []*graph.Span {
		s = request(s...)
		failed(s[0])
		return s
	}
	pg := func(n, start, end int) *graph.Span {
		return at(span("a", n, 1, cli, "database:pg"), start, end, "SELECT")
	}
	redis := func(n, start, end int) *graph.Span { return at(span("a", n, 1, cli, "cache:redis"), start, end, "GET") }
	tests := map[string]struct {
		spans []*graph.Span
		want  []string
	}{
		"nothing called":              {request(), []string{"- clean=1 x1"}},
		"fails on its own":            {failedRequest(pg(2, 10, 20)), []string{"- failed=1 clean=1 clean_failed=1 x1", "database:pg failed=1 calls=1 attempts=1 on_path=1 x1"}},
		"a total failure is fatal":    {failedRequest(failed(pg(2, 10, 20))), []string{"- failed=1 x1", "database:pg failed=1 calls=1 attempts=1 failed_attempts=1 total_fatal=1 blamed=1 unexplained=1 on_path=1 x1"}},
		"a total failure is survived": {request(failed(pg(2, 10, 20))), []string{"- x1", "database:pg calls=1 attempts=1 failed_attempts=1 total_survived=1 on_path=1 x1"}},
		"a retry rescues":             {request(failed(pg(2, 10, 20)), pg(3, 25, 30)), []string{"- clean=1 x1", "database:pg calls=1 attempts=2 failed_attempts=1 rescued=1 on_path=1 x1"}},
		"three attempts fail":         {failedRequest(failed(pg(2, 10, 20)), failed(pg(3, 25, 30)), failed(pg(4, 40, 45))), []string{"- failed=1 x1", "database:pg failed=1 calls=1 attempts=3 failed_attempts=3 total_fatal=1 blamed=1 unexplained=1 on_path=1 x1"}},
		"a fan-out fails in part":     {request(failed(pg(2, 10, 20)), pg(3, 12, 30), pg(4, 14, 30)), []string{"- x1", "database:pg calls=3 attempts=3 failed_attempts=1 partial_survived=1 on_path=1 x1"}},
		"two callees fail":            {failedRequest(failed(pg(2, 10, 20)), failed(redis(3, 30, 40))), []string{"- failed=1 x1", "cache:redis failed=1 calls=1 attempts=1 failed_attempts=1 contested_fatal=1 blamed=1 unexplained=1 on_path=1 x1", "database:pg failed=1 calls=1 attempts=1 failed_attempts=1 contested_fatal=1 contested_passed=1 on_path=1 x1"}},
		"two callees fail at once":    {failedRequest(failed(pg(2, 10, 20)), failed(redis(3, 15, 40))), []string{"- failed=1 x1", "cache:redis failed=1 calls=1 attempts=1 failed_attempts=1 contested_fatal=1 blamed=1 unexplained=1 on_path=1 x1", "database:pg failed=1 calls=1 attempts=1 failed_attempts=1 contested_fatal=1 x1"}},
		"fails and tidies up":         {failedRequest(failed(pg(2, 10, 20)), redis(3, 30, 40)), []string{"- failed=1 x1", "cache:redis failed=1 calls=1 attempts=1 on_path=1 x1", "database:pg failed=1 calls=1 attempts=1 failed_attempts=1 total_fatal=1 fatal_passed=1 blamed=1 unexplained=1 on_path=1 x1"}},
		"goes on after a failure":     {request(failed(pg(2, 10, 20)), redis(3, 30, 40)), []string{"- x1", "cache:redis calls=1 attempts=1 on_path=1 x1", "database:pg calls=1 attempts=1 failed_attempts=1 total_survived=1 on_path=1 x1"}},
		"an instance refuses and the next answers": {
			request(failed(at(span("a", 2, 1, cli, "external:b"), 10, 20, "GET")), at(span("a", 3, 1, cli, "external:b"), 25, 40, "GET"), at(span("b", 4, 3, srv, ""), 26, 39, "GET /b")),
			[]string{"- clean=1 x1", "service:b calls=1 attempts=2 failed_attempts=1 rescued=1 on_path=1 x1"},
		},
		"a call of another name is refused": {
			request(failed(at(span("a", 2, 1, cli, "external:b"), 10, 20, "POST")), at(span("a", 3, 1, cli, "external:b"), 25, 40, "GET"), at(span("b", 4, 3, srv, ""), 26, 39, "GET /b")),
			[]string{"- x1", "external:b calls=1 attempts=1 failed_attempts=1 total_survived=1 on_path=1 x1", "service:b calls=1 attempts=1 on_path=1 x1"},
		},
		"a hedge wins":                  {request(cancelled(pg(2, 10, 32)), pg(3, 20, 30)), []string{"- clean=1 x1", "database:pg calls=1 attempts=2 hedged=1 on_path=1 x1"}},
		"cut off by the caller's end":   {failedRequest(failed(pg(2, 10, 101))), []string{"- failed=1 clean=1 clean_failed=1 x1", "database:pg failed=1 calls=1 attempts=1 failed_attempts=1 cancelled=1 on_path=1 x1"}},
		"fire and forget":               {request(pg(2, 90, 300)), []string{"- clean=1 x1", "database:pg calls=1 attempts=1 async=1 x1"}},
		"beside the critical path":      {request(pg(2, 10, 90), redis(3, 20, 30)), []string{"- clean=1 x1", "cache:redis calls=1 attempts=1 x1", "database:pg calls=1 attempts=1 on_path=1 x1"}},
		"calls one after another":       {request(pg(2, 10, 20), pg(3, 20, 30)), []string{"- clean=1 x1", "database:pg calls=2 attempts=2 on_path=1 x1"}},
		"through an internal span":      {request(at(span("a", 2, 1, in, ""), 5, 50, "work"), at(span("a", 3, 2, cli, "database:pg"), 10, 20, "SELECT")), []string{"- clean=1 x1", "database:pg calls=1 attempts=1 on_path=1 x1"}},
		"the callee says that it fails": {failedRequest(failed(at(span("a", 2, 1, cli, "external:b"), 10, 20, "GET")), failed(at(span("b", 3, 2, srv, ""), 11, 19, "GET /b"))), []string{"- failed=1 x1", "service:b failed=1 calls=1 attempts=1 failed_attempts=1 total_fatal=1 blamed=1 on_path=1 x1"}},
		"attempts inside an SDK's span": {
			request(at(span("a", 2, 1, cli, "database:dynamo"), 10, 50, "PutItem"), failed(at(span("a", 3, 2, cli, "external:aws"), 11, 20, "POST")), at(span("a", 4, 2, cli, "external:aws"), 30, 49, "POST")),
			[]string{"- clean=1 x1", "database:dynamo calls=1 attempts=2 failed_attempts=1 rescued=1 on_path=1 x1"},
		},
		"attempts without client spans": {
			failedRequest(failed(at(span("redis", 2, 1, cli, "own:redis"), 10, 20, "GetDriver")), failed(at(span("redis", 3, 1, cli, "own:redis"), 21, 30, "GetDriver")), at(span("redis", 4, 1, cli, "own:redis"), 31, 40, "GetDriver"), at(span("redis", 5, 1, cli, "own:redis"), 41, 50, "GetDriver")),
			[]string{"- failed=1 clean=1 clean_failed=1 x1", "service:redis failed=1 calls=2 attempts=4 failed_attempts=2 rescued=1 on_path=1 x1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			permute(tt.spans, func(spans []*graph.Span) {
				for _, gap := range []time.Duration{0, 7 * time.Second, 40 * time.Second} {
					l, _ := feed(DefaultConfig(), spans, gap)
					if diff := cmp.Diff(tt.want, l.counts()); diff != "" {
						t.Fatalf("%s apart (-want +got):\n%s", gap, diff)
					}
				}
			})
		})
	}
}

func TestTimesOfAttempts(t *testing.T) {
	l, _ := feed(DefaultConfig(), []*graph.Span{
		failed(at(span("a", 1, 0, srv, ""), 0, 100, "GET /")),
		failed(at(span("a", 2, 1, cli, "database:pg"), 10, 20, "SELECT")),
		failed(at(span("a", 3, 1, cli, "database:pg"), 25, 40, "SELECT")),
		failed(at(span("a", 4, 1, cli, "database:pg"), 50, 57, "SELECT")),
	}, 0)
	want := "[7ms 10ms] [5ms] [2000] [3]"
	for k := range l.outs {
		if strings.Contains(k, "database:pg") && !strings.HasSuffix(k, want) {
			t.Errorf("%s does not end with failed times, gap, ratio, tries %s", k, want)
		}
	}
}

// TestHabits plays ways to go about failures, in every order of arrival.
func TestHabits(t *testing.T) {
	request := func(s ...*graph.Span) []*graph.Span {
		return append([]*graph.Span{at(span("a", 1, 0, srv, ""), 0, 9000, "GET /")}, s...)
	}
	ended := func(o graph.Outcome, s *graph.Span) *graph.Span { s.Outcome |= o; return s }
	late := func(s *graph.Span) *graph.Span { return ended(graph.Failed|graph.TimedOut, s) }
	refused := func(s *graph.Span) *graph.Span { return ended(graph.ClientError|graph.Permanent, s) }
	call := func(n, start, end int, op string) *graph.Span {
		return at(span("a", n, 1, cli, "external:b"), start, end, op)
	}
	answer := func(n, to, start, end int) *graph.Span { return at(span("b", n, to, srv, ""), start, end, "GET /b") }
	many := func(n int, op func(i int) string) (s []*graph.Span) {
		for i := range n {
			s = append(s, call(i+2, i*10, i*10+5, op(i)))
		}
		return s
	}
	for name, tt := range map[string]struct {
		spans []*graph.Span
		want  string // the counters, patience, whether there are traces of a timeout and of a retry
	}{
		"nothing special":                {request(call(2, 10, 20, "GET"), answer(3, 2, 11, 19)), "[0 0 0 0 0 0] [] false false"},
		"a deadline, the callee is over": {request(late(call(2, 10, 510, "GET")), answer(3, 2, 11, 590)), "[1 0 0 0 0 0] [500ms] true false"},
		"a deadline, the callee goes on": {request(late(call(2, 10, 510, "GET")), answer(3, 2, 11, 900)), "[1 1 0 0 0 0] [500ms] true false"},
		"a deadline, nobody answers":     {request(late(call(2, 10, 510, "GET"))), "[0 0 0 0 0 0] [500ms] true false"},
		"the callee's own deadline":      {request(failed(call(2, 10, 510, "GET")), late(answer(3, 2, 11, 900))), "[0 0 0 0 0 0] [] false false"},
		"every attempt counts":           {request(late(call(2, 10, 110, "GET")), late(call(3, 150, 250, "GET")), late(call(4, 300, 401, "GET"))), "[0 0 0 0 0 0] [100ms 100ms 101ms] true true"},
		"a read after a deadline":        {request(late(call(2, 10, 110, "GET /x")), call(3, 150, 160, "GET /x")), "[0 0 0 0 0 0] [100ms] true true"},
		"a write after a deadline":       {request(late(call(2, 10, 110, "POST /x")), call(3, 150, 160, "POST /x")), "[0 0 0 0 1 0] [100ms] true true"},
		"a write after a failure":        {request(failed(call(2, 10, 110, "POST /x")), call(3, 150, 160, "POST /x")), "[0 0 0 0 0 0] [] false true"},
		"another write":                  {request(late(call(2, 10, 110, "POST /x")), call(3, 150, 160, "POST /y")), "[0 0 0 0 0 0] [100ms] true false"},
		"a write beside it":              {request(late(call(2, 10, 110, "POST /x")), call(3, 50, 160, "POST /x")), "[0 0 0 0 0 0] [100ms] true false"},
		"refused":                        {request(refused(call(2, 10, 20, "GET"))), "[0 0 1 0 0 0] [] false false"},
		"refused and asked again":        {request(refused(call(2, 10, 20, "GET")), refused(call(3, 30, 40, "GET"))), "[0 0 2 1 0 0] [] false true"},
		"19 calls":                       {request(many(19, func(int) string { return "GET" })...), "[0 0 0 0 0 0] [] false false"},
		"20 calls":                       {request(many(20, func(int) string { return "GET" })...), "[0 0 0 0 0 1] [] false false"},
		"20 calls of two names":          {request(many(20, func(i int) string { return fmt.Sprint("GET ", i%2) })...), "[0 0 0 0 0 0] [] false false"},
		"cut off by the caller's end": {
			[]*graph.Span{failed(at(span("a", 1, 0, srv, ""), 0, 100, "GET /")), late(call(2, 10, 510, "GET"))}, "[0 0 0 0 0 0] [] false false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(spans []*graph.Span) {
				for _, gap := range []time.Duration{0, 7 * time.Second, 40 * time.Second} {
					h := &habits{sum: map[string]int64{}}
					cfg := DefaultConfig()
					m := New(cfg, NewNames(cfg.Limits), h)
					now := t0
					for _, s := range spans {
						m.Advance(now)
						m.Add("default", s)
						now = now.Add(gap)
					}
					m.Advance(now.Add(cfg.Wait))
					if diff := cmp.Diff(map[string]int64{tt.want: 1}, h.sum); diff != "" {
						t.Fatalf("%s apart (-want +got):\n%s", gap, diff)
					}
				}
			}
			if len(tt.spans) > 5 {
				check(tt.spans)
				slices.Reverse(tt.spans)
				check(tt.spans)
				return
			}
			permute(tt.spans, check)
		})
	}
}

// habits sums what is said about habits of a, in words.
type habits struct {
	discard
	sum map[string]int64
}

func (h *habits) Outcome(o *Outcome) {
	if o.Callee == 0 || o.Op == 0 {
		return
	}
	k := fmt.Sprint([]int64{o.Abandoned, o.Overrun, o.Refused, o.RefusedRepeated, o.UnsafeRetries, o.Bursts}, slices.Sorted(slices.Values(o.Patience)),
		o.PatienceTrace != graph.TraceID{}, o.RetryTrace != graph.TraceID{})
	if h.sum[k] += o.N; h.sum[k] == 0 {
		delete(h.sum, k)
	}
}

func TestWritesAreKnownByTheirNames(t *testing.T) {
	for name, want := range map[string]bool{
		"POST": true, "POST /orders": true, "HTTP POST": true, "PATCH /x": true, "INSERT shop.orders": true, "insert orders": true, "send topic": true,
		"publish topic": true, "GET /posts": false, "PUT /x": false, "DELETE /x": false, "SELECT": false, "postgres": false, "": false,
	} {
		if writes(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestEvidence(t *testing.T) {
	spans := []*graph.Span{
		at(span("a", 1, 0, srv, ""), 0, 100, "GET /"), at(span("a", 2, 1, cli, "external:b"), 10, 50, "GET"),
		failed(at(span("b", 3, 2, srv, ""), 11, 49, "GET /b")), at(span("b", 4, 3, cli, "database:pg"), 12, 20, "SELECT"),
	}
	for keep, want := range map[string]int{"none": 0, "evidence": 4, "all": 4} {
		cfg := DefaultConfig()
		cfg.Evidence.Keep = keep
		l, _ := feed(cfg, spans, 0)
		if len(l.spans) != want {
			t.Errorf("%s: %d spans kept, want %d", keep, len(l.spans), want)
		}
	}
	l, _ := feed(DefaultConfig(), spans, 0)
	edges := []string{}
	for _, s := range l.spans {
		edges = append(edges, fmt.Sprintf("%d<%d %s>%s %s", s.ID[7], s.Parent[7], l.node(s.Caller), l.node(s.Callee), s.Why))
	}
	slices.Sort(edges)
	want := []string{"1<0 ->- error", "2<1 ->- error", "3<2 service:a>service:b error", "4<3 service:b>database:pg error"}
	if diff := cmp.Diff(want, edges); diff != "" {
		t.Error(diff)
	}
	// Not more of a kind than the minute allows, and the next minute anew.
	cfg := DefaultConfig()
	m := New(cfg, NewNames(cfg.Limits), discard{})
	now := t0
	for i := range 100 {
		m.Advance(now)
		s := *spans[0]
		s.Trace[3] = byte(i)
		m.Add("default", &s)
		now = now.Add(time.Second)
	}
	if n := m.Counters().Traces; n != 6 && n != 9 {
		t.Errorf("%d traces kept in 70 s, want %d each minute", n, cfg.Evidence.PerOperation)
	}
}
