package audit

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// check audits one minute of one call site.
func check(t *testing.T, p Practice, s graph.OutcomeStats) (Check, bool) {
	t.Helper()
	a := New(DefaultConfig())
	a.Add([]graph.OutcomeRow{{Bucket: t0, Caller: 1, Operation: "op", Callee: 2, OutcomeStats: s}})
	r := a.Review(Knowledge{})
	if len(r.Sites) != 1 {
		t.Fatalf("%d sites", len(r.Sites))
	}
	return r.Sites[0].Check(p)
}

func times(n int64, d ...time.Duration) (h graph.Histogram) {
	for _, d := range d {
		h.Observe(d, n)
	}
	return h
}

func tries(n int64, attempts int) graph.Histogram {
	return times(n, time.Duration(attempts)*time.Microsecond)
}

func ratios(n int64, r float64) graph.Histogram {
	return times(n, time.Duration(r*1000)*time.Microsecond)
}

func TestChecks(t *testing.T) {
	const sec, milli = time.Second, time.Millisecond
	for name, tt := range map[string]struct {
		practice Practice
		stats    graph.OutcomeStats
		state    State
		value    float64
	}{
		"nothing is known of timeouts":              {Timeout, graph.OutcomeStats{}, Unknown, 0},
		"given up after 2 s":                        {Timeout, graph.OutcomeStats{Patience: times(9, 2*sec), FailedTimes: times(9, 2*sec)}, Pass, 2000},
		"given up after 2 s, and quick failures":    {Timeout, graph.OutcomeStats{Patience: times(9, 2*sec), FailedTimes: times(90, 5*milli)}, Pass, 2000},
		"two timeouts: the longer one bounds":       {Timeout, graph.OutcomeStats{Patience: times(9, sec, 5*sec)}, Pass, 5000},
		"one straggler is no timeout":               {Timeout, graph.OutcomeStats{Patience: slices.Concat(times(90, 2*sec), times(1, 3*sec))}, Pass, 2000},
		"the tracer does not say that it gave up":   {Timeout, graph.OutcomeStats{FailedTimes: times(9, 2*sec)}, Pass, 2000},
		"quick failures say nothing":                {Timeout, graph.OutcomeStats{FailedTimes: times(900, 5*milli)}, Unknown, 0},
		"few say nothing":                           {Timeout, graph.OutcomeStats{Patience: times(4, 2*sec)}, Unknown, 0},
		"slow failures, all over the place":         {Timeout, graph.OutcomeStats{FailedTimes: times(3, sec, 2*sec, 4*sec, 8*sec, 16*sec)}, Unknown, 0},
		"longer than anybody should wait":           {Timeout, graph.OutcomeStats{FailedTimes: times(1, 45*sec)}, Risk, 45_000},
		"the callee goes on":                        {Deadline, graph.OutcomeStats{Abandoned: 10, Overrun: 5}, Risk, 0.5},
		"the callee stops":                          {Deadline, graph.OutcomeStats{Abandoned: 10, Overrun: 1}, Pass, 0.1},
		"nine calls given up say nothing":           {Deadline, graph.OutcomeStats{Abandoned: 9, Overrun: 9}, Unknown, 0},
		"three attempts":                            {Retries, graph.OutcomeStats{Tries: tries(9, 3)}, Pass, 3},
		"nine attempts":                             {Retries, graph.OutcomeStats{Tries: tries(9, 9)}, Risk, 9},
		"some were cut short":                       {Retries, graph.OutcomeStats{Tries: slices.Concat(tries(20, 1), tries(9, 3))}, Pass, 3},
		"a few of a request that goes on anyway":    {Retries, graph.OutcomeStats{Tries: slices.Concat(tries(200, 1), tries(2, 9))}, Pass, 1},
		"retries are seen, but none that fail":      {Retries, graph.OutcomeStats{Tries: tries(9, 1), Gaps: times(9, sec)}, Unknown, 1},
		"four failures say nothing about retries":   {Retries, graph.OutcomeStats{Tries: tries(4, 3)}, Unknown, 0},
		"retries at once":                           {Backoff, graph.OutcomeStats{Gaps: times(20, milli)}, Risk, 0},
		"doubling pauses":                           {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), GapRatios: ratios(20, 2)}, Pass, 2},
		"equal pauses":                              {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), GapRatios: ratios(20, 1)}, Pass, 1},
		"neither equal nor doubling":                {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), GapRatios: ratios(20, 1.5)}, Unknown, 1.5},
		"one pause only":                            {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), Tries: tries(9, 2)}, Pass, 1},
		"no second pause yet":                       {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), Tries: tries(9, 3)}, Unknown, 0},
		"nineteen pauses":                           {Backoff, graph.OutcomeStats{Gaps: times(19, milli)}, Unknown, 0},
		"all pause alike":                           {Jitter, graph.OutcomeStats{Gaps: times(20, 100*milli)}, Risk, 0},
		"pauses differ":                             {Jitter, graph.OutcomeStats{Gaps: times(10, 50*milli, 100*milli, 150*milli)}, Pass, 1},
		"without pauses there is nothing to spread": {Jitter, graph.OutcomeStats{Gaps: times(20, milli)}, Unknown, 0},
		"refusals met again":                        {Refusals, graph.OutcomeStats{Requests: 100, Calls: 105, Refused: 10, RefusedRepeated: 5}, Risk, 0.5},
		"refusals taken for an answer":              {Refusals, graph.OutcomeStats{Requests: 100, Calls: 100, Refused: 20}, Pass, 0},
		"many lookups, of which some find nothing":  {Refusals, graph.OutcomeStats{Requests: 100, Calls: 1000, Refused: 200, RefusedRepeated: 180}, Unknown, 0.9},
		"four refusals":                             {Refusals, graph.OutcomeStats{Requests: 100, Calls: 104, Refused: 4, RefusedRepeated: 4}, Unknown, 0},
		"a write repeated after a timeout":          {Idempotency, graph.OutcomeStats{UnsafeRetries: 3}, Risk, 3},
		"twice may be chance":                       {Idempotency, graph.OutcomeStats{UnsafeRetries: 2}, Unknown, 2},
		"all survived":                              {Fallback, graph.OutcomeStats{TotalSurvived: 10}, Pass, 1},
		"none survived":                             {Fallback, graph.OutcomeStats{TotalFatal: 10}, Risk, 0},
		"some survived":                             {Fallback, graph.OutcomeStats{TotalFatal: 5, TotalSurvived: 5}, Unknown, 0.5},
		"four failures":                             {Fallback, graph.OutcomeStats{TotalFatal: 4}, Unknown, 0},
		"two calls":                                 {Chattiness, graph.OutcomeStats{Requests: 20, Calls: 40}, Pass, 2},
		"fifty calls":                               {Chattiness, graph.OutcomeStats{Requests: 20, Calls: 1000, Bursts: 20}, Risk, 50},
		"fifty calls of many names":                 {Chattiness, graph.OutcomeStats{Requests: 20, Calls: 1000}, Pass, 50},
		"one request in a hundred":                  {Chattiness, graph.OutcomeStats{Requests: 1000, Calls: 2000, Bursts: 10}, Pass, 2},
		"nothing is known of breakers":              {Breaker, graph.OutcomeStats{}, Unknown, 0},
	} {
		got, ok := check(t, tt.practice, tt.stats)
		if !ok || got.State != tt.state || math.Abs(got.Value-tt.value) > 0.05*max(tt.value, 0.001) && tt.practice != Jitter {
			t.Errorf("%s: %v %s %.2f, want %s %.2f", name, ok, got.State, got.Value, tt.state, tt.value)
		}
	}
}

func TestWhatDoesNotApplyHasNoCheck(t *testing.T) {
	once := graph.OutcomeStats{Tries: tries(9, 1)}
	for _, p := range []Practice{Backoff, Jitter, Budget, Idempotency, Deadline, TimeoutOrder, Layers} {
		if c, ok := check(t, p, once); ok {
			t.Errorf("calls that are never repeated: %+v", c)
		}
	}
}

func TestBudget(t *testing.T) {
	minute := func(calls, attempts, failed int64) graph.OutcomeStats {
		return graph.OutcomeStats{Requests: calls, Calls: calls, Attempts: attempts, FailedAttempts: failed, Tries: tries(9, 3)}
	}
	bad, good, well, few := minute(100, 200, 150), minute(100, 110, 50), minute(100, 100, 1), minute(10, 30, 30)
	for name, tt := range map[string]struct {
		minutes []graph.OutcomeStats
		want    State
	}{
		"three bad minutes":               {[]graph.OutcomeStats{bad, bad, bad}, Risk},
		"two":                             {[]graph.OutcomeStats{bad, bad}, Unknown},
		"three, not one after another":    {[]graph.OutcomeStats{bad, bad, well, bad}, Unknown},
		"within the budget":               {[]graph.OutcomeStats{good, good, good}, Pass},
		"too few calls to say":            {[]graph.OutcomeStats{few, few, few, few}, Unknown},
		"nothing fails":                   {[]graph.OutcomeStats{well, well, well}, Unknown},
		"versions of a minute add up":     {[]graph.OutcomeStats{minute(40, 80, 60)}, Unknown},
		"a gap in time is no long stress": {[]graph.OutcomeStats{bad, bad, {}, bad}, Unknown},
	} {
		a := New(DefaultConfig())
		at := t0
		for _, m := range append(tt.minutes, well) {
			if m.Requests > 0 {
				a.Add([]graph.OutcomeRow{{Bucket: at, Caller: 1, Callee: 2, OutcomeStats: m}})
			}
			at = at.Add(time.Minute)
		}
		r := a.Review(Knowledge{})
		if c, ok := r.Sites[0].Check(Budget); !ok || c.State != tt.want {
			t.Errorf("%s: %v %+v, want %s", name, ok, c, tt.want)
		}
	}
}

// network is a system of services by number, 0 for the user, that is played bucket by bucket.
type network struct {
	a    *Auditor
	know Knowledge
	at   time.Time
}

func newNetwork() *network {
	n := &network{a: New(DefaultConfig()), at: t0}
	n.know = Knowledge{NodeType: func(id graph.NodeID) graph.NodeType {
		switch {
		case id == user:
			return graph.TypeUser
		case id >= 100:
			return graph.TypeExternal
		}
		return graph.TypeService
	}, Hard: func(Site) bool { return true }}
	return n
}

const user = graph.NodeID(99)

// traffic is what one bucket has of calls from one operation to another, each named "op".
type traffic struct {
	from, to      graph.NodeID
	calls, failed int64
	each          time.Duration
	requests      int64 // served by the callee; -1: the callee says nothing
	ownFailed     int64
	op            string // of the caller
	toOp          string
}

func (n *network) bucket(all ...traffic) {
	var calls []graph.CallSiteRow
	var ops []graph.OperationRow
	for _, x := range all {
		if x.op == "" {
			x.op = "op"
		}
		if x.toOp == "" {
			x.toOp = "op"
		}
		s := graph.Stats{Calls: x.calls, Failed: x.failed, Client: times(x.calls, x.each)}
		calls = append(calls, graph.CallSiteRow{Bucket: n.at, EdgeKey: graph.EdgeKey{Caller: x.from, Callee: x.to, Mode: graph.Sync}, CallerOperation: x.op, CalleeOperation: x.toOp, Stats: s})
		if x.requests >= 0 {
			ops = append(ops, graph.OperationRow{Bucket: n.at, Node: x.to, Operation: x.toOp, Stats: graph.Stats{
				Calls: max(x.requests, x.calls), Failed: x.ownFailed, Server: times(max(x.requests, x.calls), x.each),
			}})
		}
	}
	n.a.Observe(n.at, graph.Step, calls, ops, n.know)
	n.at = n.at.Add(graph.Step)
}

func (n *network) site(t *testing.T, from, to graph.NodeID) SiteReport {
	t.Helper()
	r := n.a.Review(n.know)
	for _, s := range r.Sites {
		if s.Caller == from && s.Callee == to {
			return s
		}
	}
	t.Fatalf("no site %d to %d", from, to)
	return SiteReport{}
}

func (n *network) service(t *testing.T, id graph.NodeID, p Practice) Check {
	t.Helper()
	r := n.a.Review(n.know)
	for _, s := range r.Services {
		if s.Node == id {
			c, _ := find(s.Checks, p)
			return c
		}
	}
	t.Fatalf("no service %d", id)
	return Check{}
}

// TestBreakers plays outages of 2, which 1 calls for each of its requests but where said otherwise.
func TestBreakers(t *testing.T) {
	const quick = 5 * time.Millisecond
	usual := func(n *network, share float64) {
		for range 20 {
			n.bucket(traffic{from: user, to: 1, calls: 100, each: quick}, traffic{from: 1, to: 2, calls: int64(100 * share), each: quick})
		}
	}
	outage := func(n *network, requests, calls, other int64) {
		for range 6 {
			n.bucket(traffic{from: user, to: 1, calls: requests, each: quick}, traffic{from: 1, to: 2, calls: calls, failed: calls, each: quick},
				traffic{from: 1, to: 3, calls: 100, failed: other, each: quick})
		}
	}
	first := func(n *network) { // the bucket in which an outage begins
		n.bucket(traffic{from: user, to: 1, calls: 100, each: quick}, traffic{from: 1, to: 2, calls: 100, failed: 60, each: quick})
	}
	for name, tt := range map[string]struct {
		play func(n *network)
		want State
	}{
		"no outage": {func(n *network) { usual(n, 1) }, Unknown},
		"calls stop, twice": {func(n *network) {
			usual(n, 1)
			first(n)
			outage(n, 100, 2, 0)
			usual(n, 1)
			first(n)
			outage(n, 100, 0, 0)
			usual(n, 1)
		}, Pass},
		"calls stop once": {func(n *network) { usual(n, 1); first(n); outage(n, 100, 2, 0); usual(n, 1) }, Unknown},
		"calls go on, twice": {func(n *network) {
			usual(n, 1)
			outage(n, 100, 100, 0)
			usual(n, 1)
			outage(n, 100, 300, 0)
			usual(n, 1)
		}, Risk},
		"the caller has no traffic": {func(n *network) {
			usual(n, 1)
			first(n)
			outage(n, 2, 0, 0)
			usual(n, 1)
			first(n)
			outage(n, 2, 0, 0)
			usual(n, 1)
		}, Unknown},
		"few requests make the call": {func(n *network) {
			usual(n, 0.2)
			first(n)
			outage(n, 100, 0, 0)
			usual(n, 0.2)
			first(n)
			outage(n, 100, 0, 0)
			usual(n, 0.2)
		}, Unknown},
		"another call fails before it": {func(n *network) {
			usual(n, 1)
			first(n)
			outage(n, 100, 0, 100)
			usual(n, 1)
			first(n)
			outage(n, 100, 0, 100)
			usual(n, 1)
		}, Unknown},
		"the call was taken out for good": {func(n *network) {
			usual(n, 1)
			first(n)
			for range 80 {
				outage(n, 100, 0, 0)
			}
		}, Unknown},
	} {
		n := newNetwork()
		tt.play(n)
		s := n.site(t, 1, 2)
		if c, _ := s.Check(Breaker); c.State != tt.want {
			t.Errorf("%s: %+v, want %s", name, c, tt.want)
		}
	}
}

// TestBulkheads makes 3 slow for operation "op" of 1 and watches operation "other", which calls 4 or nothing.
func TestBulkheads(t *testing.T) {
	play := func(slow, other, fourth time.Duration, fourthFails int64, calls bool) *network {
		n := newNetwork()
		bucket := func(three, other, fourth time.Duration, fails int64) {
			all := []traffic{
				{from: user, to: 1, calls: 100, each: three + time.Millisecond}, {from: user, to: 1, toOp: "other", calls: 100, each: other},
				{from: 1, to: 3, calls: 100, each: three},
			}
			if calls {
				all = append(all, traffic{from: 1, op: "other", to: 4, calls: 100, failed: fails, each: fourth})
			}
			n.bucket(all...)
		}
		for range 3 {
			for range 20 {
				bucket(10*time.Millisecond, 10*time.Millisecond, 5*time.Millisecond, 0)
			}
			for range 5 {
				bucket(slow, other, fourth, fourthFails)
			}
		}
		for range 20 {
			bucket(10*time.Millisecond, 10*time.Millisecond, 5*time.Millisecond, 0)
		}
		return n
	}
	const usual = 10 * time.Millisecond
	for name, tt := range map[string]struct {
		n    *network
		want State
	}{
		"others keep their pace":                  {play(200*time.Millisecond, usual, 0, 0, false), Pass},
		"others wait too":                         {play(200*time.Millisecond, 50*time.Millisecond, 0, 0, false), Risk},
		"a little slower says nothing":            {play(200*time.Millisecond, 15*time.Millisecond, 0, 0, false), Unknown},
		"nothing is slow":                         {play(usual, usual, 0, 0, false), Unknown},
		"what others call is slow: common cause":  {play(200*time.Millisecond, 150*time.Millisecond, 140*time.Millisecond, 0, true), Unknown},
		"what others call fails":                  {play(200*time.Millisecond, 150*time.Millisecond, 5*time.Millisecond, 50, true), Unknown},
		"others call what is well, and wait":      {play(200*time.Millisecond, 50*time.Millisecond, 5*time.Millisecond, 0, true), Risk},
		"others call what is well, and do not so": {play(200*time.Millisecond, usual, 5*time.Millisecond, 0, true), Pass},
	} {
		if c := tt.n.service(t, 1, Bulkhead); c.State != tt.want {
			t.Errorf("%s: %+v, want %s", name, c, tt.want)
		}
	}
}

// TestShedding asks 1 for more than usual, twice.
func TestShedding(t *testing.T) {
	const usual = 40 * time.Millisecond
	play := func(rate, refused int64, of, others time.Duration, always int64) *network {
		n := newNetwork()
		bucket := func(calls, refused int64, of, others time.Duration) {
			h := times(calls-refused, others)
			h.Merge(times(refused, of))
			n.a.Observe(n.at, graph.Step, nil, []graph.OperationRow{{Bucket: n.at, Node: 1, Operation: "op", Stats: graph.Stats{Calls: calls, Throttled: refused, Server: h}}}, n.know)
			n.at = n.at.Add(graph.Step)
		}
		for range 2 {
			for range 20 {
				bucket(100, always, time.Millisecond, usual)
			}
			for range 4 {
				bucket(rate, refused, of, others)
			}
		}
		for range 4 {
			bucket(100, always, time.Millisecond, usual)
		}
		return n
	}
	for name, tt := range map[string]struct {
		n    *network
		want State
	}{
		"no more than usual":                      {play(100, 0, 0, usual, 0), Unknown},
		"turned away at once":                     {play(300, 150, time.Millisecond, usual, 0), Pass},
		"turned away after a wait":                {play(300, 150, 200*time.Millisecond, 200*time.Millisecond, 0), Risk},
		"all wait":                                {play(300, 0, 0, 200*time.Millisecond, 0), Risk},
		"more is no trouble":                      {play(300, 0, 0, usual, 0), Unknown},
		"a proxy that always turns some away":     {play(300, 30, time.Millisecond, usual, 10), Unknown},
		"and turns more away under load":          {play(300, 150, time.Millisecond, usual, 10), Pass},
		"slow though there is no more than usual": {play(100, 0, 0, 200*time.Millisecond, 0), Unknown},
	} {
		if c := tt.n.service(t, 1, Shedding); c.State != tt.want {
			t.Errorf("%s: %+v, want %s", name, c, tt.want)
		}
	}
}

// TestStorms fails 2, which 1 calls once for each of 100 requests in a bucket.
func TestStorms(t *testing.T) {
	const quick = 5 * time.Millisecond
	usual := func(n *network) {
		for range 10 {
			n.bucket(traffic{from: user, to: 1, calls: 100, each: quick}, traffic{from: 1, to: 2, calls: 100, each: quick})
		}
	}
	fail := func(n *network, buckets int, requests, calls, own int64) {
		for range buckets {
			n.bucket(traffic{from: user, to: 1, calls: requests, each: quick}, traffic{from: 1, to: 2, calls: calls, failed: calls * 9 / 10, ownFailed: own, each: quick})
		}
	}
	for name, tt := range map[string]struct {
		play            func(n *network)
		storm, recovery State
	}{
		"no outage":                     {func(*network) {}, Unknown, Unknown},
		"callers keep their pace":       {func(n *network) { fail(n, 8, 100, 100, 100) }, Pass, Pass},
		"three times the calls":         {func(n *network) { fail(n, 8, 100, 300, 300) }, Risk, Pass},
		"more requests from outside":    {func(n *network) { fail(n, 8, 300, 300, 300) }, Pass, Pass},
		"too short to say":              {func(n *network) { fail(n, 2, 100, 300, 300) }, Unknown, Unknown},
		"it goes on though 2 is well":   {func(n *network) { fail(n, 8, 100, 300, 300); fail(n, 40, 100, 300, 0) }, Risk, Risk},
		"slow to recover, but it stops": {func(n *network) { fail(n, 8, 100, 300, 300); fail(n, 10, 100, 300, 0) }, Risk, Pass},
		"never failed by itself":        {func(n *network) { fail(n, 48, 100, 300, 0) }, Risk, Pass},
	} {
		n := newNetwork()
		usual(n)
		tt.play(n)
		usual(n)
		if c := n.service(t, 2, Storm); c.State != tt.storm {
			t.Errorf("%s: %+v, want %s", name, c, tt.storm)
		}
		if c := n.service(t, 2, Recovery); c.State != tt.recovery {
			t.Errorf("%s: %+v, want %s", name, c, tt.recovery)
		}
	}
}

// TestFallbacks fails calls of 1 to 2 in some minutes and looks at who else is called then.
func TestFallbacks(t *testing.T) {
	play := func(usual, then, failed, survived int64) *Auditor {
		a := New(DefaultConfig())
		for i := range 20 {
			at, n := t0.Add(time.Duration(i)*time.Minute), usual
			two := graph.OutcomeStats{Requests: 100, Calls: 100}
			if i%5 == 4 {
				n, two.TotalFatal, two.TotalSurvived = then, failed-survived, survived
			}
			a.Add([]graph.OutcomeRow{
				{Bucket: at, Caller: 1, Operation: "op", OutcomeStats: graph.OutcomeStats{Requests: 100}},
				{Bucket: at, Caller: 1, Operation: "op", Callee: 2, OutcomeStats: two},
				{Bucket: at, Caller: 1, Operation: "op", Callee: 3, OutcomeStats: graph.OutcomeStats{Requests: n, Calls: n}},
			})
		}
		return a
	}
	for name, tt := range map[string]struct {
		a     *Auditor
		state State
		to    []graph.NodeID
	}{
		"3 is called instead":                     {play(0, 20, 20, 20), Pass, []graph.NodeID{3}},
		"3 is called instead, and some fail":      {play(0, 20, 20, 14), Pass, []graph.NodeID{3}},
		"3 is called as ever":                     {play(10, 10, 20, 0), Risk, nil},
		"3 is called now and then, and always so": {play(2, 3, 20, 20), Pass, nil},
		"a default": {play(0, 0, 20, 20), Pass, nil},
	} {
		r := tt.a.Review(Knowledge{})
		c, _ := r.Sites[0].Check(Fallback)
		if c.State != tt.state || !slices.Equal(c.Nodes, tt.to) {
			t.Errorf("%s: %+v, want %s by %v", name, c, tt.state, tt.to)
		}
	}
}

// given adds what is known of the calls of a site.
func (n *network) given(from, to graph.NodeID, s graph.OutcomeStats) {
	s.Requests, s.Calls = max(s.Requests, 100), max(s.Calls, 100)
	n.a.Add([]graph.OutcomeRow{{Bucket: t0, Caller: from, Operation: "op", Callee: to, OutcomeStats: s}})
}

func (n *network) chain(nodes ...graph.NodeID) {
	all := []traffic{{from: user, to: nodes[0], calls: 100, each: time.Millisecond}}
	for i := 1; i < len(nodes); i++ {
		all = append(all, traffic{from: nodes[i-1], to: nodes[i], calls: 100, each: time.Millisecond})
	}
	for range 3 {
		n.bucket(all...)
	}
	for i := 1; i < len(nodes); i++ {
		n.given(nodes[i-1], nodes[i], graph.OutcomeStats{})
	}
}

func TestTimeoutOrder(t *testing.T) {
	bounded := func(d time.Duration, n int) graph.OutcomeStats {
		return graph.OutcomeStats{Patience: times(20, d), Tries: tries(20, n), Gaps: times(20*int64(min(n-1, 1)), 100*time.Millisecond)}
	}
	for name, tt := range map[string]struct {
		outer, inner graph.OutcomeStats
		want         State
	}{
		"the inner one ends first":        {bounded(2*time.Second, 1), bounded(time.Second, 1), Pass},
		"the inner one is longer":         {bounded(time.Second, 1), bounded(2*time.Second, 1), Risk},
		"with its retries it is longer":   {bounded(2*time.Second, 1), bounded(time.Second, 3), Risk},
		"nothing is known of the outer":   {graph.OutcomeStats{}, bounded(time.Second, 1), Unknown},
		"nothing is known of the inner":   {bounded(time.Second, 1), graph.OutcomeStats{}, Unknown},
		"the outer one has time for them": {bounded(5*time.Second, 1), bounded(time.Second, 3), Pass},
	} {
		n := newNetwork()
		n.chain(1, 2, 3)
		n.given(1, 2, tt.outer)
		n.given(2, 3, tt.inner)
		s := n.site(t, 2, 3)
		if c, ok := s.Check(TimeoutOrder); !ok || c.State != tt.want {
			t.Errorf("%s: %v %+v, want %s", name, ok, c, tt.want)
		}
		if s = n.site(t, 1, 2); slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Practice == TimeoutOrder }) {
			t.Errorf("%s: only users wait for 1, and of them no timeout is known", name)
		}
	}
}

func TestLayers(t *testing.T) {
	n := newNetwork()
	n.chain(1, 2, 3, 4)
	for _, e := range [][2]graph.NodeID{{1, 2}, {2, 3}, {3, 4}} {
		n.given(e[0], e[1], graph.OutcomeStats{Tries: tries(9, 3)})
	}
	s := n.site(t, 3, 4)
	if c, _ := s.Check(Layers); c.State != Risk || c.Value != 27 || !slices.Equal(c.Nodes, []graph.NodeID{1, 2, 3, 4}) {
		t.Errorf("three layers of three attempts: %+v", c)
	}
	s = n.site(t, 1, 2)
	if c, _ := s.Check(Layers); c.State != Pass || c.Value != 3 {
		t.Errorf("the outermost layer: %+v", c)
	}
	n.know.Hard = func(s Site) bool { return s.Caller != 2 }
	s = n.site(t, 3, 4)
	if c, _ := s.Check(Layers); c.State != Pass || c.Value != 3 {
		t.Errorf("what is below a soft dependency repeats for it alone: %+v", c)
	}
}

func TestDepthCyclesAndSight(t *testing.T) {
	n := newNetwork()
	n.chain(1, 2, 3, 4, 5, 6, 7)
	n.chain(10, 11, 12, 10)
	n.chain(20, 21)
	n.chain(30, 100)
	for name, tt := range map[string]struct {
		id    graph.NodeID
		p     Practice
		want  State
		value float64
		nodes []graph.NodeID
	}{
		"six calls deep":                  {1, Depth, Risk, 6, []graph.NodeID{1, 2, 3, 4, 5, 6, 7}},
		"five calls deep":                 {2, Depth, Pass, 5, []graph.NodeID{2, 3, 4, 5, 6, 7}},
		"in a circle":                     {11, Cycles, Risk, 3, []graph.NodeID{11, 12, 10, 11}},
		"in no circle":                    {1, Cycles, Pass, 0, nil},
		"what it calls sends spans":       {20, Instrumentation, Pass, 0, nil},
		"what it calls sends none":        {30, Instrumentation, Risk, 1, []graph.NodeID{100}},
		"health checks are not read yet":  {1, HealthCheck, Unknown, 0, nil},
		"who calls nobody has no circles": {7, Cycles, "", 0, nil},
	} {
		if c := n.service(t, tt.id, tt.p); c.State != tt.want || c.Value != tt.value || !slices.Equal(c.Nodes, tt.nodes) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// An address at which a service did not answer for a while is no callee that sends no spans.
func TestSightOfAServiceThatWasDown(t *testing.T) {
	n := newNetwork()
	n.chain(30, 100)
	n.know.Aliases = map[graph.Alias]graph.NodeID{{Caller: 30, Callee: 100}: 20}
	if c := n.service(t, 30, Instrumentation); c.State != Pass || len(c.Nodes) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestMaturity(t *testing.T) {
	all := func(state State, but ...Check) (checks []Check) {
		for _, practices := range ladder {
			for _, p := range practices {
				if i := slices.IndexFunc(but, func(c Check) bool { return c.Practice == p }); i < 0 {
					checks = append(checks, Check{Practice: p, State: state})
				}
			}
		}
		return append(checks, but...)
	}
	is := func(p Practice, s State) Check { return Check{Practice: p, State: s} }
	for name, tt := range map[string]struct {
		checks         []Check
		level, ceiling int
		missing        []Practice
	}{
		"nothing is known":                     {all(Unknown), 1, 4, ladder[Bounded]},
		"nothing applies":                      {nil, 4, 4, nil},
		"everything passed":                    {all(Pass), 4, 4, nil},
		"everything is missing":                {all(Risk), 1, 1, ladder[Bounded]},
		"a breaker is missing":                 {all(Pass, is(Breaker, Risk)), 2, 2, []Practice{Breaker}},
		"a breaker is not known":               {all(Pass, is(Breaker, Unknown)), 2, 4, []Practice{Breaker}},
		"what is missing comes first":          {all(Pass, is(Breaker, Unknown), is(Storm, Risk)), 2, 2, []Practice{Storm, Breaker}},
		"what cannot be proved need not be":    {all(Pass, is(Idempotency, Unknown), is(HealthCheck, Unknown)), 4, 4, nil},
		"what was refuted counts":              {all(Pass, is(Idempotency, Risk)), 1, 1, []Practice{Idempotency}},
		"a higher level does not make up":      {all(Pass, is(Timeout, Unknown)), 1, 4, []Practice{Timeout}},
		"a missing practice of a higher level": {all(Unknown, is(Fallback, Risk)), 1, 3, ladder[Bounded]},
	} {
		if m := maturity(tt.checks); m.Level != tt.level || m.Ceiling != tt.ceiling || !slices.Equal(m.Missing, tt.missing) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	// Monotone: a practice more that passes never takes a level away, nor does one more that is missing give one.
	rank := map[State]int{Risk: 0, Unknown: 1, Pass: 2}
	for n := range 3 * 3 * 3 * 3 * 3 * 3 * 3 {
		practices := []Practice{Timeout, Retries, Breaker, Storm, Fallback, Bulkhead, Idempotency}
		var checks []Check
		for i, x := 0, n; i < len(practices); i, x = i+1, x/3 {
			checks = append(checks, is(practices[i], []State{Risk, Unknown, Pass}[x%3]))
		}
		was := maturity(checks)
		if was.Ceiling < was.Level || was.Level < 1 || was.Ceiling > 4 {
			t.Fatalf("%+v of %+v", was, checks)
		}
		for i := range checks {
			for _, better := range []State{Unknown, Pass} {
				if rank[better] <= rank[checks[i].State] {
					continue
				}
				more := slices.Clone(checks)
				more[i].State = better
				if m := maturity(more); m.Level < was.Level || m.Ceiling < was.Ceiling {
					t.Fatalf("%s %s instead of %s: %+v, was %+v", more[i].Practice, better, checks[i].State, m, was)
				}
			}
		}
	}
}

func TestCatalogueIsComplete(t *testing.T) {
	for _, p := range slices.Concat(SitePractices, ServicePractices) {
		e := Catalogue[p]
		if e.Title == "" || e.Means == "" || e.Repair == "" || e.Needs == "" || e.Missing == "" || len(e.AWS) == 0 {
			t.Errorf("%s: %+v", p, e)
		}
		for _, id := range e.AWS {
			if BestPractices[id] == "" {
				t.Errorf("%s: %s has no name", p, id)
			}
		}
		for _, s := range []State{Pass, Risk, Unknown} {
			c := Check{Practice: p, State: s, Value: 2, Evidence: 1, Nodes: []graph.NodeID{1, 2}}
			if c.Says(func(graph.NodeID) string { return "x" }) == "" && p != HealthCheck {
				t.Errorf("%s has nothing to say as %s", p, s)
			}
		}
	}
	if len(Catalogue) != len(SitePractices)+len(ServicePractices) {
		t.Error("the catalogue explains what is not looked for")
	}
}

func TestEvidenceAges(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sites = 1
	a := New(cfg)
	row := graph.OutcomeRow{Bucket: t0, Caller: 1, Callee: 2, OutcomeStats: graph.OutcomeStats{Requests: 2, Tries: tries(8, 3)}}
	other := row
	other.Callee = 3 // over the limit
	a.Add([]graph.OutcomeRow{row, other})
	if n := len(a.Review(Knowledge{}).Sites); n != 1 {
		t.Errorf("%d sites, want 1", n)
	}
	row.Bucket = t0.Add(2 * cfg.HalfLife)
	row.OutcomeStats = graph.OutcomeStats{Requests: 1}
	a.Add([]graph.OutcomeRow{row})
	r := a.Review(Knowledge{})
	if c, _ := r.Sites[0].Check(Retries); c.Evidence != 0 {
		t.Errorf("evidence %+v", c)
	}
}

// A quiet system has nothing to be blamed for.
func TestQuietDayHasNoRisks(t *testing.T) {
	p := policy{attempts: 3, pause: 50 * time.Millisecond, factor: 2, jitter: true, nothing: true}
	w := newWorld(1, p)
	w.phases = nil
	report, tables := w.audited(t, 10*time.Minute)
	for _, s := range report.Sites {
		for _, c := range s.Checks {
			if c.State == Risk {
				t.Errorf("%+v", c)
			}
		}
	}
	for _, s := range report.Services {
		for _, c := range s.Checks {
			if c.State == Risk {
				t.Errorf("%s: %+v", tables.Nodes[s.Node].Name, c)
			}
		}
	}
}

// Habits of callers come through the matcher.
func TestHabitsAreRead(t *testing.T) {
	for name, tt := range map[string]struct {
		p        policy
		practice Practice
		want     State
	}{
		"a write repeated after a timeout": {policy{timeout: 300 * time.Millisecond, attempts: 3, pause: 50 * time.Millisecond, factor: 2, write: true}, Idempotency, Risk},
		"a read repeated after a timeout":  {policy{timeout: 300 * time.Millisecond, attempts: 3, pause: 50 * time.Millisecond, factor: 2}, Idempotency, ""},
		"not found, asked again":           {policy{attempts: 3, pause: 50 * time.Millisecond, factor: 2, refuse: true, nothing: true}, Refusals, Risk},
		"retries without a budget":         {policy{attempts: 4, pause: 50 * time.Millisecond, factor: 1}, Budget, Risk},
	} {
		w := newWorld(3, tt.p)
		w.phases = []phase{{time.Minute, 5 * time.Minute, "down"}}
		if tt.p.timeout > 0 {
			w.phases[0].ill = "hang"
		}
		if tt.p.refuse {
			w.phases = nil
		}
		report, tables := w.audited(t, 6*time.Minute)
		if c, _ := siteOf(t, &report, &tables).Check(tt.practice); c.State != tt.want {
			t.Errorf("%s: %+v, want %s", name, c, tt.want)
		}
	}
}

func benchmarked(sites int) (*Auditor, []graph.CallSiteRow, []graph.OperationRow) {
	a := New(DefaultConfig())
	var rows []graph.OutcomeRow
	var calls []graph.CallSiteRow
	var ops []graph.OperationRow
	for i := range sites {
		caller, callee, op := graph.NodeID(i%(sites/10)+1), graph.NodeID((i*7+1)%(sites/10)+1), fmt.Sprint("op", i%10)
		rows = append(rows, graph.OutcomeRow{Bucket: t0, Caller: caller, Operation: op, Callee: callee, OutcomeStats: graph.OutcomeStats{
			Requests: 100, Calls: 100, Attempts: 100, Tries: tries(9, 3), Gaps: times(30, time.Second), FailedTimes: times(30, time.Second), Patience: times(30, time.Second), TotalFatal: 9,
		}})
		s := graph.Stats{Calls: 100, Client: times(10, time.Millisecond, 2*time.Millisecond, 5*time.Millisecond, 7*time.Millisecond, 60*time.Millisecond)}
		calls = append(calls, graph.CallSiteRow{Bucket: t0, EdgeKey: graph.EdgeKey{Caller: caller, Callee: callee, Mode: graph.Sync}, CallerOperation: op, CalleeOperation: fmt.Sprint("op", (i+1)%10), Stats: s})
		ops = append(ops, graph.OperationRow{Bucket: t0, Node: caller, Operation: op, Stats: graph.Stats{Calls: 100, Server: s.Client}})
	}
	a.Add(rows)
	return a, calls, ops
}

func BenchmarkReview(b *testing.B) {
	a, calls, ops := benchmarked(100_000)
	a.Observe(t0, graph.Step, calls, ops, Knowledge{})
	b.ReportAllocs()
	for b.Loop() {
		a.Review(Knowledge{Hard: func(Site) bool { return true }})
	}
}

func BenchmarkObserve(b *testing.B) {
	a, calls, ops := benchmarked(100_000)
	b.ReportAllocs()
	at := t0
	for b.Loop() {
		at = at.Add(graph.Step)
		a.Observe(at, graph.Step, calls, ops, Knowledge{})
	}
}
