package simulate

import "time"

// span is one span, of which parents come before their children.
type span struct {
	trace            [2]uint64
	id               uint64
	parentID, linkID uint64
	node             int // who made it
	kind             spanKind
	parent, linked   int // index in the trace; -1: none
	start, end       int64
	name             string
	to               int // node: of a client
	failed           bool
	problem          string
	status           int // HTTP; 0: no answer
	version          string
	kept             float64 // share of traces that are kept
	gone             bool    // it never came to it
}

type spanKind uint8

const (
	server spanKind = iota
	client
	producer
	consumer
)

// answer is how something ended.
type answer struct {
	end     int64
	failed  bool
	problem string
	status  int
}

const network = 200 * time.Microsecond

func (w *World) begin(of int, k spanKind, name string, parent int, start int64) int {
	version := "1.0"
	if w.nodes[of].changed && w.late() {
		version = "2.0"
	}
	w.trace = append(w.trace, span{node: of, kind: k, name: name, parent: parent, linked: -1, start: start, version: version, to: -1, kept: w.set.Head})
	return len(w.trace) - 1
}

func (w *World) late() bool { return w.minute >= int(w.set.Length/time.Minute)/2 }

// ails returns what is wrong with a node now.
func (w *World) ails(n *node) (failing, own float64, dead bool, more time.Duration) {
	failing = n.background
	for i := range n.faults {
		f := &n.faults[i]
		if w.minute < f.from || w.minute >= f.until {
			continue
		}
		own = max(own, f.own)
		switch f.kind {
		case errors:
			failing = max(failing, f.share)
		case crash:
			dead = dead || w.chance(f.share)
		case slow:
			more = max(more, time.Duration(float64(400*time.Millisecond)*f.share))
		case hang:
			if w.chance(f.share) {
				more = max(more, 8*time.Second)
			}
		}
	}
	return failing, own, dead, more
}

// group is what became of the calls of one step.
type group struct {
	taken, cut bool
	failed     int
	end        int64
	first      int // index of its first span in the trace
	rescued    int
}

// serve plays one request to an operation, whose caller's span is parent.
func (w *World) serve(at, parent int, start int64, bad bool) answer {
	o := &w.ops[at]
	n := &w.nodes[o.node]
	failing, leak, _, more := w.ails(n)
	me := -1
	if !n.silent {
		me = w.begin(o.node, server, o.name, parent, start)
	}
	return w.work(o, me, start, more, bad || w.chance(failing), w.chance(o.leak+leak))
}

// work plays what an operation does in the span me, which is -1 for a service that sends none.
func (w *World) work(o *operation, me int, start int64, more time.Duration, refuses, leaks bool) answer {
	now := start + w.about(o.own)/2 + int64(more)
	failed := refuses || leaks
	poisoned := -1
	if o.poison > 0 && len(o.steps) > 0 && w.chance(o.poison) {
		poisoned = w.r.IntN(len(o.steps))
	}
	groups := make([]group, len(o.steps))
	dead := refuses || leaks && w.chance(0.5)
	saved, latest := false, now
	cutAt := int64(0)
	for i := range o.steps {
		s, g := &o.steps[i], &groups[i]
		if dead && !o.collects && (!o.parallel || refuses) || refuses || saved && i != poisoned {
			saved = false
			continue
		}
		if i != poisoned && !w.chance(s.share) {
			continue
		}
		from := now
		open := s.breaker != nil && from < s.breaker.open
		if open {
			g.failed = s.calls
		} else {
			w.take(o, s, g, me, from, i == poisoned)
		}
		end := g.end
		if open {
			end = from
		}
		total, h, inPart := g.failed == s.calls, s.h, s.inPart
		if s.changes && w.late() {
			h, inPart = 1-h, 0
		}
		if g.failed > 0 && s.fallback != nil {
			f := group{}
			w.take(o, s.fallback, &f, me, end, false)
			end = f.end
			if f.failed > 0 {
				h, inPart = 1, 1
			}
		}
		if s.shields > 0 && g.taken && g.failed == 0 {
			saved = w.chance(s.shields)
		}
		if s.async {
			continue
		}
		latest = max(latest, end)
		if !o.parallel {
			now = end
		}
		if total && g.failed > 0 && w.chance(h) || g.failed > 0 && !total && w.chance(inPart) {
			failed = true
			dead = true
			if cutAt == 0 || end < cutAt {
				cutAt = end
			}
		}
	}
	end := latest + w.about(o.own)/2
	if o.cancels && cutAt > 0 {
		end = cutAt + int64(time.Millisecond)
		for i := range groups {
			w.cutOff(&groups[i], &o.steps[i], me, end)
		}
	}
	failed = failed || poisoned >= 0
	a := answer{end: end, failed: failed, status: 200}
	if failed {
		a.status = 500
		w.anyError = true
	}
	if me >= 0 {
		s := &w.trace[me]
		s.end, s.failed, s.status = a.end, a.failed, a.status
		w.count(o, me, groups, failed)
	}
	return a
}

// take makes the calls of a step.
func (w *World) take(o *operation, s *step, g *group, me int, from int64, bad bool) {
	g.taken, g.first = true, len(w.trace)
	now := from
	for range s.calls {
		var a answer
		if s.fansOut {
			now = from
		}
		for try := range s.tries {
			a = w.call(o, s, me, now, bad)
			now = a.end
			if s.breaker != nil {
				s.breaker.hear(a)
			}
			if !a.failed {
				if try > 0 {
					g.rescued++
				}
				break
			}
			if try+1 < s.tries {
				now += int64(s.backoff)<<try + int64(100*time.Microsecond)
			}
		}
		if a.failed {
			g.failed++
			w.anyError = true
		}
		g.end = max(g.end, now)
	}
}

// hear opens a breaker after five failures in a row.
func (b *breaker) hear(a answer) {
	if !a.failed {
		b.failures = 0
		return
	}
	if b.failures++; b.failures >= 5 {
		b.open = a.end + int64(30*time.Second)
	}
}

// call plays one attempt.
func (w *World) call(o *operation, s *step, me int, start int64, bad bool) answer {
	n := &w.nodes[s.node]
	c := me
	traced := me >= 0 && !w.nodes[o.node].noClients
	if traced {
		k := client
		if n.kind == topic {
			k = producer
		}
		c = w.begin(o.node, k, o.name, me, start)
		w.trace[c].to = s.node
		if s.op >= 0 {
			w.trace[c].name = w.ops[s.op].name
		}
	}
	var a answer
	failing, _, dead, more := w.ails(n)
	switch {
	case n.kind != service:
		a = answer{end: start + w.about(2*time.Millisecond) + int64(more), failed: bad || w.chance(failing), status: 200}
		if a.failed {
			a.status, a.problem = 500, "it failed"
			if n.kind != outsider {
				a.status = 0
			}
		} else if n.kind == topic && traced {
			w.deliver(n, c, a.end)
		}
	case dead && !bad:
		a = answer{end: start + w.about(network), failed: true, problem: "connection refused"}
	default:
		a = w.serve(s.op, c, start+w.about(network), bad)
		a.end += w.about(network)
	}
	if s.timeout > 0 && a.end-start > int64(s.timeout) {
		a = answer{end: start + int64(s.timeout), failed: true, problem: "deadline exceeded"}
	}
	if traced {
		sp := &w.trace[c]
		sp.end, sp.failed, sp.problem, sp.status = a.end, a.failed, a.problem, a.status
	}
	return a
}

// deliver lets the consumers of a topic take a message. Nobody takes what is sent meanwhile, lest messages go round
// in circles.
func (w *World) deliver(n *node, from int, at int64) {
	if w.delivering {
		return
	}
	w.delivering = true
	defer func() { w.delivering = false }()
	for _, op := range n.consumers {
		o := &w.ops[op]
		start := at + w.about(10*time.Millisecond)
		c := w.begin(o.node, consumer, o.name, from, start)
		w.trace[c].to = w.trace[from].to
		failing, leak, _, more := w.ails(&w.nodes[o.node])
		w.work(o, c, start, more, w.chance(failing), w.chance(o.leak+leak))
	}
}

// cutOff ends what a step has not ended by the time its request fails.
func (w *World) cutOff(g *group, s *step, me int, end int64) {
	if !g.taken || s.async || g.end <= end || me < 0 {
		return
	}
	g.cut = true
	for i := g.first; i < len(w.trace); i++ {
		c := &w.trace[i]
		switch {
		case c.parent >= 0 && w.trace[c.parent].gone:
			c.gone = true
		case c.parent != me || c.to != s.node || c.end <= end:
		case c.start >= end:
			c.gone = true
		case c.kind == client:
			c.end, c.failed, c.status, c.problem = end, true, 0, "context canceled"
		}
	}
}

// count notes what a request says about its call sites.
func (w *World) count(o *operation, me int, groups []group, failed bool) {
	failing, alone := 0, -1
	for i := range groups {
		if g := &groups[i]; g.taken && g.failed > 0 && !g.cut {
			failing++
			alone = i
			if o.steps[i].fallback != nil && failed {
				failing++ // the fallback failed, too
			}
		}
	}
	for i := range groups {
		if g, s := &groups[i], &o.steps[i]; g.taken {
			w.counts = append(w.counts, count{
				truth: s.truth, group: *g, me: me, failed: failed, slow: w.isSlow(&w.nodes[s.node]),
				isolated: failing == 1 && alone == i && g.failed == s.calls && !g.cut,
			})
		}
	}
}

// count is what a request says about one of its steps.
type count struct {
	truth                  *Truth
	group                  group
	me                     int // its span
	failed, isolated, slow bool
}

// add notes c, once it is clear that its trace is kept.
func (w *World) add(c *count) {
	t, g := c.truth, &c.group
	if w.trace[c.me].gone {
		return
	}
	t.Requests++
	t.Rescued += g.rescued
	t.Failed += g.failed
	t.InDoubt = t.InDoubt || g.cut
	if g.rescued+g.failed > 0 {
		t.Touched++
		if c.failed {
			t.TouchedFatal++
		}
	}
	if c.slow {
		t.Slow++
	}
	if !c.isolated {
		return
	}
	since := 0
	if w.late() {
		since = 1
	}
	// A request that takes too long fails for its caller, whatever becomes of it.
	parent := w.trace[c.me].parent
	late := !c.failed && parent >= 0 && w.trace[parent].kind == client && w.trace[parent].failed
	switch {
	case c.failed:
		t.Fatal++
		t.SinceFatal += since
	case late:
		t.Late++
	default:
		t.Survived++
		t.SinceSurvived += since
	}
}

func (w *World) isSlow(n *node) bool {
	for i := range n.faults {
		if f := &n.faults[i]; f.kind >= slow && w.minute >= f.from && w.minute < f.until {
			return true
		}
	}
	return false
}
