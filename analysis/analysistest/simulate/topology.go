package simulate

import (
	"fmt"
	"math"
	"slices"
	"time"
)

type kind uint8

const (
	service kind = iota
	database
	cache
	topic
	outsider
)

// node is a service or what services use.
type node struct {
	kind      kind
	name      string
	zone      int
	rpc       bool // is called by gRPC
	silent    bool // sends no spans at all, nor passes on a trace
	noClients bool // has no client spans, but passes on traces
	changed   bool // has a new version from half time on

	background float64 // share of what is asked of it that fails on any day
	faults     []fault
	consumers  []int // operations that take messages of a topic
}

// fault is what is wrong with a node for some minutes.
type fault struct {
	from, until int // minutes
	kind        faultKind
	share       float64 // of what is asked of it
	own         float64 // share of its own requests that fail for no callee's sake
}

type faultKind uint8

const (
	errors faultKind = iota
	crash            // nobody answers
	slow
	hang
)

// operation is what a service does when asked.
type operation struct {
	node     int
	name     string
	own      time.Duration
	leak     float64 // share of requests that fail for no callee's sake
	poison   float64 // share of requests that a callee refuses and the service itself, too
	parallel bool    // all steps begin at once
	cancels  bool    // with parallel: a fatal failure cuts the others off
	collects bool    // goes on after a fatal failure, and fails in the end
	steps    []step
	spans    float64 // made for one request, on average
	called   bool
}

// step is the calls to one callee.
type step struct {
	node     int
	op       int     // of a service
	share    float64 // of requests that take it
	calls    int
	fansOut  bool    // the calls are made at once, else one after the other
	h        float64 // a total failure fails the request
	inPart   float64 // a failure in part does
	tries    int
	backoff  time.Duration
	timeout  time.Duration
	async    bool
	breaker  *breaker
	fallback *step
	shields  float64 // share of requests for which a cache saves the next step
	changes  bool    // h becomes 1-h at half time
	truth    *Truth
}

type breaker struct {
	failures int
	open     int64 // until
}

type entry struct {
	op   int
	rate float64 // requests a second
}

const (
	layers   = 5
	maxSpans = 60 // of a request, on average
	zones    = 3
)

// build makes up nodes and who calls whom. Services call those of deeper layers only.
func (w *World) build() {
	n := w.set.Services
	for i := range n {
		w.nodes = append(w.nodes, node{
			kind: service, name: fmt.Sprintf("svc-%03d", i), rpc: w.chance(0.4), silent: i > n/layers && w.chance(0.04),
		})
		w.nodes[i].noClients = !w.nodes[i].silent && w.chance(0.04)
	}
	for i := range max(n/6, 3) {
		w.nodes = append(w.nodes,
			node{kind: database, name: fmt.Sprintf("db-%02d", i)}, node{kind: cache, name: fmt.Sprintf("cache-%02d", i)})
		if i%2 == 0 {
			w.nodes = append(w.nodes,
				node{kind: topic, name: fmt.Sprintf("topic-%02d", i)}, node{kind: outsider, name: fmt.Sprintf("api-%02d.example", i)})
		}
	}
	opsOf := make([][]int, n)
	for i := n - 1; i >= 0; i-- {
		for range 1 + w.r.IntN(2) {
			op := operation{node: i, own: time.Duration(w.logBetween(0.5e6, 5e6)), spans: 1}
			op.name = fmt.Sprintf("GET /r%d/%d", i, len(opsOf[i]))
			if w.nodes[i].rpc {
				op.name = fmt.Sprintf("shop.Service%d/Do%d", i, len(opsOf[i]))
			}
			op.parallel, op.collects = w.chance(0.3), w.chance(0.15)
			op.cancels = op.parallel && w.chance(0.5)
			if !w.set.Calm {
				if op.leak = w.logBetween(1e-5, 1e-2); w.chance(0.04) {
					op.leak = w.between(0.1, 0.3)
				}
				if w.chance(0.1) {
					op.poison = w.logBetween(1e-4, 1e-3)
				}
			}
			w.addSteps(&op, opsOf, i)
			opsOf[i] = append(opsOf[i], len(w.ops))
			w.ops = append(w.ops, op)
		}
	}
	for i := range w.nodes {
		t := &w.nodes[i]
		t.zone = w.r.IntN(zones)
		if t.kind != topic {
			continue
		}
		for _, by := range w.r.Perm(n)[:w.r.IntN(3)] {
			if w.nodes[by].silent {
				continue
			}
			op := operation{node: by, name: "process " + t.name, own: time.Duration(w.logBetween(0.5e6, 5e6)), spans: 8, called: true}
			w.addSteps(&op, opsOf, by)
			t.consumers = append(t.consumers, len(w.ops))
			w.ops = append(w.ops, op)
		}
	}
	spans := 0.0
	for i := range w.ops {
		if o := &w.ops[i]; !o.called && !w.nodes[o.node].silent {
			w.entries = append(w.entries, entry{i, w.logBetween(0.3, 3)})
			spans += w.entries[len(w.entries)-1].rate * o.spans * w.set.Length.Seconds()
		}
	}
	for i := range w.entries {
		w.entries[i].rate *= float64(w.set.Spans) / spans
	}
}

// addSteps makes up what an operation calls.
func (w *World) addSteps(op *operation, opsOf [][]int, i int) {
	n := len(opsOf)
	deeper := (i*layers/n + 1) * n / layers // first service of the next layer
	used := []int{i}
	for range 1 + w.r.IntN(4) {
		s := step{share: 1, calls: 1, tries: 1, h: 1}
		if deeper < n && w.chance(0.75) {
			s.node = deeper + w.r.IntN(min(n-deeper, max(n/layers, 4)*2))
		} else {
			s.node = n + w.r.IntN(len(w.nodes)-n)
		}
		if slices.Contains(used, s.node) {
			continue
		}
		s.op = -1
		cost := 1.0
		if s.node < n {
			s.op = opsOf[s.node][w.r.IntN(len(opsOf[s.node]))]
			cost += w.ops[s.op].spans
		}
		if w.chance(0.35) {
			s.share = w.between(0.1, 1)
		}
		if w.chance(0.2) {
			s.calls, s.fansOut = 2+w.r.IntN(3), w.chance(0.7)
		}
		if cost *= s.share * float64(s.calls); op.spans+cost > maxSpans/float64(1+i*layers/n) {
			continue
		}
		op.spans += cost
		used = append(used, s.node)
		w.couple(op, &s)
		if s.op >= 0 {
			w.ops[s.op].called = true
		}
		if s.h < 0.5 && !s.async && s.share == 1 && w.chance(0.3) {
			w.addFallback(&s, &used, n)
		}
		if w.nodes[s.node].kind == cache && !s.async {
			s.shields = w.between(0.5, 0.95)
		}
		op.steps = append(op.steps, s)
	}
	w.note(op)
}

// couple says what a failure of the step means for its request.
func (w *World) couple(op *operation, s *step) {
	n := w.set.Services
	switch p := w.r.Float64(); {
	case w.nodes[s.node].kind == cache && p < 0.8, p < 0.35:
		s.h = 0
	case p < 0.45:
		s.h = w.between(0.3, 0.7)
	}
	if w.chance(0.5) {
		s.inPart = s.h
	}
	if w.chance(0.4) {
		s.tries = 2 + w.r.IntN(2)
		if w.chance(0.6) {
			s.backoff = time.Duration(w.logBetween(10e6, 100e6))
		}
	}
	if w.chance(0.4) {
		// Deadlines are longer the further outside they are, mostly.
		s.timeout = time.Duration(w.logBetween(0.3e9, 0.6e9) * math.Pow(3, float64(layers-1-min(op.node, n-1)*layers/n)))
	}
	if w.chance(0.08) {
		s.breaker = &breaker{}
	}
	if w.nodes[s.node].kind == service && w.chance(0.08) {
		s.async, s.h, s.inPart, s.tries, s.breaker = true, 0, 0, 1, nil
	}
	if w.set.Changes && !s.async && (s.h == 0 || s.h == 1) && w.chance(0.25) {
		s.changes = true
		w.nodes[op.node].changed = true
	}
}

func (w *World) addFallback(s *step, used *[]int, n int) {
	to := n + w.r.IntN(len(w.nodes)-n)
	if k := w.nodes[to].kind; slices.Contains(*used, to) || k == topic || k == cache || s.changes {
		return
	}
	*used = append(*used, to)
	s.h, s.inPart = 0, 0
	s.fallback = &step{node: to, op: -1, share: 1, calls: 1, tries: 1, h: 1, inPart: 1}
}

// note writes down the truth about an operation's steps.
func (w *World) note(op *operation) {
	if w.nodes[op.node].silent {
		return
	}
	for i := range op.steps {
		s := &op.steps[i]
		t := w.truth(op, s)
		s.truth = t
		t.Hardness, t.Async, t.Changed = s.h, s.async, s.changes
		t.Waits = !op.parallel && !s.async
		t.Blind = w.nodes[op.node].noClients
		t.Loops = s.calls > 1 && (!s.fansOut || s.tries > 1)
		if s.fallback != nil {
			t.Fallback = w.nodes[s.fallback.node].name
			f := w.truth(op, s.fallback)
			f.Hardness, f.Instead = 1, true
		}
	}
}

// plague makes up what goes wrong and when.
func (w *World) plague() {
	minutes := int(w.set.Length / time.Minute)
	kinds := []faultKind{errors, crash, slow, hang}
	if w.set.Steady {
		kinds = kinds[:2]
	}
	for i := range w.nodes {
		n := &w.nodes[i]
		n.background = w.logBetween(1e-5, 2e-3)
		for range w.r.IntN(3) {
			from := w.r.IntN(minutes)
			f := fault{from: from, until: from + 2 + w.r.IntN(8), kind: kinds[w.r.IntN(len(kinds))], share: w.between(0.2, 1)}
			if n.kind != service && f.kind == crash {
				f.kind = errors
			}
			n.faults = append(n.faults, f)
		}
	}
	for range 1 + w.r.IntN(2) {
		zone, from, share := w.r.IntN(zones), w.r.IntN(minutes), w.between(0.5, 1)
		f := fault{from: from, until: from + 3 + w.r.IntN(6), kind: errors, share: share}
		if w.chance(0.5) {
			f.own = w.between(0, 0.3)
		}
		for i := range w.nodes {
			if w.nodes[i].zone == zone {
				w.nodes[i].faults = append(w.nodes[i].faults, f)
			}
		}
	}
}
