package cascade

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

// town is a made up system: entries call services in layers, and what fails or is slow below shows above.
type town struct {
	r        *rand.Rand
	services []townService
}

type townService struct {
	rate   float64 // requests a second at noon, of entries
	calls  []townCall
	own    time.Duration // median
	leak   float64       // share of requests that fail by themselves
	silent bool          // it sends no spans: calls to it are counted when an answer was waited for in vain
}

type townCall struct {
	to   int
	hard bool
}

// fault is what is wrong with one service.
type fault struct {
	service     int
	kind        string // error, crash, hang or slow
	from, until time.Time
}

// newTown makes up n services in four layers; each calls some of the next layer.
func newTown(r *rand.Rand, n int) *town {
	t := &town{r: r, services: make([]townService, n)}
	layer := (n + 3) / 4
	for i := range t.services {
		s := &t.services[i]
		s.own = time.Duration(math.Exp(0.7*r.NormFloat64()) * float64(5*time.Millisecond))
		s.leak = math.Pow(10, -4+2*r.Float64())
		if i < layer {
			s.rate = 2 + 6*r.Float64()
		}
		next := (i/layer + 1) * layer
		for range 1 + r.IntN(2) {
			if next < n {
				s.calls = append(s.calls, townCall{next + r.IntN(min(layer, n-next)), r.IntN(4) > 0})
			}
		}
	}
	return t
}

const townTimeout = 2 * time.Second

// answer is how one request ended for its caller.
type answer struct {
	took         time.Duration
	failed, dead bool // dead: nobody answered
}

// bucketRows collects what a bucket of requests leaves behind.
type bucketRows struct {
	start      time.Time
	operations map[operation]*graph.OperationRow
	calls      map[call]*graph.CallSiteRow
	outcomes   map[group]*graph.OutcomeRow
	stalled    map[int]bool // services that are slow for once
}

func (b *bucketRows) operation(r graph.OperationRow) {
	r.Bucket = b.start
	o := at(b.operations, operation{r.Node, r.Operation})
	stats := o.Stats
	stats.Add(&r.Stats)
	r.Stats = stats
	*o = r
}

func (b *bucketRows) call(r graph.CallSiteRow) {
	r.Bucket = b.start
	k, _ := callOf(&r)
	c := at(b.calls, k)
	stats := c.Stats
	stats.Add(&r.Stats)
	r.Stats = stats
	*c = r
}

func (b *bucketRows) outcome(r graph.OutcomeRow) {
	r.Bucket = b.start.Truncate(graph.OutcomeStep)
	o := at(b.outcomes, groupOf(&r))
	stats := o.OutcomeStats
	stats.Add(&r.OutcomeStats)
	r.OutcomeStats = stats
	*o = r
}

func (b *bucketRows) rows() (rows Rows) {
	for _, r := range b.operations {
		rows.Operations = append(rows.Operations, *r)
	}
	for _, r := range b.calls {
		rows.Calls = append(rows.Calls, *r)
	}
	for _, r := range b.outcomes {
		rows.Outcomes = append(rows.Outcomes, *r)
	}
	return rows
}

func (t *town) op(i int) string { return fmt.Sprint("op", i) }

func (t *town) node(i int) graph.NodeID { return graph.NodeID(i + 1) }

// serve plays one request to a service, and notes what telemetry shows of it.
func (t *town) serve(rows *bucketRows, i int, faults []fault, depth int) answer {
	s := &t.services[i]
	own := time.Duration(math.Exp(0.4*t.r.NormFloat64()) * float64(s.own))
	if t.r.IntN(100) == 0 {
		own *= 20 // something is always in the way of a few
	}
	if rows.stalled[i] {
		own *= 3
	}
	failed := t.r.Float64() < s.leak
	self := failed
	dead, hung := false, false
	for _, f := range faults {
		if f.service != i || rows.start.Before(f.from) || !rows.start.Before(f.until) {
			continue
		}
		switch f.kind {
		case "error":
			failed, self = true, true
		case "crash":
			dead = true
		case "hang":
			hung = true
		case "slow":
			own += 10*s.own + 100*time.Millisecond
		}
	}
	if dead {
		return answer{time.Millisecond, true, true}
	}
	if hung {
		return answer{townTimeout, true, true}
	}
	took := own
	var blamed graph.NodeID
	unexplained := false
	lost := map[graph.NodeID]bool{}
	for _, c := range s.calls {
		a := t.serve(rows, c.to, faults, depth+1)
		client := min(a.took, townTimeout)
		took += client
		row := graph.CallSiteRow{EdgeKey: graph.EdgeKey{Caller: t.node(i), Callee: t.node(c.to)}, CallerOperation: t.op(i), CalleeOperation: t.op(c.to)}
		if a.dead {
			row.Callee += 1000 // the address, which is all that the caller knows
		}
		row.Calls = 1
		row.Client.Observe(client, 1)
		if !a.dead && !t.services[c.to].silent {
			row.Server.Observe(a.took, 1)
		}
		if a.failed || a.took > townTimeout {
			row.Failed = 1
			lost[row.Callee] = true
			if c.hard {
				failed, blamed, unexplained = true, row.Callee, a.dead || !a.failed
			}
		}
		rows.call(row)
		if failed && blamed != 0 {
			break
		}
	}
	if s.silent {
		return answer{took, failed, false}
	}
	op := graph.OperationRow{Node: t.node(i), Operation: t.op(i)}
	op.Calls = 1
	op.Server.Observe(took, 1)
	whole := graph.OutcomeRow{Caller: t.node(i), Operation: t.op(i)}
	whole.Requests = 1
	if failed {
		op.Failed, whole.Failed = 1, 1
	}
	if len(lost) == 0 {
		whole.Clean = 1
		if self {
			whole.CleanFailed = 1
		}
	}
	rows.operation(op)
	rows.outcome(whole)
	for callee := range lost {
		o := graph.OutcomeRow{Caller: t.node(i), Operation: t.op(i), Callee: callee}
		o.Requests = 1
		switch {
		case callee == blamed:
			o.Blamed, o.TotalFatal = 1, 1
			if unexplained {
				o.Unexplained = 1
			}
		case !failed:
			o.TotalSurvived = 1
		}
		rows.outcome(o)
	}
	return answer{took, failed, false}
}

// bucket plays ten seconds.
func (t *town) bucket(at time.Time, load float64, faults []fault) *bucketRows {
	rows := &bucketRows{
		at, map[operation]*graph.OperationRow{}, map[call]*graph.CallSiteRow{}, map[group]*graph.OutcomeRow{}, map[int]bool{},
	}
	for i := range t.services {
		rows.stalled[i] = t.r.IntN(1000) == 0 // collects garbage, or waits for a disk
	}
	for i := range t.services {
		if rate := t.services[i].rate * load; rate > 0 {
			// Requests come in waves: a gamma-distributed rate on top of chance.
			n := int(rate*10*math.Exp(0.1*t.r.NormFloat64()) + math.Sqrt(rate*10)*t.r.NormFloat64() + 0.5)
			for range n {
				t.serve(rows, i, faults, 0)
			}
		}
	}
	return rows
}

// play lets a tracker watch the town and calls each after every look.
func (t *town) play(tr *Tracker, length time.Duration, faults []fault, load func(time.Duration) float64, each func(at time.Time)) {
	type seen struct {
		end time.Time
		Rows
	}
	var recent []seen
	for after := time.Duration(0); after < length; after += graph.Step {
		end := t0.Add(after + graph.Step)
		recent = append(recent, seen{end, t.bucket(t0.Add(after), load(after), faults).rows()})
		if len(recent) > 12 {
			tr.Learn(recent[0].end, recent[0].Rows)
			recent = recent[1:]
		}
		for n, r := range recent {
			if n >= len(recent)-4 {
				r.Calls = slices.DeleteFunc(slices.Clone(r.Calls), func(c graph.CallSiteRow) bool { return t.isSilent(c.Callee) })
			}
			tr.See(end, r.Rows)
		}
		tr.Look(end, func(graph.NodeID) bool { return false })
		each(end)
	}
}

func (t *town) isSilent(n graph.NodeID) bool {
	return n > 0 && int(n) <= len(t.services) && t.services[n-1].silent
}

var t0 = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func steady(time.Duration) float64 { return 1 }

// TestSingleFaults lets one service of many go wrong in one of four ways, and asks who is named.
func TestSingleFaults(t *testing.T) {
	scores := map[string]*score{}
	var all, byErrorRate score
	systems := uint64(8)
	if *long {
		systems = 40
	}
	for seed := range systems {
		r := rand.New(rand.NewPCG(seed, 3))
		town := newTown(r, 24)
		kind := []string{"error", "crash", "hang", "slow"}[seed%4]
		used := town.used(kind == "crash" || kind == "hang")
		f := fault{used[r.IntN(len(used))], kind, t0.Add(5 * time.Minute), t0.Add(8 * time.Minute)}
		tr := New(DefaultConfig())
		var ranking []graph.NodeID
		town.play(tr, 8*time.Minute, []fault{f}, steady, func(at time.Time) {
			if at.Equal(t0.Add(7 * time.Minute)) {
				ranking = tr.byErrorRate(town, at)
			}
		})
		rank := 0
		for _, i := range tr.Incidents() {
			for n, c := range i.Candidates {
				if c.Node == town.node(f.service) && (rank == 0 || n+1 < rank) {
					rank = n + 1
				}
			}
		}
		if scores[kind] == nil {
			scores[kind] = &score{}
		}
		scores[kind].add(rank)
		all.add(rank)
		place := 0
		for i, n := range ranking {
			if n == town.node(f.service) {
				place = i + 1
			}
		}
		byErrorRate.add(place)
		if rank != 1 && *verbose {
			text := ""
			for _, i := range tr.Incidents() {
				text += fmt.Sprintf(" %s %.1f %+v", i.Sign, i.Units, i.Candidates)
			}
			t.Logf("seed %d %s of %d: place %d;%s", seed, kind, town.node(f.service), rank, text)
		}
	}
	for kind, s := range scores {
		t.Logf("%-6s %s", kind, s)
	}
	t.Logf("all    %s; by error rate %s", &all, &byErrorRate)
	n := float64(all.cases)
	if float64(all.first) < 0.8*n || float64(all.third) < 0.93*n {
		t.Errorf("named first %d, among three %d of %d", all.first, all.third, all.cases)
	}
	if float64(all.first-byErrorRate.first) < 0.25*n {
		t.Errorf("the error rate alone finds %d of %d, this %d", byErrorRate.first, all.cases, all.first)
	}
}

// used are the services that at least two requests a second reach. inner leaves entries out: when they are gone
// there is nobody to tell.
func (t *town) used(inner bool) (used []int) {
	rate := make([]float64, len(t.services))
	for i := range t.services {
		rate[i] += t.services[i].rate
		for _, c := range t.services[i].calls {
			rate[c.to] += rate[i]
		}
		if rate[i] >= 2 && (!inner || t.services[i].rate == 0) {
			used = append(used, i)
		}
	}
	return used
}

// byErrorRate ranks services by the share of their requests that failed lately, as the simplest tool would.
func (t *Tracker) byErrorRate(town *town, at time.Time) (ranking []graph.NodeID) {
	best := map[graph.NodeID]float64{}
	for _, i := range t.open {
		for _, m := range i.Members {
			if m.Callee == 0 && m.Sign == Failing {
				best[m.Node] = max(best[m.Node], m.Share())
			}
		}
	}
	for len(best) > 0 {
		var top graph.NodeID
		for n, share := range best {
			if top == 0 || share > best[top] || share == best[top] && n < top {
				top = n
			}
		}
		ranking = append(ranking, top)
		delete(best, top)
	}
	return ranking
}

var long = flag.Bool("long", false, "watch a whole day without faults and 40 systems with some, instead of two hours and a few")

// TestQuietDay is a day without a fault: load and latency change with the hour, and chance does the rest.
func TestQuietDay(t *testing.T) {
	length := 2 * time.Hour
	if *long {
		length = 24 * time.Hour
	}
	r := rand.New(rand.NewPCG(5, 5))
	town := newTown(r, 100)
	for i := range town.services {
		town.services[i].rate /= 16
		town.services[i].silent = i%10 == 9 && len(town.services[i].calls) == 0
	}
	tr := New(DefaultConfig())
	usual := make([]time.Duration, len(town.services))
	for i := range usual {
		usual[i] = town.services[i].own
	}
	town.play(tr, length, nil, func(after time.Duration) float64 {
		load := 0.6 - 0.4*math.Cos(2*math.Pi*after.Hours()/24)
		for i := range usual {
			town.services[i].own = time.Duration(float64(usual[i]) * (0.8 + 0.4*load))
		}
		return load
	}, func(time.Time) {})
	alarms, suspicions := 0, 0
	for _, i := range tr.Incidents() {
		if i.Suspected {
			suspicions++
			continue
		}
		alarms++
		t.Logf("%+v", i)
	}
	t.Logf("%s without a fault: %d incidents and %d suspicions", length, alarms, suspicions)
	if alarms > 1 {
		t.Errorf("%d incidents on a day without faults", alarms)
	}
}

// TestFaultsOneAfterTheOther lets two services go wrong in turn: each is an incident of its own with its own cause, however
// many callers they share, and when the first comes back it is the same one again.
func TestFaultsOneAfterTheOther(t *testing.T) {
	systems := uint64(4)
	if *long {
		systems = 40
	}
	for name, tt := range map[string]struct {
		from, until [2]int  // in minutes
		other       bool    // the second fault is another service's
		least       float64 // share of systems in which all is told right
	}{
		"a minute later":  {[2]int{5, 8}, [2]int{7, 10}, true, 0.9},
		"while it lasts":  {[2]int{5, 8}, [2]int{11, 10}, true, 0.6},
		"the same again":  {[2]int{5, 9}, [2]int{7, 11}, false, 0.85},
		"again and again": {[2]int{5, 7}, [2]int{6, 8}, false, 0.85},
	} {
		minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
		t.Run(name, func(t *testing.T) {
			right := 0
			for seed := range systems {
				r := rand.New(rand.NewPCG(seed, 4))
				town := newTown(r, 24)
				kind := []string{"error", "crash", "hang", "slow"}[seed%4]
				used := town.used(true)
				first := r.IntN(len(used))
				second := first
				if tt.other {
					second = (first + 1 + r.IntN(len(used)-1)) % len(used)
				}
				var faults []fault
				for n, i := range []int{used[first], used[second]} {
					faults = append(faults, fault{i, kind, t0.Add(minutes(tt.from[n])), t0.Add(minutes(tt.until[n]))})
				}
				tr := New(DefaultConfig())
				town.play(tr, minutes(max(tt.until[0], tt.until[1])+1), faults, steady, func(time.Time) {})
				var blamed []graph.NodeID
				text := ""
				for _, i := range slices.Backward(tr.Incidents()) {
					text += fmt.Sprintf("\n   %s to %s suspected %v %s", i.Started.Sub(t0), i.LastIll.Sub(t0), i.Suspected, i.Sign)
					for _, c := range i.Candidates {
						text += fmt.Sprintf(" %d %.2f", c.Node, c.Share.Share)
					}
					if !i.Suspected && len(i.Candidates) > 0 {
						blamed = append(blamed, i.Candidates[0].Node)
					}
				}
				want := []graph.NodeID{town.node(faults[0].service)}
				if tt.other {
					want = append(want, town.node(faults[1].service))
				}
				slices.Sort(want)
				if slices.Sort(blamed); slices.Equal(blamed, want) {
					right++
				} else if *verbose {
					t.Logf("seed %d %s of %v:%s", seed, kind, want, text)
				}
			}
			t.Logf("right in %d of %d systems", right, systems)
			if float64(right) < tt.least*float64(systems) {
				t.Errorf("right in %d of %d systems", right, systems)
			}
		})
	}
}

// TestTimeToDetect: a service on which an entry with ten requests a second depends fails, and a minute later
// there is an incident that names it.
func TestTimeToDetect(t *testing.T) {
	town := &town{r: rand.New(rand.NewPCG(1, 9)), services: []townService{
		{rate: 10, own: 5 * time.Millisecond, calls: []townCall{{1, true}}},
		{own: 5 * time.Millisecond, calls: []townCall{{2, true}}},
		{own: 5 * time.Millisecond, leak: 0.001},
	}}
	for _, kind := range []string{"error", "crash", "hang"} {
		tr := New(DefaultConfig())
		f := fault{2, kind, t0.Add(10 * time.Minute), t0.Add(13 * time.Minute)}
		var opened time.Time
		town.play(tr, 25*time.Minute, []fault{f}, steady, func(at time.Time) {
			for _, i := range tr.Incidents() {
				if opened.IsZero() && i.Open() {
					opened = at
					if len(i.Candidates) == 0 || i.Candidates[0].Node != 3 {
						t.Errorf("%s: blamed %+v", kind, i.Candidates)
					}
				}
			}
		})
		if took := opened.Sub(f.from); opened.IsZero() || took > time.Minute || took < 0 {
			t.Errorf("%s: an incident after %s", kind, took)
		}
		all := tr.Incidents()
		if len(all) != 1 || all[0].Open() || len(all[0].Path) != 2 || len(all[0].Entries) != 1 {
			t.Fatalf("%s: %+v", kind, all)
		}
		i := all[0]
		if d := i.Started.Sub(f.from).Abs(); d > 10*time.Second || i.Closed.Before(f.until.Add(-20*time.Second)) || i.Closed.After(f.until.Add(90*time.Second)) {
			t.Errorf("%s: from %s to %s", kind, i.Started, i.Closed)
		}
		want := map[string][]ReasonKind{"error": {OwnFailures}, "crash": {Unanswered, Silence}, "hang": {Unanswered, Silence}}[kind]
		for _, r := range want {
			if !slices.ContainsFunc(i.Candidates[0].Reasons, func(x Reason) bool { return x.Kind == r }) {
				t.Errorf("%s: no reason %s in %+v", kind, r, i.Candidates[0].Reasons)
			}
		}
		if e := i.Entries[0]; e.Node != 1 || e.Bad < 0.9*e.Requests {
			t.Errorf("%s: entry %+v", kind, e)
		}
		if i.Path[0].Callee != 3 || i.Path[0].Caller != 2 || i.Path[1].Caller != 1 {
			t.Errorf("%s: path %+v", kind, i.Path)
		}
	}
}
