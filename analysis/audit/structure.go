package audit

import (
	"maps"
	"math"
	"slices"

	"faultline/graph"
)

const (
	deepest    = 5    // calls that wait for each other
	depthShare = 0.05 // of requests that must go so deep
	mostLevels = 16
	mostLayers = 9.0 // attempts that one request may become
)

// waits reports whether the caller waits for the calls of a site.
func (s *site) waits() bool {
	return s.sync >= s.async && s.stats.Async*2 <= s.stats.Requests
}

// used is the share of the requests of the operation that make the call.
func (s *site) used(o *operation) float64 {
	switch {
	case s.usual.requests > 0:
		return min(s.usual.rate, 1)
	case o == nil || o.requests == 0:
		return 1
	}
	return min((s.sync+s.async)/o.requests, 1)
}

// system is how call sites hang together. Sites have numbers.
type system struct {
	a     *Auditor
	sites []*site
	from  map[operationKey][]int // sites of an operation that it waits for
	into  map[operationKey][]int // sites that call an operation and wait for it
}

func (a *Auditor) system(sites []*site) *system {
	y := &system{a: a, sites: sites, from: map[operationKey][]int{}, into: map[operationKey][]int{}}
	for i, s := range sites {
		if !s.waits() {
			continue
		}
		k := operationKey{s.Caller, s.Operation}
		y.from[k] = append(y.from[k], i)
		for _, t := range s.to {
			k := operationKey{s.Callee, t.operation}
			y.into[k] = append(y.into[k], i)
		}
	}
	return y
}

// orders compares the time that calls may take, retries and pauses included, with the patience of those who wait
// for the caller.
func (y *system) orders(reports []SiteReport) {
	for i, s := range y.sites {
		r := &reports[i]
		inner, ok := r.Check(Timeout)
		if !ok || !r.Waits {
			continue
		}
		c := Check{Practice: TimeoutOrder, State: Unknown}
		outer := math.Inf(1)
		var evidence int64
		var who []graph.NodeID
		for _, j := range y.into[operationKey{s.Caller, s.Operation}] {
			if t, _ := reports[j].Check(Timeout); t.State == Pass && t.Value < outer {
				outer, evidence, who = t.Value, t.Evidence, []graph.NodeID{y.sites[j].Caller}
			}
		}
		if len(y.into[operationKey{s.Caller, s.Operation}]) == 0 {
			continue // only users wait for it
		}
		if inner.State != Unknown && who != nil {
			tries, _ := r.Check(Retries)
			n := max(tries.Value, 1)
			pause, _ := s.stats.Gaps.Quantile(0.5)
			c.Value, c.Bound = n*inner.Value+(n-1)*ms(pause), outer
			c.Evidence, c.Nodes = min(inner.Evidence, evidence), who
			c.State = Pass
			if c.Value > 1.05*outer {
				c.State = Risk
			}
		}
		r.Checks = slices.Insert(r.Checks, 1, c)
	}
}

// layers multiplies attempts along paths of calls that take their callers down: each layer repeats what the
// ones below it repeat.
func (y *system) layers(reports []SiteReport, hard func(Site) bool) {
	type best struct {
		product float64
		via     int // site before; -1: none
		done    bool
	}
	known := make([]best, len(y.sites))
	tries := func(i int) float64 {
		c, _ := reports[i].Check(Retries)
		return max(c.Value, 1)
	}
	var visit func(i, depth int) float64
	visit = func(i, depth int) float64 {
		b := &known[i]
		if b.done {
			return b.product
		}
		b.product, b.via, b.done = tries(i), -1, true // done: a cycle ends here
		if depth < mostLevels*2 {
			above, via := 1.0, -1
			for _, j := range y.into[operationKey{y.sites[i].Caller, y.sites[i].Operation}] {
				if j == i || !hard(y.sites[j].Site) {
					continue
				}
				if p := visit(j, depth+1); p > above {
					above, via = p, j
				}
			}
			b.product, b.via = tries(i)*above, via
		}
		return b.product
	}
	for i, s := range y.sites {
		r := &reports[i]
		t, ok := r.Check(Retries)
		if !ok || !r.Waits || t.State == Unknown || t.Value <= 1 || !hard(s.Site) {
			continue
		}
		c := Check{Practice: Layers, State: Pass, Value: visit(i, 0), Evidence: t.Evidence}
		for j, left := i, mostLevels; j >= 0 && left > 0; j, left = known[j].via, left-1 {
			c.Nodes = append(c.Nodes, y.sites[j].Callee, y.sites[j].Caller)
		}
		slices.Reverse(c.Nodes)
		c.Nodes = slices.Compact(c.Nodes)
		if c.Value >= mostLayers && len(c.Nodes) > 2 {
			c.State = Risk
		}
		at := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Practice == Breaker })
		r.Checks = slices.Insert(r.Checks, at, c)
	}
}

// step is the share of the calls of a site that goes to one operation.
type step struct {
	operation int
	share     float64
}

// steps are those of each site, from begin of it on, to operations that wait for others, and the sites of these.
func (y *system) steps() (steps []step, begin []int, from [][]int) {
	number := make(map[operationKey]int, len(y.from))
	begin = make([]int, 0, len(y.sites)+1)
	for _, s := range y.sites {
		begin = append(begin, len(steps))
		total := 0.0
		for _, t := range s.to {
			total += t.calls
		}
		for _, t := range s.to {
			k := operationKey{s.Callee, t.operation}
			sites := y.from[k]
			if sites == nil {
				continue
			}
			o, known := number[k]
			if !known {
				o = len(from)
				number[k] = o
				from = append(from, sites)
			}
			steps = append(steps, step{o, t.calls / total})
		}
	}
	return steps, append(begin, len(steps)), from
}

// depths finds, for each service, the longest chain of calls that wait for each other below one of its
// operations and that at least one in twenty requests goes down.
func (y *system) depths(checks map[graph.NodeID]*Check) {
	share := make([][mostLevels + 1]float64, len(y.sites)) // of requests of the site's operation that begin a chain of that length with it
	next := make([][mostLevels + 1]int32, len(y.sites))
	for i, s := range y.sites {
		share[i][1] = s.used(y.a.operations[operationKey{s.Caller, s.Operation}])
		next[i][1] = -1
	}
	steps, begin, from := y.steps()
	best := make([]int32, len(from)) // the site of each operation that begins the chain of most requests; -1: none does
	for level := 2; level <= mostLevels; level++ {
		for o, sites := range from {
			best[o] = -1
			for _, j := range sites { // in order: of two alike the first
				if p := share[j][level-1]; p > 0 && (best[o] < 0 || p > share[best[o]][level-1]) {
					best[o] = int32(j)
				}
			}
		}
		deeper := false
		for i := range y.sites {
			next[i][level] = -1
			if share[i][level-1] < depthShare || share[i][1] < depthShare {
				continue
			}
			for _, step := range steps[begin[i]:begin[i+1]] {
				j := best[step.operation]
				if j < 0 {
					continue
				}
				p := share[i][1] * step.share * share[j][level-1]
				if p > share[i][level] || p == share[i][level] && p > 0 && j < next[i][level] {
					share[i][level], next[i][level] = p, j
					deeper = deeper || p >= depthShare
				}
			}
		}
		if !deeper {
			break
		}
	}
	for i, s := range y.sites {
		c := checks[s.Caller]
		if c == nil || !s.waits() {
			continue
		}
		c.Evidence += s.stats.Requests
		for level := mostLevels; level > 0; level-- {
			if share[i][level] < depthShare {
				continue
			}
			if float64(level) > c.Value {
				c.Value, c.Nodes = float64(level), []graph.NodeID{s.Caller}
				for j, l := i, level; l > 0 && j >= 0; j, l = int(next[j][l]), l-1 {
					c.Nodes = append(c.Nodes, y.sites[j].Callee)
				}
			}
			break
		}
	}
	for _, c := range checks {
		switch {
		case c.Evidence < leastGaps:
			c.State = Unknown
		case c.Value > deepest:
			c.State = Risk
		default:
			c.State = Pass
		}
	}
}

// cycles finds the services that call themselves by way of others and wait for it, with the way.
func (y *system) cycles(checks map[graph.NodeID]*Check) {
	next := map[graph.NodeID][]graph.NodeID{}
	for _, s := range y.sites {
		if s.waits() && s.Caller != s.Callee {
			next[s.Caller] = append(next[s.Caller], s.Callee)
			if c := checks[s.Caller]; c != nil {
				c.Evidence += s.stats.Requests
			}
		}
	}
	for n := range next {
		next[n] = sorted(next[n])
	}
	group := components(next)
	size := map[int]int{}
	for _, g := range group {
		size[g]++
	}
	for id, c := range checks {
		switch g, called := group[id]; {
		case called && size[g] > 1:
			c.State, c.Value = Risk, float64(size[g])
			if size[g] <= mostShown {
				c.Nodes = circle(id, next, group)
			}
		case c.Evidence >= leastGaps:
			c.State = Pass
		}
	}
}

// components numbers the strongly connected components of a graph, by Tarjan's algorithm without recursion.
func components(next map[graph.NodeID][]graph.NodeID) map[graph.NodeID]int {
	type frame struct {
		n graph.NodeID
		i int
	}
	index, low, group := map[graph.NodeID]int{}, map[graph.NodeID]int{}, map[graph.NodeID]int{}
	var stack []graph.NodeID
	count := 0
	for _, root := range slices.Sorted(maps.Keys(next)) {
		if index[root] != 0 {
			continue
		}
		frames := []frame{{root, 0}}
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if f.i == 0 {
				index[f.n] = len(index) + 1
				low[f.n] = index[f.n]
				stack = append(stack, f.n)
			}
			if f.i < len(next[f.n]) {
				m := next[f.n][f.i]
				f.i++
				if index[m] == 0 {
					frames = append(frames, frame{m, 0})
				} else if _, done := group[m]; !done {
					low[f.n] = min(low[f.n], index[m])
				}
				continue
			}
			n := f.n
			if low[n] == index[n] {
				for {
					m := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					group[m] = count
					if m == n {
						break
					}
				}
				count++
			}
			if frames = frames[:len(frames)-1]; len(frames) > 0 {
				above := frames[len(frames)-1].n
				low[above] = min(low[above], low[n])
			}
		}
	}
	return group
}

// mostShown is the size of a group of services that call each other in which a way round is told: of more it says
// little.
const mostShown = 64

// circle is a shortest way from a node back to itself within its component.
func circle(from graph.NodeID, next map[graph.NodeID][]graph.NodeID, group map[graph.NodeID]int) []graph.NodeID {
	came := map[graph.NodeID]graph.NodeID{}
	for queue := []graph.NodeID{from}; len(queue) > 0; queue = queue[1:] {
		for _, m := range next[queue[0]] {
			if m == from {
				way := []graph.NodeID{from}
				for n := queue[0]; n != from; n = came[n] {
					way = append(way, n)
				}
				way = append(way, from)
				slices.Reverse(way)
				return way
			}
			if _, seen := came[m]; !seen && group[m] == group[from] {
				came[m] = queue[0]
				queue = append(queue, m)
			}
		}
	}
	return nil
}

// instrumentation names what services call that sends no spans of its own although it may be a service.
func (y *system) instrumentation(checks map[graph.NodeID]*Check, know *Knowledge) {
	for _, s := range y.sites {
		c := checks[s.Caller]
		if c == nil {
			continue
		}
		c.Evidence += s.stats.Requests
		if _, answers := know.Aliases[graph.Alias{Caller: s.Caller, Callee: s.Callee}]; !answers && know.typeOf(s.Callee) == graph.TypeExternal {
			c.Nodes = append(c.Nodes, s.Callee)
		}
	}
	for _, c := range checks {
		c.Nodes = sorted(c.Nodes)
		c.Value = float64(len(c.Nodes))
		switch {
		case c.Evidence < leastGaps:
		case c.Value > 0:
			c.State = Risk
		default:
			c.State = Pass
		}
	}
}
