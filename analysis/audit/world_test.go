package audit

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/analysis/analysistest"
	"faultline/graph"
	"faultline/graph/match"
	"faultline/ingest/otlp"
	"faultline/ingest/truth"
)

// policy is how a caller goes about calls to its dependency, and how that goes about too many.
type policy struct {
	timeout  time.Duration // 0: none
	stops    bool          // the callee stops when its caller has given up
	attempts int
	pause    time.Duration
	factor   float64
	jitter   bool
	open     time.Duration // of a circuit breaker; 0: none
	fallback bool          // requests survive
	instead  bool          // by calling another service
	shed     bool
	isolated bool // operations that do without the dependency keep their pace when it is slow
	write    bool
	nothing  bool // nothing ever goes wrong
	refuse   bool // refusals are repeated
}

func somePolicy(r *rand.Rand) policy {
	p := policy{
		stops: r.IntN(2) == 0, attempts: 1 + r.IntN(4), pause: time.Duration(20+r.IntN(280)) * time.Millisecond,
		factor: []float64{1, 2}[r.IntN(2)], jitter: r.IntN(2) == 0, fallback: r.IntN(2) == 0, shed: r.IntN(2) == 0,
		isolated: r.IntN(2) == 0, write: r.IntN(3) == 0,
	}
	if r.IntN(3) > 0 {
		p.timeout = time.Duration(100+r.IntN(1900)) * time.Millisecond
	}
	if r.IntN(2) == 0 {
		p.open = time.Duration(1+r.IntN(20)) * time.Second
	}
	p.instead = p.fallback && r.IntN(2) == 0
	return p
}

// phase is what is wrong with the dependency for a time.
type phase struct {
	from, to time.Duration
	ill      string // down, hang, slow, surge
}

// day is a quarter of an hour in which everything happens twice.
var day = []phase{
	{3 * time.Minute, 4*time.Minute + 10*time.Second, "hang"}, {5 * time.Minute, 6*time.Minute + 10*time.Second, "down"},
	{7 * time.Minute, 7*time.Minute + 40*time.Second, "slow"}, {9 * time.Minute, 9*time.Minute + 40*time.Second, "slow"},
	{11 * time.Minute, 11*time.Minute + 40*time.Second, "surge"}, {13 * time.Minute, 13*time.Minute + 40*time.Second, "surge"},
}

// world plays requests to a service "caller", which calls "callee".
type world struct {
	r      *rand.Rand
	p      policy
	start  time.Time
	phases []phase
	rate   float64 // requests a second that call the callee; half as many do not
	spans  []truth.Span
	ids    uint64

	failures  int // in a row, for the breaker
	openUntil time.Time
}

func (w *world) id() (s pcommon.SpanID) {
	w.ids++
	binary.BigEndian.PutUint64(s[:], w.ids)
	return s
}

func (w *world) ill(at time.Time) string {
	for _, p := range w.phases {
		if d := at.Sub(w.start); d >= p.from && d < p.to {
			return p.ill
		}
	}
	return ""
}

func (w *world) around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * math.Exp(0.3*w.r.NormFloat64()))
}

// play makes the requests of a stretch of time.
func (w *world) play(length time.Duration) {
	for at := w.start; at.Before(w.start.Add(length)); {
		rate := w.rate * 1.5
		if w.ill(at) == "surge" {
			rate *= 4
		}
		at = at.Add(time.Duration(w.r.ExpFloat64() / rate * float64(time.Second)))
		if w.r.IntN(3) > 0 {
			w.request(at)
		} else {
			w.other(at)
		}
	}
	slices.SortFunc(w.spans, func(a, b truth.Span) int { return cmp.Or(a.End.Compare(b.End), slices.Compare(a.ID[:], b.ID[:])) })
}

func (w *world) trace() (id pcommon.TraceID) {
	w.ids++
	binary.BigEndian.PutUint64(id[8:], w.ids)
	id[0] = 1
	return id
}

// other is a request that does without the dependency.
func (w *world) other(at time.Time) {
	d := w.around(15 * time.Millisecond)
	if w.ill(at) == "slow" && !w.p.isolated {
		d *= 5
	}
	w.spans = append(w.spans, truth.Span{Trace: w.trace(), ID: w.id(), Service: "caller", Name: "GET /other", Kind: ptrace.SpanKindServer, Start: at, End: at.Add(d)})
}

// request calls the dependency, again and again if the policy says so.
func (w *world) request(at time.Time) {
	trace, root := w.trace(), w.id()
	now := at.Add(w.around(time.Millisecond))
	ok := false
	pause := float64(w.p.pause)
	for try := range w.p.attempts {
		if w.p.open > 0 && now.Before(w.openUntil) {
			break
		}
		if try > 0 {
			wait := pause * math.Pow(w.p.factor, float64(try-1))
			if w.p.jitter {
				wait *= w.r.Float64()
			}
			now = now.Add(time.Duration(wait) + time.Duration(w.r.ExpFloat64()*float64(200*time.Microsecond)))
		}
		var permanent bool
		now, ok, permanent = w.attempt(trace, root, now)
		if w.p.open > 0 {
			if w.failures++; ok {
				w.failures = 0
			}
			if w.failures >= 5 {
				w.openUntil = now.Add(w.p.open)
			}
		}
		if ok || permanent && !w.p.refuse {
			ok = ok || permanent
			break
		}
	}
	if !ok && w.p.instead {
		d := w.around(3 * time.Millisecond)
		w.call(trace, root, "spare", "GET /spare", now, now.Add(d), now.Add(d), 200, false)
		now = now.Add(d)
	}
	failed := !ok && !w.p.fallback
	s := truth.Span{Trace: trace, ID: root, Service: "caller", Name: "GET /", Kind: ptrace.SpanKindServer, Start: at, End: now.Add(time.Millisecond), Failed: failed, Numbers: map[string]int64{"http.response.status_code": 200}}
	if failed {
		s.Numbers["http.response.status_code"] = 502
	}
	w.spans = append(w.spans, s)
}

// attempt is one call, which ends as the callee's illness and the timeout will have it.
func (w *world) attempt(trace pcommon.TraceID, root pcommon.SpanID, at time.Time) (end time.Time, ok, permanent bool) {
	d, status := w.around(8*time.Millisecond), int64(200)
	if !w.p.nothing && w.r.Float64() < 0.02 {
		status = 500
	}
	switch w.ill(at) {
	case "down":
		d, status = w.around(4*time.Millisecond), 503
	case "hang":
		d, status = time.Duration((3+37*w.r.Float64())*float64(time.Second)), 500
	case "slow":
		d *= 12
	case "surge":
		if !w.p.shed {
			d *= 6
		} else if w.r.IntN(4) > 0 {
			d, status = w.around(500*time.Microsecond), 429
		}
	default:
		if w.p.refuse && w.r.Float64() < 0.05 {
			status = 404
		}
	}
	name := "GET /item"
	if w.p.write {
		name = "POST /item"
	}
	end, served := at.Add(d), at.Add(d)
	timedOut := w.p.timeout > 0 && d > w.p.timeout
	if timedOut {
		end = at.Add(w.p.timeout + time.Duration(w.r.ExpFloat64()*float64(time.Millisecond)))
		if w.p.stops {
			served = end
		}
	}
	w.call(trace, root, "callee", name, at, end, served, status, timedOut)
	return end, status < 400 && !timedOut, status == 404
}

func (w *world) call(trace pcommon.TraceID, parent pcommon.SpanID, callee, name string, from, to, served time.Time, status int64, timedOut bool) {
	c := truth.Span{
		Trace: trace, ID: w.id(), Parent: parent, Service: "caller", Name: name, Kind: ptrace.SpanKindClient, Start: from, End: to,
		Text: map[string]string{"server.address": callee}, Numbers: map[string]int64{}, Failed: status >= 400 || timedOut,
	}
	if timedOut {
		c.Text["error.type"] = "timeout"
	} else {
		c.Numbers["http.response.status_code"] = status
	}
	s := truth.Span{
		Trace: trace, ID: w.id(), Parent: c.ID, Service: callee, Name: name, Kind: ptrace.SpanKindServer, Start: from.Add(50 * time.Microsecond), End: served,
		Numbers: map[string]int64{"http.response.status_code": status}, Failed: status >= 500,
	}
	if !s.End.After(s.Start) {
		s.End = s.Start.Add(time.Microsecond)
	}
	w.spans = append(w.spans, c, s)
}

func (w *world) requests() iter.Seq[analysistest.Request] {
	return func(yield func(analysistest.Request) bool) {
		for batch := range slices.Chunk(w.spans, 500) {
			if !yield(analysistest.Request{Encoding: otlp.Protobuf, Body: truth.Encode(batch...)}) {
				return
			}
		}
	}
}

// audited plays the world, sends its spans through the matcher, and audits what comes out of it.
func (w *world) audited(t testing.TB, length time.Duration) (Report, analysistest.Tables) {
	t.Helper()
	w.play(length)
	tables, err := analysistest.Fold(match.DefaultConfig(), w.requests())
	if err != nil {
		t.Fatal(err)
	}
	a := New(DefaultConfig())
	know := Knowledge{NodeType: func(id graph.NodeID) graph.NodeType { return tables.Nodes[id].Type }, Hard: func(Site) bool { return true }}
	feed(a, &tables, know)
	return a.Review(know), tables
}

// feed gives rows to an auditor as the engine does.
func feed(a *Auditor, tables *analysistest.Tables, know Knowledge) {
	calls, operations := map[time.Time][]graph.CallSiteRow{}, map[time.Time][]graph.OperationRow{}
	var buckets []time.Time
	for _, r := range tables.CallSites {
		calls[r.Bucket] = append(calls[r.Bucket], r)
		buckets = append(buckets, r.Bucket)
	}
	for _, r := range tables.Operations {
		operations[r.Bucket] = append(operations[r.Bucket], r)
		buckets = append(buckets, r.Bucket)
	}
	slices.SortFunc(buckets, time.Time.Compare)
	for _, at := range slices.CompactFunc(buckets, time.Time.Equal) {
		a.Observe(at, graph.Step, calls[at], operations[at], know)
	}
	for rows := tables.Outcomes; len(rows) > 0; {
		n := 1
		for n < len(rows) && rows[n].Bucket.Equal(rows[0].Bucket) {
			n++
		}
		a.Add(rows[:n])
		rows = rows[n:]
	}
}

func newWorld(seed uint64, p policy) *world {
	return &world{r: rand.New(rand.NewPCG(seed, 7)), p: p, start: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), phases: day, rate: 4}
}

// siteOf and serviceOf find the report of the call site and of a service, by name.
func siteOf(t testing.TB, r *Report, tables *analysistest.Tables) *SiteReport {
	t.Helper()
	for i := range r.Sites {
		if s := &r.Sites[i]; tables.Nodes[s.Caller].Name == "caller" && tables.Nodes[s.Callee].Name == "callee" {
			return s
		}
	}
	t.Fatal("no report of the call site")
	return nil
}

func serviceOf(t testing.TB, r *Report, tables *analysistest.Tables, name string) *ServiceReport {
	t.Helper()
	for i := range r.Services {
		if s := &r.Services[i]; tables.Nodes[s.Node].Name == name {
			return s
		}
	}
	t.Fatalf("no report of %s", name)
	return nil
}
