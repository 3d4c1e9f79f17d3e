package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// Every kind of character that a parameter, a statement or a driver could trip over.
const hostile = "tab\tquote'\"back\\slash\nünïcode \x00\xff {x:String} ;--"

// outcome is n requests of web's "GET /" that called the callee, every counter a different multiple of n.
func outcome(at time.Time, callee graph.NodeID, n int64) graph.OutcomeRow {
	o := graph.OutcomeRow{Tenant: tenant, Bucket: at, Caller: web.ID(), Operation: "GET /", Version: "1.2", Callee: callee}
	for i, counter := range o.Counters() {
		*counter = n * int64(i+1)
	}
	o.FailedTimes = graph.Histogram{{Index: 0, N: n}, {Index: graph.MaxIndex, N: 2 * n}}
	o.Gaps = graph.Histogram{{Index: 100, N: 3 * n}}
	o.GapRatios = graph.Histogram{{Index: 160, N: 4 * n}}
	o.Tries = graph.Histogram{{Index: 16, N: 5 * n}}
	o.Patience = graph.Histogram{{Index: 300, N: 6 * n}}
	return o
}

func half(at time.Time, node graph.Node, side graph.Side, fate graph.Fate, n int64) graph.HalfRow {
	return graph.HalfRow{Tenant: tenant, Bucket: at, Node: node.ID(), Side: side, Fate: fate, N: n}
}

func trace(n byte) graph.TraceID { return graph.TraceID{0: n, 15: 1} }

func outcomes(t *testing.T, s *Store, from, to time.Time, node graph.NodeID) []graph.OutcomeRow {
	t.Helper()
	rows, _, err := s.Outcomes(t.Context(), tenant, graph.Window{From: from, To: to}, node)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func halves(t *testing.T, s *Store, from, to time.Time) []graph.HalfRow {
	t.Helper()
	rows, _, err := s.Halves(t.Context(), tenant, graph.Window{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func outcomeSeries(t *testing.T, s *Store, from, to time.Time) []graph.OutcomeRow {
	t.Helper()
	rows, err := s.OutcomeSeries(t.Context(), tenant, graph.Window{From: from, To: to}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// added is the sums of rows that share a key, as graph adds them up, without their buckets.
func added(rows []graph.OutcomeRow) (sums []graph.OutcomeRow) {
	for _, r := range rows {
		r.Bucket = time.Time{}
		at := slices.IndexFunc(sums, func(o graph.OutcomeRow) bool {
			return o.Caller == r.Caller && o.Operation == r.Operation && o.Version == r.Version && o.Callee == r.Callee
		})
		if at < 0 {
			sums = append(sums, graph.OutcomeRow{Tenant: r.Tenant, Caller: r.Caller, Operation: r.Operation, Version: r.Version, Callee: r.Callee})
			at = len(sums) - 1
		}
		sums[at].Add(&r.OutcomeStats)
	}
	slices.SortFunc(sums, func(a, b graph.OutcomeRow) int {
		if a.Requests != b.Requests {
			return int(b.Requests - a.Requests)
		}
		return compareOutcomes(&a, &b)
	})
	return sums
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestOutcomeColumnsAreInTheOrderOfTheCounters(t *testing.T) {
	s := open(t)
	for _, table := range []string{"outcomes_1m", "outcomes_1h"} {
		columns := number[[]string](t, s, `SELECT groupArray(name) FROM (SELECT name FROM system.columns
			WHERE database = currentDatabase() AND table = '`+table+`' ORDER BY position)`)
		const keys = 6
		mustEqual(t, table, graph.OutcomeCounterNames[:], columns[keys:keys+len(graph.OutcomeCounterNames)])
	}
}

func TestOutcomesComeBackAsTheyWent(t *testing.T) {
	s := open(t)
	one, other := outcome(t0, cart.ID(), 3), outcome(t0, 0, 2)
	one.FatalTrace, one.SurvivedTrace = trace(0), trace(0xff) // with bytes of zero and of all ones
	one.PatienceTrace, one.RetryTrace = trace(1), trace(2)
	for _, h := range other.Histograms() {
		*h = nil
	}
	odd := outcome(t0, redis.ID(), 1)
	odd.Operation, odd.Version = hostile, hostile
	write(t, s, graph.Block{Token: "1", Outcomes: []graph.OutcomeRow{other, odd, one}})

	want := added([]graph.OutcomeRow{one, other, odd})
	mustEqual(t, "outcomes of everything", want, outcomes(t, s, t0, t0.Add(time.Minute), 0))
	mustEqual(t, "outcomes of the caller", want, outcomes(t, s, t0, t0.Add(time.Minute), web.ID()))
	mustEqual(t, "outcomes of a callee", want[:1], outcomes(t, s, t0, t0.Add(time.Minute), cart.ID()))
	if rows := outcomes(t, s, t0, t0.Add(time.Minute), user.ID()); len(rows) != 0 {
		t.Errorf("outcomes of a node that takes part in none: %+v", rows)
	}
	series := outcomeSeries(t, s, t0, t0.Add(time.Second))
	mustEqual(t, "series without its buckets", want, added(series))
	for _, r := range series {
		if !r.Bucket.Equal(t0) {
			t.Errorf("a row of bucket %s, want %s", r.Bucket, t0)
		}
	}
}

func TestOutcomeCounts(t *testing.T) {
	s := open(t)
	other, foreign := outcome(t0.Add(time.Minute), cart.ID(), 4), outcome(t0, cart.ID(), 1)
	other.Version, foreign.Caller = "2", cart.ID()
	write(t, s, graph.Block{Token: "1", Outcomes: []graph.OutcomeRow{outcome(t0, 0, 2), outcome(t0, cart.ID(), 3), other, foreign}})
	got, err := s.OutcomeCounts(t.Context(), tenant, graph.Window{From: t0, To: t0.Add(2 * time.Minute)}, []graph.NodeID{web.ID(), user.ID()})
	if err != nil {
		t.Fatal(err)
	}
	counts := func(callee graph.NodeID, n int64) graph.OutcomeRow {
		o := outcome(time.Time{}, callee, n)
		return graph.OutcomeRow{Tenant: tenant, Caller: o.Caller, Operation: o.Operation, Callee: callee, OutcomeStats: graph.OutcomeStats{
			Requests: o.Requests, Failed: o.Failed, Clean: o.Clean, CleanFailed: o.CleanFailed, TotalFatal: o.TotalFatal, TotalSurvived: o.TotalSurvived,
			PartialFatal: o.PartialFatal, PartialSurvived: o.PartialSurvived, ContestedFatal: o.ContestedFatal, ContestedSurvived: o.ContestedSurvived,
		}}
	}
	mustEqual(t, "counts of both versions", []graph.OutcomeRow{counts(0, 2), counts(cart.ID(), 7)}, got)
}

func TestOutcomesAndHalvesOfTenantsAreApart(t *testing.T) {
	s := open(t)
	o, h := outcome(t0, 0, 1), half(t0, web, graph.ClientSide, graph.FatePaired, 1)
	o.Tenant, h.Tenant = hostile, hostile
	write(t, s, graph.Block{Token: "1", Outcomes: []graph.OutcomeRow{o}, Halves: []graph.HalfRow{h}})
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	if rows := outcomes(t, s, w.From, w.To, 0); len(rows) != 0 {
		t.Errorf("another tenant's outcomes are seen: %+v", rows)
	}
	if rows := halves(t, s, w.From, w.To); len(rows) != 0 {
		t.Errorf("another tenant's halves are seen: %+v", rows)
	}
	own, _, err := s.Outcomes(t.Context(), hostile, w, 0)
	if err != nil || len(own) != 1 || own[0].Tenant != hostile {
		t.Errorf("own outcomes: %+v, %v", own, err)
	}
	fates, _, err := s.Halves(t.Context(), hostile, w)
	if err != nil || len(fates) != 1 || fates[0].Tenant != hostile {
		t.Errorf("own halves: %+v, %v", fates, err)
	}
}

func TestOutcomesAreTakenBack(t *testing.T) {
	s := open(t)
	write(t, s, graph.Block{Token: "1",
		Outcomes: []graph.OutcomeRow{outcome(t0, cart.ID(), 3), outcome(t0, redis.ID(), 3)},
		Halves:   []graph.HalfRow{half(t0, web, graph.ClientSide, graph.FateWaiting, 5), half(t0, cart, graph.ServerSide, graph.FateNoPartner, 1)},
	})
	write(t, s, graph.Block{Token: "2",
		Outcomes: []graph.OutcomeRow{outcome(t0, cart.ID(), -3), outcome(t0, redis.ID(), -1)},
		Halves:   []graph.HalfRow{half(t0, web, graph.ClientSide, graph.FateWaiting, -5), half(t0, web, graph.ClientSide, graph.FatePaired, 5), half(t0, cart, graph.ServerSide, graph.FateNoPartner, -2)},
	})
	want := []graph.OutcomeRow{outcome(t0, redis.ID(), 2)}
	mustEqual(t, "series", want, outcomeSeries(t, s, t0, t0.Add(time.Minute)))
	want[0].Bucket = time.Time{}
	mustEqual(t, "outcomes", want, outcomes(t, s, t0, t0.Add(time.Minute), 0))

	left := map[graph.Fate]int64{}
	for _, h := range halves(t, s, t0, t0.Add(time.Minute)) {
		left[h.Fate] += h.N
	}
	mustEqual(t, "halves", map[graph.Fate]int64{graph.FatePaired: 5, graph.FateNoPartner: -1}, left)
}

func TestTheLeastTraceOfAWindowIsKept(t *testing.T) {
	s := open(t)
	for i, id := range []graph.TraceID{{}, trace(7), trace(2), trace(0x80), {}} {
		o := outcome(t0.Add(time.Duration(i)*time.Minute), cart.ID(), 1)
		o.FatalTrace = id
		write(t, s, graph.Block{Token: fmt.Sprint(i), Outcomes: []graph.OutcomeRow{o}})
	}
	for name, w := range map[string]struct {
		from, to int
		want     graph.TraceID
	}{
		"minutes":     {0, 5, trace(2)},
		"none":        {0, 1, graph.TraceID{}},
		"some":        {0, 2, trace(7)},
		"high bit":    {3, 5, trace(0x80)},
		"a full hour": {0, 60, trace(2)},
	} {
		rows := outcomes(t, s, t0.Add(time.Duration(w.from)*time.Minute), t0.Add(time.Duration(w.to)*time.Minute), 0)
		if len(rows) != 1 || rows[0].FatalTrace != w.want || rows[0].SurvivedTrace != (graph.TraceID{}) {
			t.Errorf("%s: %+v, want the trace %x", name, rows, w.want)
		}
	}
}

// evidence is a block of outcomes, halves and spans over two days, of which some rows share a key, with the
// rows that are to come back of it.
func evidence(token string) graph.Block {
	b := graph.Block{Token: token}
	midnight := t0.Truncate(24 * time.Hour)
	for i := range 40 {
		at := midnight.Add(time.Duration(i/2-10) * time.Minute)
		o := outcome(at, cart.ID(), int64(1+i%3))
		o.FatalTrace = trace(byte(200 - i))
		b.Outcomes = append(b.Outcomes, o)
		b.Halves = append(b.Halves, half(at, web, graph.ClientSide, graph.FatePaired, 2))
		b.Spans = append(b.Spans, span(trace(byte(i/4)), byte(i), at, web))
	}
	return b
}

var evidenceTables = []string{"outcomes_1m", "outcomes_1h", "halves_1m", "halves_1h", "spans"}

// mustHold fails the test unless every table holds what n blocks of evidence add up to.
func mustHold(t *testing.T, s *Store, n int64) {
	t.Helper()
	for table, want := range map[string]int64{"outcomes_1m": 79, "outcomes_1h": 79, "halves_1m": 80, "halves_1h": 80, "spans": 40} {
		column := map[byte]string{'o': "sum(requests)", 'h': "sum(n)", 's': "toInt64(count())"}[table[0]]
		if got := number[int64](t, s, "SELECT "+column+" FROM "+table); got != n*want {
			t.Errorf("%s holds %d, want %d", table, got, n*want)
		}
		if table[0] == 'o' {
			if got := number[int64](t, s, "SELECT sum(arraySum(mapValues(tries))) FROM "+table); got != 5*n*want {
				t.Errorf("%s holds %d tries, want %d", table, got, 5*n*want)
			}
		}
	}
}

func TestEvidenceWrittenTwiceCountsOnce(t *testing.T) {
	s := open(t)
	for range 3 {
		write(t, s, evidence("a"))
		mustHold(t, s, 1)
	}
	write(t, s, evidence("b"))
	mustHold(t, s, 2)
}

func TestEvidenceHalfWrittenIsCompletedByWritingItAgain(t *testing.T) {
	for _, broken := range evidenceTables {
		t.Run(broken, func(t *testing.T) {
			s := open(t)
			exec(t, s, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT broken CHECK tenant = 'nobody'", broken))
			if err := s.Write(t.Context(), evidence("a")); err == nil {
				t.Fatal("the write succeeded in spite of the constraint")
			}
			exec(t, s, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT broken", broken))
			write(t, s, evidence("a"))
			mustHold(t, s, 1)
			write(t, s, evidence("a"))
			mustHold(t, s, 1)
		})
	}
}

func TestMergesChangeNothing(t *testing.T) {
	s := open(t)
	for i := range 3 {
		b := evidence(fmt.Sprint(i))
		if i == 2 { // takes half of the blocks before it back
			for i := range b.Outcomes {
				o := &b.Outcomes[i]
				*o = outcome(o.Bucket, o.Callee, -o.Requests)
				b.Halves[i].N = -2
			}
		}
		write(t, s, b)
	}
	from, to := t0.Truncate(24*time.Hour).Add(-time.Hour), t0.Truncate(24*time.Hour).Add(time.Hour)
	type answers struct {
		Outcomes, Series []graph.OutcomeRow
		Halves           []graph.HalfRow
		Traces           []graph.TraceSummary
	}
	ask := func() (a answers) {
		a.Outcomes, a.Series, a.Halves = outcomes(t, s, from, to, 0), outcomeSeries(t, s, from, to), halves(t, s, from, to)
		a.Traces = traces(t, s, graph.TraceQuery{Window: graph.Window{From: from, To: to}, Limit: 100})
		return a
	}
	before := ask()
	if len(before.Outcomes) != 1 || before.Outcomes[0].Requests != 79 || len(before.Series) != 20 || len(before.Halves) != 1 || len(before.Traces) != 10 {
		t.Fatalf("before merges: %+v", before)
	}
	for _, table := range evidenceTables {
		exec(t, s, "OPTIMIZE TABLE "+table+" FINAL")
	}
	mustEqual(t, "answers before and after merges", before, ask())
}

// TestOutcomesOfEveryWindowAreExact asks for windows of every length and place, and compares with the sums
// of what was stored in the window of the answer.
func TestOutcomesOfEveryWindowAreExact(t *testing.T) {
	s := open(t)
	r := rand.New(rand.NewPCG(2, 2))
	var stored []graph.OutcomeRow
	fates := map[time.Time]int64{}
	for block := range 5 {
		b := graph.Block{Token: fmt.Sprint(block)}
		for range 80 {
			at := floor(t0.Add(time.Hour-time.Duration(r.Int64N(int64(60*time.Hour)))), time.Minute)
			o := outcome(at, []graph.NodeID{0, cart.ID(), redis.ID()}[r.IntN(3)], 1+r.Int64N(5))
			if r.IntN(2) == 0 {
				for _, id := range o.Traces() {
					*id = trace(byte(r.Uint32()))
				}
			}
			b.Outcomes = append(b.Outcomes, o)
			b.Halves = append(b.Halves, half(at, web, graph.ServerSide, graph.FateRoot, o.Requests))
			fates[at] += o.Requests
		}
		stored = append(stored, b.Outcomes...)
		write(t, s, b)
	}
	for range 40 {
		length := time.Duration(1 + r.Int64N(int64(50*time.Hour)))
		if r.IntN(2) == 0 {
			length = time.Duration(1 + r.Int64N(int64(fineLimit)))
		}
		from := t0.Add(time.Hour - length - time.Duration(r.Int64N(int64(8*time.Hour))))
		got, of, err := s.Outcomes(t.Context(), tenant, graph.Window{From: from, To: from.Add(length)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if of.From.After(from) || of.To.Before(from.Add(length)) {
			t.Fatalf("asked for %s + %s, answered for %v", from, length, of)
		}
		within := func(at time.Time) bool { return !at.Before(of.From) && at.Before(of.To) }
		var want []graph.OutcomeRow
		for _, o := range stored {
			if within(o.Bucket) {
				want = append(want, o)
			}
		}
		want = added(want)
		mustEqual(t, fmt.Sprintf("outcomes of %v", of), want, got)
		if length <= fineLimit {
			mustEqual(t, fmt.Sprintf("series of %v", of), want, added(outcomeSeries(t, s, from, from.Add(length))))
		}
		var sum int64
		for at, n := range fates {
			if within(at) {
				sum += n
			}
		}
		fates, same, err := s.Halves(t.Context(), tenant, graph.Window{From: from, To: from.Add(length)})
		if err != nil || same != of || sum > 0 && (len(fates) != 1 || fates[0] != half(time.Time{}, web, graph.ServerSide, graph.FateRoot, sum)) {
			t.Fatalf("halves of %v: %+v of %v, %v; want %d", of, fates, same, err, sum)
		}
	}
}

func TestOutcomesOfLongAgoAreReadInHours(t *testing.T) {
	s := open(t)
	old := floor(s.now().Add(-s.cfg.Retention.Minute-48*time.Hour), time.Hour)
	write(t, s, graph.Block{Token: "1", Outcomes: []graph.OutcomeRow{outcome(old.Add(20*time.Minute), cart.ID(), 1)}})
	w := graph.Window{From: old.Add(5 * time.Minute), To: old.Add(10 * time.Minute)}
	rows, of, err := s.Outcomes(t.Context(), tenant, w, 0)
	if want := (graph.Window{From: old, To: old.Add(time.Hour)}); err != nil || of != want || len(rows) != 1 {
		t.Errorf("%d rows of %v, %v; want 1 of %v", len(rows), of, err, want)
	}
	for _, w := range []graph.Window{w, {From: t0.Add(-7 * time.Hour), To: t0}, {From: t0, To: t0}} {
		if _, err := s.OutcomeSeries(t.Context(), tenant, w, nil); err == nil {
			t.Errorf("a series of %v was given", w)
		}
	}
}

func TestOutcomesAreNews(t *testing.T) {
	s := open(t)
	write(t, s, evidence("a"))
	if at, err := s.Changed(t.Context(), tenant); err != nil || at.IsZero() {
		t.Errorf("after outcomes were stored: %s, %v", at, err)
	}
}
