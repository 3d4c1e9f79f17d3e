package audit

import "time"

// node follows what callers do to a node while it fails them.
type node struct {
	operations []*operation

	now struct {
		tick                int64
		calls, failed       float64 // by those who call it
		requests, ownFailed float64 // by its own account
	}
	perEntry, perEntryN float64 // calls for each request from outside, usually
	entries, entriesN   float64 // requests from outside, usually, a second

	episode storm

	contained int64   // long episodes without a storm
	storms    int64   // episodes in which calls were multiplied
	worst     float64 // by how much
	ended     int64   // storms that ended with what caused them, or soon
	persisted int64   // that went on without their cause
}

// storm is an episode in which calls to a node fail.
type storm struct {
	failing   time.Duration // how long calls have failed for the most part
	multiple  time.Duration // how long there were at least twice as many as usual
	most      float64
	cause     bool          // it failed by its own account, or there were more requests from outside
	causeless time.Duration // since the cause was over
	idle      int64         // buckets since calls failed
	any       bool
}

const (
	stormFactor  = 2.0
	calmFactor   = 1.5
	leastAttempt = 50
	stormLasts   = 30 * time.Second
	failingLasts = time.Minute
	persists     = 5 * time.Minute
)

func (a *Auditor) lookAtStorms(step time.Duration, sites []*site, ops []*operation, entered float64) {
	var seen []*node
	at := func(n *node) *node {
		if n.now.tick != a.tick {
			n.now.tick, n.now.calls, n.now.failed, n.now.requests, n.now.ownFailed = a.tick, 0, 0, 0, 0
			seen = append(seen, n)
		}
		return n
	}
	for _, s := range sites {
		n := at(a.node(s.Callee))
		n.now.calls += float64(s.now.calls)
		n.now.failed += float64(s.now.failed + s.now.throttled)
	}
	for _, o := range ops {
		n := at(a.node(o.node))
		n.now.requests += float64(o.now.calls)
		n.now.ownFailed += float64(o.now.failed)
	}
	if entered == 0 {
		return // nothing to compare with
	}
	for _, n := range seen {
		n.look(step, entered)
	}
}

func (n *node) look(step time.Duration, entered float64) {
	rate := entered / step.Seconds()
	calls := n.now.calls
	if calls == 0 {
		return
	}
	each := calls / entered
	e := &n.episode
	if n.now.failed < failShare*calls || calls < leastFails {
		if e.any {
			if e.idle++; e.idle > gap {
				n.end()
			}
		}
		if n.now.failed < wellShare*calls {
			blend(&n.perEntry, &n.perEntryN, each, 1)
			blend(&n.entries, &n.entriesN, rate, 1)
		}
		return
	}
	if n.perEntryN < fewUsual {
		return
	}
	e.any, e.idle = true, 0
	e.failing += step
	factor := each / n.perEntry
	if calls < leastAttempt {
		return
	}
	e.most = max(e.most, factor)
	if factor < stormFactor {
		return
	}
	e.multiple += step
	ill := n.now.requests >= leastFails && n.now.ownFailed >= failShare*n.now.requests
	if ill || rate >= busyRate*n.entries {
		e.cause, e.causeless = true, 0
	} else if e.cause && n.now.ownFailed < 0.1*n.now.requests {
		e.causeless += step
	}
}

// end decides the episode under way.
func (n *node) end() {
	e := &n.episode
	switch {
	case e.multiple >= stormLasts:
		n.storms++
		n.worst = max(n.worst, e.most)
	case e.failing >= failingLasts && e.most > 0 && e.most < calmFactor:
		n.contained++
	}
	switch {
	case e.causeless >= persists:
		n.persisted++
	case e.failing >= failingLasts:
		n.ended++
	}
	n.episode = storm{}
}

// storm and recovery are checks of a node. One that is under way counts.
func (n *node) storm() Check {
	storms, worst := n.storms, n.worst
	if n.episode.multiple >= stormLasts {
		storms, worst = storms+1, max(worst, n.episode.most)
	}
	c := Check{Practice: Storm, State: Unknown, Evidence: storms + n.contained, Value: worst}
	switch {
	case storms > 0:
		c.State = Risk
	case n.contained > 0:
		c.State = Pass
	}
	return c
}

func (n *node) recovery() Check {
	persisted := n.persisted
	if n.episode.causeless >= persists {
		persisted++
	}
	c := Check{Practice: Recovery, State: Unknown, Evidence: persisted + n.ended}
	switch {
	case persisted > 0:
		c.State = Risk
	case n.ended > 0:
		c.State = Pass
	}
	return c
}
