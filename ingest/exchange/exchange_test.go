package exchange

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"faultline/ingest/journal"
)

var (
	oneSeed = flag.Int64("seed", -1, "check only this history")
	seeds   = flag.Int("seeds", 3000, "histories to check")
)

// TestHistories checks the protocol in histories made up at random: processes publish, crash at any step,
// stand still for as long as they like, come back; requests and answers get lost, and inserts go through
// long after whoever sent them has given up. What one process would have found that saw everything in order
// is found, once, and whoever writes a block a second time writes the same.
//
// A history that goes wrong is played again with -seed.
func TestHistories(t *testing.T) {
	from, to := int64(0), int64(*seeds)
	if testing.Short() {
		to = min(to, 300)
	}
	if *oneSeed >= 0 {
		from, to = *oneSeed, *oneSeed+1
	}
	for seed := from; seed < to; seed++ {
		var err error
		synctest.Test(t, func(*testing.T) { err = history(uint64(seed)) })
		if err != nil {
			t.Fatalf("go test ./ingest/exchange -run TestHistories -seed %d: %v", seed, err)
		}
	}
}

// world is a store, its clock, the processes that use it, and chance, which decides what happens next.
type world struct {
	chance *rand.Rand
	calm   bool // no more accidents
	ready  []*actor
	err    error

	members map[string]*living
	tokens  map[string]bool
	log     map[Epoch][]Record
	late    []insert
	closing Epoch
	stored  Epoch
	blocks  map[string][]int
}

type living struct {
	said  Epoch
	until time.Time
}

// insert is one that goes through when nobody waits for it any more.
type insert struct {
	at time.Time
	Block
}

// process is a replica with its journal, which outlives it, and its run at the moment.
type process struct {
	world     *world
	replica   string
	records   []journal.Record
	stored    int // records published
	cut       int // end of the block that was being published
	dead      bool
	running   int // goroutines
	stillness time.Time
}

// actor is a goroutine of a process, which asks the world before whatever it does outside.
type actor struct {
	process *process
	resume  chan verdict
}

type verdict uint8

const (
	pass       verdict = iota
	loseAsk            // it is not done, and fails
	loseAnswer         // it is done, and fails all the same
	delay              // it is done some time later, and fails
	crashFirst
	crashAfter
)

var (
	errLost    = errors.New("connection lost")
	errCrashed = errors.New("crashed")
)

// ask waits for the turn of a and does what is to be done, or not.
func (a *actor) ask(do func(v verdict) error) error {
	w := a.process.world
	w.ready = append(w.ready, a)
	v := <-a.resume
	if a.process.dead {
		panic(errCrashed)
	}
	w.commitLate()
	switch v {
	case loseAsk:
		return errLost
	case crashFirst:
		a.process.dead = true
		panic(errCrashed)
	}
	err := do(v)
	switch v {
	case crashAfter:
		a.process.dead = true
		panic(errCrashed)
	case loseAnswer, delay:
		return errLost
	}
	return err
}

// now is the time by the clock of one of the store's nodes.
func (w *world) now() time.Time {
	return time.Now().Add(time.Duration(w.chance.Int64N(int64(4 * time.Second))))
}

func (w *world) commitLate() {
	w.late = slices.DeleteFunc(w.late, func(i insert) bool {
		if i.at.After(time.Now()) {
			return false
		}
		w.commit(i.Block)
		return true
	})
}

func (w *world) commit(b Block) {
	if w.tokens[b.Token] {
		return
	}
	w.tokens[b.Token] = true
	for _, r := range b.Records {
		w.log[b.Epoch] = append(w.log[b.Epoch], Record{b.Replica, r})
	}
}

// The store as one actor sees it.

func (a *actor) Beat(_ context.Context, member string, said Epoch, lease time.Duration) (now time.Time, err error) {
	err = a.ask(func(verdict) error {
		now = a.process.world.now()
		m := a.process.world.members[member]
		if m == nil {
			m = &living{}
			a.process.world.members[member] = m
		}
		m.said, m.until = max(m.said, said), now.Add(lease)
		return nil
	})
	return now, err
}

func (a *actor) Publish(_ context.Context, b Block) error {
	w := a.process.world
	return a.ask(func(v verdict) error {
		if w.now().After(b.Until) {
			return ErrStale
		}
		if v == delay {
			w.late = append(w.late, insert{time.Now().Add(time.Duration(w.chance.Int64N(int64(PublishTimeout)))), b})
			return nil
		}
		w.commit(b)
		return nil
	})
}

func (a *actor) State(context.Context) (s State, err error) {
	w := a.process.world
	err = a.ask(func(verdict) error {
		s = State{Now: w.now(), Closing: w.closing, Stored: w.stored}
		for name, m := range w.members {
			if m.until.After(s.Now) {
				s.Members = append(s.Members, Member{name, m.said})
			}
		}
		slices.SortFunc(s.Members, func(x, y Member) int { return cmp.Compare(x.Name, y.Name) })
		return nil
	})
	return s, err
}

func (a *actor) SetClosing(_ context.Context, e Epoch) error {
	return a.ask(func(verdict) error { a.process.world.closing = max(a.process.world.closing, e); return nil })
}

func (a *actor) SetStored(_ context.Context, e Epoch) error {
	return a.ask(func(verdict) error { a.process.world.stored = max(a.process.world.stored, e); return nil })
}

func (a *actor) Epochs(_ context.Context, after, upTo Epoch) (all []Epoch, err error) {
	err = a.ask(func(verdict) error {
		for e := range a.process.world.log {
			if e > after && e <= upTo {
				all = append(all, e)
			}
		}
		slices.Sort(all)
		return nil
	})
	return all, err
}

func (a *actor) Records(_ context.Context, e Epoch) (all []Record, err error) {
	err = a.ask(func(verdict) error {
		all = slices.Clone(a.process.world.log[e])
		slices.SortFunc(all, func(x, y Record) int {
			return cmp.Or(cmp.Compare(x.Replica, y.Replica), cmp.Compare(x.Position, y.Position))
		})
		return nil
	})
	return all, err
}

// counter is a machine that finds each number once, as matching does each span.
type counter struct {
	actor *actor
	seen  map[int]bool
	found []int
	speak bool
}

func (c *counter) Take(records []Record, _ time.Time) {
	for _, r := range records {
		if n := int(r.Body[0]); !c.seen[n] {
			c.seen[n] = true
			if c.speak {
				c.found = append(c.found, n)
			}
		}
	}
}

func (c *counter) Speak() { c.speak = true }

func (c *counter) Store(_ context.Context, token string) error {
	found := slices.Sorted(slices.Values(c.found))
	c.found = nil
	if len(found) == 0 {
		return nil
	}
	w := c.actor.process.world
	for {
		err := c.actor.ask(func(verdict) error {
			if before, ok := w.blocks[token]; ok && !slices.Equal(before, found) {
				w.err = fmt.Errorf("block %s was %v and is %v now", token, before, found)
			}
			w.blocks[token] = found
			return nil
		})
		if err == nil {
			return nil
		}
	}
}

// start runs a process anew.
func (p *process) start() {
	w := p.world
	p.dead = false
	member := fmt.Sprintf("%020d-%s", time.Now().UnixNano(), p.replica)
	run := func(work func(a *actor)) {
		p.running++
		go func() {
			defer func() {
				p.running--
				if v := recover(); v != nil && v != any(errCrashed) {
					panic(v)
				}
			}()
			work(&actor{process: p, resume: make(chan verdict)})
		}()
		synctest.Wait() // one at a time, so that a seed always makes the same history
	}
	run(func(a *actor) { // publishes
		pub := NewPublisher(a, member, p.replica)
		for {
			_ = a.ask(func(verdict) error { return nil }) // as it pauses between attempts
			if p.stored == len(p.records) {
				_ = pub.Beat(context.Background())
				continue
			}
			if p.cut == p.stored {
				p.cut += 1 + w.chance.IntN(len(p.records)-p.stored)
			}
			if pub.Publish(context.Background(), fmt.Sprintf("%s-%d", p.replica, p.cut), p.records[p.stored:p.cut]) == nil {
				p.stored = p.cut
			}
			if w.chance.IntN(2) == 0 {
				_ = pub.Beat(context.Background())
			}
		}
	})
	run(func(a *actor) { // leads, when it is its turn
		l := NewLeader(a, member, time.Hour, func() Machine { return &counter{actor: a, seen: map[int]bool{}} })
		for {
			_ = l.Step(context.Background()) // begins anew at the next turn
		}
	})
}

func history(seed uint64) error {
	w := &world{
		chance: rand.New(rand.NewPCG(seed, 3)), members: map[string]*living{}, tokens: map[string]bool{},
		log: map[Epoch][]Record{}, blocks: map[string][]int{},
	}
	processes := make([]*process, 1+w.chance.IntN(4))
	total := 1 + w.chance.IntN(30)
	for i := range processes {
		processes[i] = &process{world: w, replica: string(rune('a' + i))}
	}
	for n := range total {
		for range 1 + w.chance.IntN(2) { // some were sent to two of them
			p := processes[w.chance.IntN(len(processes))]
			p.records = append(p.records, journal.Record{Position: journal.Position(len(p.records) + 1), Body: []byte{byte(n)}})
		}
	}
	defer func() { // end what runs
		for _, p := range processes {
			p.dead = true
		}
		for {
			synctest.Wait()
			if len(w.ready) == 0 {
				return
			}
			a := w.ready[0]
			w.ready = w.ready[1:]
			a.resume <- pass
		}
	}()
	steps := 100 + w.chance.IntN(500)
	for step := 0; ; step++ {
		synctest.Wait()
		if w.err != nil {
			return w.err
		}
		w.calm = step > steps
		if w.calm && w.complete(processes) {
			break
		}
		if step > steps+20_000 {
			return fmt.Errorf("never comes to an end: %d records published of %d, stored to %d, closing %d",
				processes[0].stored, len(processes[0].records), w.stored, w.closing)
		}
		for _, p := range processes {
			if p.running == 0 && (w.calm || w.chance.IntN(10) == 0) {
				p.start()
			}
		}
		w.turn()
	}
	return w.judge(total)
}

// turn lets one actor do one thing.
func (w *world) turn() {
	pause := time.Duration(w.chance.IntN(400)) * time.Millisecond
	if !w.calm && w.chance.IntN(40) == 0 {
		pause = time.Duration(w.chance.IntN(60)) * time.Second
	}
	time.Sleep(pause)
	var able []int
	for i, a := range w.ready {
		if a.process.dead || w.calm || !time.Now().Before(a.process.stillness) {
			able = append(able, i)
		}
	}
	if len(able) == 0 {
		return
	}
	i := able[w.chance.IntN(len(able))]
	a := w.ready[i]
	w.ready = slices.Delete(w.ready, i, i+1)
	v := pass
	if !w.calm {
		switch w.chance.IntN(30) {
		case 0:
			v = loseAsk
		case 1:
			v = loseAnswer
		case 2:
			v = delay
		case 3:
			if w.chance.IntN(3) == 0 {
				v = crashFirst
			}
		case 4:
			if w.chance.IntN(3) == 0 {
				v = crashAfter
			}
		case 5: // it stands still: the others go on without it
			a.process.stillness = time.Now().Add(time.Duration(w.chance.IntN(90)) * time.Second)
		}
	}
	a.resume <- v
}

// complete reports whether everything is published, closed and stored.
func (w *world) complete(processes []*process) bool {
	for _, p := range processes {
		if p.stored < len(p.records) {
			return false
		}
	}
	last := Epoch(0)
	for e := range w.log {
		last = max(last, e)
	}
	return len(w.late) == 0 && w.stored >= last
}

// judge compares what was found with what there was.
func (w *world) judge(total int) error {
	times := make([]int, total)
	for _, b := range w.blocks {
		for _, n := range b {
			times[n]++
		}
	}
	for n, k := range times {
		if k != 1 {
			return fmt.Errorf("number %d of %d counts %d times", n, total, k)
		}
	}
	return nil
}
