package ingest

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"faultline/graph"
	"faultline/ingest/exchange"
	"faultline/ingest/truth"
)

var long = flag.Bool("long", false, "the long versions of the tests that have a short one")

// parcel is a request on its way to one of the replicas.
type parcel struct {
	at   time.Duration
	to   int
	wire []byte
}

// ways are ways to send the same spans that must not change what they add up to.
var ways = map[string]func(spans []truth.Span, chance *rand.Rand) []parcel{
	"traces whole": func(spans []truth.Span, _ *rand.Rand) []parcel { return whole(spans) },
	"span by span": func(spans []truth.Span, chance *rand.Rand) []parcel {
		return shuffled(spans, chance, func(*truth.Span) time.Duration { return 0 })
	},
	"server halves 1 s late":    serversLate(time.Second),
	"server halves 5 s late":    serversLate(5 * time.Second),
	"server halves 30 s late":   serversLate(30 * time.Second),
	"server halves 5 min late":  serversLate(5 * time.Minute),
	"server halves 5 min first": serversLate(-5 * time.Minute),
	"everything twice": func(spans []truth.Span, _ *rand.Rand) []parcel {
		once := whole(spans)
		again := slices.Clone(once)
		for i := range again {
			again[i].at += 10 * time.Second
			again[i].to++
		}
		return append(once, again...)
	},
	"twice, in other batches": func(spans []truth.Span, chance *rand.Rand) (all []parcel) {
		for at := range 2 {
			for left := spans; len(left) > 0; {
				n := min(1+chance.IntN(40), len(left))
				all = append(all, parcel{time.Duration(at)*20*time.Second + time.Duration(len(all))*time.Millisecond, len(all), truth.Encode(left[:n]...)})
				left = left[n:]
			}
		}
		return all
	},
}

// whole sends each trace in one request.
func whole(spans []truth.Span) (all []parcel) {
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && spans[n].Trace == spans[0].Trace {
			n++
		}
		all = append(all, parcel{time.Duration(len(all)) * 10 * time.Millisecond, len(all), truth.Encode(spans[:n]...)})
		spans = spans[n:]
	}
	return all
}

// shuffled sends each span in a request of its own, in any order, to one replica after the other.
func shuffled(spans []truth.Span, chance *rand.Rand, late func(*truth.Span) time.Duration) (all []parcel) {
	for i, n := range chance.Perm(len(spans)) {
		at := time.Duration(i)*time.Millisecond + late(&spans[n])
		all = append(all, parcel{at, i, truth.Encode(spans[n])})
	}
	return all
}

// serversLate sends the callees' halves later than the callers', or before them.
func serversLate(by time.Duration) func([]truth.Span, *rand.Rand) []parcel {
	return func(spans []truth.Span, chance *rand.Rand) []parcel {
		return shuffled(spans, chance, func(s *truth.Span) time.Duration {
			if s.IsServer() == (by > 0) {
				return by.Abs()
			}
			return 0
		})
	}
}

// TestExact sends what a made-up system does in every way that must not matter, to one process and to three
// that count as one, with a database that is there and one that is away for the first half, and compares
// whole tables: with the truth, and bucket by bucket with those of a calm run.
func TestExact(t *testing.T) {
	requests, always := 60, []string{"traces whole", "span by span"}
	if *long {
		requests, always = 2000, slices.Sorted(maps.Keys(ways))
	}
	var calm sums
	for _, replicas := range []int{1, 3} {
		for _, away := range []bool{false, true} {
			for _, name := range slices.Sorted(maps.Keys(ways)) {
				if away && !slices.Contains(always, name) {
					continue
				}
				t.Run(fmt.Sprintf("%d replicas/away %v/%s", replicas, away, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := truth.New(1, 12, requests, time.Now().Add(-2*time.Minute))
						store := &blockLog{}
						deliver(t, store, replicas, away, ways[name](w.Spans, rand.New(rand.NewPCG(1, 9))))
						if diff := gocmp.Diff(w.Tables, store.tables()); diff != "" {
							t.Fatalf("not the truth (-truth +stored):\n%s", diff)
						}
						got := store.sums()
						if calm == nil {
							calm = got
							if !slices.ContainsFunc(slices.Collect(maps.Keys(got)), func(key string) bool { return strings.HasPrefix(key, "alias ") }) {
								t.Error("nothing was learned of who answers to which address")
							}
						}
						if diff := gocmp.Diff(calm, got, cmpopts.EquateEmpty()); diff != "" {
							t.Errorf("not what a calm run stores (-calm +stored):\n%s", diff)
						}
					})
				})
			}
		}
	}
}

// TestExactWide does the same with 10,000 services and 100,000 edges.
func TestExactWide(t *testing.T) {
	services, edges := 1000, 10_000
	if *long {
		services, edges = 10_000, 100_000
	}
	synctest.Test(t, func(t *testing.T) {
		w := truth.Wide(services, edges, time.Now().Add(-2*time.Minute))
		store := &blockLog{}
		chance := rand.New(rand.NewPCG(1, 9))
		chance.Shuffle(len(w.Spans), func(i, j int) { w.Spans[i], w.Spans[j] = w.Spans[j], w.Spans[i] })
		var parcels []parcel
		for some := range slices.Chunk(w.Spans, 100) {
			parcels = append(parcels, parcel{time.Duration(len(parcels)) * time.Millisecond, 0, truth.Encode(some...)})
		}
		deliver(t, store, 1, false, parcels)
		if diff := gocmp.Diff(w.Tables, store.tables()); diff != "" {
			t.Errorf("not the truth (-truth +stored):\n%s", diff[:min(len(diff), 4000)])
		}
	})
}

// deliver takes parcels to as many replicas and waits until all waits are over.
func deliver(t *testing.T, w *blockLog, replicas int, away bool, parcels []parcel) {
	t.Helper()
	slices.SortStableFunc(parcels, func(a, b parcel) int { return cmp.Compare(a.at, b.at) })
	var log exchange.Store
	if replicas > 1 {
		log = &sharedLog{w: w}
	}
	var services []*Service
	for range replicas {
		cfg := place(t)
		cfg.Match.Limits.Nodes, cfg.Rollup.Edges, cfg.MaxRows = 20_000, 300_000, 10_000_000
		s, _, stop := startOne(t, cfg, w, log)
		services = append(services, s)
		defer func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}()
	}
	w.setDown(away)
	begin, half := time.Now(), parcels[len(parcels)/2].at
	for _, p := range parcels {
		time.Sleep(time.Until(begin.Add(p.at)))
		if away && p.at >= half {
			w.setDown(false)
		}
		b := decode(t, p.wire, time.Now())
		if err := services[p.to%replicas].Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(3 * time.Minute)
	synctest.Wait()
}

// tables is what the blocks add up to, in words.
func (l *blockLog) tables() truth.Tables {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, names := truth.NewTables(), map[graph.NodeID]string{}
	for _, b := range l.blocks {
		for i := range b.Nodes {
			names[b.Nodes[i].ID] = truth.Name(&b.Nodes[i].Node)
		}
	}
	for _, b := range l.blocks {
		t.Add(&b, names)
	}
	return t
}

// sums are rows by their keys, without those that add up to nothing.
type sums map[string]*cell

// cell holds whatever a row counts.
type cell struct {
	Counts     [len(graph.OutcomeCounterNames)]int64
	Histograms [4]graph.Histogram
}

func (s sums) add(key string, counts []int64, histograms ...graph.Histogram) {
	c := s[key]
	if c == nil {
		c = &cell{}
		s[key] = c
	}
	empty := true
	for i, n := range counts {
		c.Counts[i] += n
		empty = empty && c.Counts[i] == 0
	}
	for i, h := range histograms {
		c.Histograms[i].Merge(h)
		c.Histograms[i] = slices.DeleteFunc(c.Histograms[i], func(b graph.Bin) bool { return b.N == 0 })
		empty = empty && c.Histograms[i].Empty()
	}
	if empty {
		delete(s, key)
	}
}

func (s sums) addBlock(b *graph.Block) {
	stats := func(s *graph.Stats) []int64 {
		return []int64{s.Calls, s.Failed, s.Throttled, s.ClientErrors, s.Timeouts, s.Resends, s.Sampled, int64(s.Weight), int64(s.WeightSquared)}
	}
	for _, r := range b.CallSites {
		s.add(fmt.Sprintf("call %s %s %s %s", r.Bucket, r.EdgeKey, r.CallerOperation, r.CalleeOperation), stats(&r.Stats), r.Client, r.Server)
	}
	for _, r := range b.Operations {
		s.add(fmt.Sprintf("operation %s %s %s %s", r.Bucket, r.Node, r.Operation, r.Version), stats(&r.Stats), r.Server)
	}
	for _, r := range b.Outcomes {
		var counts []int64
		for _, n := range r.Counters() {
			counts = append(counts, *n)
		}
		s.add(fmt.Sprintf("outcome %s %s %s %s", r.Bucket, r.Caller, r.Operation, r.Callee), counts, r.FailedTimes, r.Gaps, r.GapRatios, r.Tries)
	}
	for _, r := range b.Aliases {
		s.add(fmt.Sprintf("alias %s %s %s %s", r.Bucket, r.Caller, r.Peer, r.Callee), []int64{r.N})
	}
	for _, r := range b.Halves {
		s.add(fmt.Sprintf("half %s %s %s %s", r.Bucket, r.Node, r.Side, r.Fate), []int64{r.N})
	}
}

// sums is what the blocks add up to, bucket by bucket.
func (l *blockLog) sums() sums {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := sums{}
	for _, b := range l.blocks {
		s.addBlock(&b)
	}
	return s
}

// sharedLog is a store where processes meet. It is away when w is.
type sharedLog struct {
	w *blockLog

	mu      sync.Mutex
	members map[string]exchange.Member
	leases  map[string]time.Time
	tokens  map[string]bool
	records map[exchange.Epoch][]exchange.Record
	state   exchange.State
}

// use is held while something is looked up or put down.
func (l *sharedLog) use() (done func(), err error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.w.down {
		return nil, errors.New("connection refused")
	}
	l.mu.Lock()
	if l.members == nil {
		l.members, l.leases, l.tokens, l.records = map[string]exchange.Member{}, map[string]time.Time{}, map[string]bool{}, map[exchange.Epoch][]exchange.Record{}
	}
	return l.mu.Unlock, nil
}

func (l *sharedLog) Beat(_ context.Context, member string, said exchange.Epoch, lease time.Duration) (time.Time, error) {
	done, err := l.use()
	if err != nil {
		return time.Time{}, err
	}
	defer done()
	l.members[member] = exchange.Member{Name: member, Said: max(l.members[member].Said, said)}
	l.leases[member] = time.Now().Add(lease)
	return time.Now(), nil
}

func (l *sharedLog) Publish(_ context.Context, b exchange.Block) error {
	done, err := l.use()
	if err != nil {
		return err
	}
	defer done()
	if time.Now().After(b.Until) {
		return exchange.ErrStale
	}
	if l.tokens[b.Token] {
		return nil
	}
	l.tokens[b.Token] = true
	for _, r := range b.Records {
		l.records[b.Epoch] = append(l.records[b.Epoch], exchange.Record{Replica: b.Replica, Record: r})
	}
	return nil
}

func (l *sharedLog) State(context.Context) (exchange.State, error) {
	done, err := l.use()
	if err != nil {
		return exchange.State{}, err
	}
	defer done()
	s := l.state
	s.Now = time.Now()
	for _, name := range slices.Sorted(maps.Keys(l.members)) {
		if l.leases[name].After(s.Now) {
			s.Members = append(s.Members, l.members[name])
		}
	}
	return s, nil
}

func (l *sharedLog) SetClosing(_ context.Context, e exchange.Epoch) error {
	return l.put(&l.state.Closing, e)
}

func (l *sharedLog) SetStored(_ context.Context, e exchange.Epoch) error {
	return l.put(&l.state.Stored, e)
}

func (l *sharedLog) put(at *exchange.Epoch, e exchange.Epoch) error {
	done, err := l.use()
	if err != nil {
		return err
	}
	defer done()
	*at = max(*at, e)
	return nil
}

func (l *sharedLog) Epochs(_ context.Context, after, upTo exchange.Epoch) (all []exchange.Epoch, err error) {
	done, err := l.use()
	if err != nil {
		return nil, err
	}
	defer done()
	for e := range l.records {
		if e > after && e <= upTo {
			all = append(all, e)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (l *sharedLog) Records(_ context.Context, e exchange.Epoch) ([]exchange.Record, error) {
	done, err := l.use()
	if err != nil {
		return nil, err
	}
	defer done()
	all := slices.Clone(l.records[e])
	slices.SortFunc(all, func(a, b exchange.Record) int {
		return cmp.Or(cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Position, b.Position))
	})
	return all, nil
}

// TestCrash ends the process again and again, at any moment, with a database that is away now and then and
// loses answers. What is acknowledged must be stored, once, and the same as if nothing had happened.
func TestCrash(t *testing.T) {
	seeds := uint64(8)
	if *long {
		seeds = 500
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { crash(t, seed) })
		})
	}
}

func crash(t *testing.T, seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 7))
	world := truth.New(seed, 8, 40, time.Now().Add(-2*time.Minute))
	once := shuffled(world.Spans, chance, func(*truth.Span) time.Duration { return time.Duration(chance.IntN(60_000)) * time.Millisecond })
	var parcels []parcel
	for _, p := range once {
		for range 1 + chance.IntN(2) { // some come twice
			parcels = append(parcels, p)
			p.at += time.Duration(chance.IntN(20_000)) * time.Millisecond
		}
	}
	slices.SortStableFunc(parcels, func(a, b parcel) int { return cmp.Compare(a.at, b.at) })

	w := &table{chance: rand.New(rand.NewPCG(seed, 8))}
	cfg := place(t)
	s, _, stop := start(t, cfg, w)
	const most = 20
	crashes, begin := 0, time.Now()
	for i, p := range parcels {
		time.Sleep(time.Until(begin.Add(p.at)))
		if err := s.Consume(t.Context(), decode(t, p.wire, time.Now())); err != nil {
			t.Fatal(err)
		}
		if crashes == most || chance.IntN(len(parcels)/most) > 0 {
			continue
		}
		// The process dies here: another begins with the files as they are, and with a database that has
		// seen nothing that this one does on its way down.
		crashes++
		synctest.Wait()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(cfg.Journal.Dir)); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		alive := &table{chance: rand.New(rand.NewPCG(seed, uint64(10+i)))}
		alive.blocks = maps.Clone(w.blocks)
		w.mu.Unlock()
		w.setDown(true)
		_ = stop()
		w, cfg.Journal.Dir = alive, dir
		s, _, stop = start(t, cfg, w)
	}
	time.Sleep(3 * time.Minute)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(world.Tables, w.tables()); diff != "" {
		t.Errorf("after %d crashes (-truth +stored):\n%s", crashes, diff)
	}
	calm := &blockLog{}
	deliver(t, calm, 1, false, whole(world.Spans))
	if diff := gocmp.Diff(calm.sums(), w.sums(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("after %d crashes (-calm +crashed):\n%s", crashes, diff)
	}
	t.Logf("%d requests, %d crashes", len(parcels), crashes)
}

// table keeps what blocks add up to, as storage would: each token once. Every so often it stores a block and
// loses the answer, or is away.
type table struct {
	blockLog
	chance *rand.Rand // its own, under mu
}

func (w *table) Write(ctx context.Context, b graph.Block) error {
	w.mu.Lock()
	trouble := w.chance.IntN(4)
	old, repeated := w.blocks[b.Token]
	w.mu.Unlock()
	if trouble == 0 {
		return errors.New("connection refused")
	}
	if repeated {
		before, now := sums{}, sums{}
		before.addBlock(&old)
		now.addBlock(&b)
		if diff := gocmp.Diff(before, now, cmpopts.EquateEmpty()); diff != "" {
			panic(fmt.Sprintf("block %s differs from the one stored before (-stored +sent):\n%s", b.Token, diff))
		}
	}
	if err := w.blockLog.Write(ctx, b); err != nil {
		return err
	}
	if trouble == 1 {
		return errors.New("the answer was lost")
	}
	return nil
}
