package analysis

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"faultline/analysis/cascade"
	"faultline/analysis/change"
	"faultline/analysis/dependency"
	"faultline/graph"
)

// Past is where windows are read from, to be compared.
type Past interface {
	Graph(ctx context.Context, tenant string, w graph.Window) (graph.Graph, error)
	AllOperations(ctx context.Context, tenant string, w graph.Window) ([]graph.OperationRow, error)
	Operations(ctx context.Context, tenant string, w graph.Window, id graph.NodeID) ([]graph.OperationStats, graph.Window, error)
	Outcomes(ctx context.Context, tenant string, w graph.Window, node graph.NodeID) ([]graph.OutcomeRow, graph.Window, error)
}

// ReadWindow returns what was seen in w, and the nodes of it. Calls that nobody answered are those to the service that r knows to be
// behind the address.
func (r *Report) ReadWindow(ctx context.Context, p Past, tenant string, w graph.Window) (*change.Snapshot, []graph.NodeStats, error) {
	g, err := p.Graph(ctx, tenant, w)
	if err != nil {
		return nil, nil, err
	}
	operations, err := p.AllOperations(ctx, tenant, w)
	if err != nil {
		return nil, nil, err
	}
	outcomes, _, err := p.Outcomes(ctx, tenant, w, 0)
	if err != nil {
		return nil, nil, err
	}
	s := change.NewSnapshot(g.Window)
	s.Resolve(r.Aliases)
	s.AddGraph(&g)
	for i := range operations {
		s.AddOperation(&operations[i])
	}
	for i := range outcomes {
		s.AddOutcome(&outcomes[i])
	}
	return s, g.Nodes, nil
}

// ReadVersion returns what one version of a node did in w: what it served, and how its calls fared.
func (r *Report) ReadVersion(ctx context.Context, p Past, tenant string, w graph.Window, node graph.NodeID, version string) (*change.Snapshot, error) {
	operations, of, err := p.Operations(ctx, tenant, w, node)
	if err != nil {
		return nil, err
	}
	outcomes, _, err := p.Outcomes(ctx, tenant, w, node)
	if err != nil {
		return nil, err
	}
	s := change.NewSnapshot(of)
	s.Resolve(r.Aliases)
	for i := range operations {
		if o := &operations[i]; o.Version == version {
			s.AddOperation(&graph.OperationRow{Node: node, Operation: o.Operation, Version: version, Stats: o.Stats})
		}
	}
	if s.Requests(node) == 0 {
		return nil, fmt.Errorf("version %q of node %s: %w in this window", version, node, graph.ErrNotFound)
	}
	for i := range outcomes {
		if o := &outcomes[i]; o.Caller == node && o.Version == version {
			s.AddVersionOutcome(o)
		}
	}
	return s, nil
}

// ChangeKnowledge is what r says of dependencies, for a comparison of windows, or of versions of one node (0: all).
func (r *Report) ChangeKnowledge(of graph.NodeID) change.Knowledge {
	k := change.Knowledge{}
	for i := range r.Sites {
		j := &r.Sites[i]
		if of != 0 && j.Caller != of {
			continue
		}
		for _, c := range j.Changes {
			k.Verdicts = append(k.Verdicts, change.VerdictChange{
				Caller: j.Caller, Operation: j.Operation, Callee: j.Callee, From: string(c.From), To: string(c.To), At: c.At,
				BeforeVersion: c.VersionBefore, AfterVersion: c.VersionAfter, Trace: j.FatalTrace,
			})
		}
	}
	type pair struct{ caller, callee graph.NodeID }
	hard := map[pair]bool{}
	for i := range r.Edges {
		if e := &r.Edges[i]; e.Verdict == dependency.Hard {
			hard[pair{e.Caller, e.Callee}] = true
		}
	}
	k.Hard = func(caller, callee graph.NodeID) bool { return hard[pair{caller, callee}] }
	told := map[graph.NodeID]bool{}
	for _, e := range r.Structure.Entries {
		if !told[e.Node] {
			told[e.Node] = true
			k.Entries = append(k.Entries, e.Node)
		}
	}
	return k
}

// news says which dependencies came up.
func (r *Report) news() []change.Item {
	seen := make([]change.Seen, len(r.Sites))
	for i := range r.Sites {
		j := &r.Sites[i]
		seen[i] = change.Seen{
			Caller: j.Caller, Callee: j.Callee, First: j.FirstSeen, Requests: j.Evidence.Requests, Sync: j.Facets.OnPath > 0,
			Trace: graph.LeastTrace(j.FatalTrace, j.SurvivedTrace),
		}
	}
	return change.News(r.At, seen, r.Nodes, r.ChangeKnowledge(0))
}

// warnings watch what is usual. Minutes are looked at once they are final, like those that incidents learn from.
type warnings struct {
	watch   *change.Watch
	learned time.Time // the slot for which it was learned what is usual
	from    time.Time // the first minute that was counted from its start
	through time.Time // the end of what was counted
	minutes map[time.Time]change.Minute
}

// usual learns once in a slot what is usual at a time. Without an answer, what was usual before will do.
func (w *warnings) usual(ctx context.Context, e *Engine, at time.Time) {
	slot := at.Truncate(change.SlotLength)
	if w.learned.Equal(slot) {
		return
	}
	w.learned = slot
	slots, err := e.store.Slots(ctx, e.tenant, change.References(at), graph.Window{From: at.Add(-time.Hour), To: at}, e.cfg.Warnings.Series)
	if err != nil {
		e.log.Warn("what is usual at this time could not be read", "err", err)
		return
	}
	w.watch.Learn(at, slots)
}

// count takes in the rows of a window, and looks at the minutes that are complete with it. Of a minute that began
// before what was counted, too little is known.
func (w *warnings) count(of graph.Window, sites []graph.CallSiteRow, operations []graph.OperationRow, explained func(change.Series) bool) {
	if !of.From.Equal(w.through) {
		w.from, w.minutes = of.From.Add(time.Minute-1).Truncate(time.Minute), map[time.Time]change.Minute{}
	}
	w.through = of.To
	minute := func(bucket time.Time) change.Minute {
		at := bucket.UTC().Truncate(time.Minute)
		if w.minutes[at] == nil {
			w.minutes[at] = change.Minute{}
		}
		return w.minutes[at]
	}
	for i := range sites {
		w.watch.AddCall(minute(sites[i].Bucket), &sites[i])
	}
	for i := range operations {
		w.watch.AddOperation(minute(operations[i].Bucket), &operations[i])
	}
	for ; !w.from.Add(time.Minute).After(of.To); w.from = w.from.Add(time.Minute) {
		w.watch.Look(w.from, w.minutes[w.from], explained)
		delete(w.minutes, w.from)
	}
}

// incidentAt reports whether an incident that lasts, or has only just ended, accounts for what happens to a series.
func (e *Engine) incidentAt(s change.Series) bool {
	for _, i := range e.Report().Incidents {
		if i.Open() || e.now().Sub(i.Closed) < 10*time.Minute {
			if incidentHas(&i, s) {
				return true
			}
		}
	}
	return false
}

// incidentHas reports whether an end of a series is a cause or a member of an incident.
func incidentHas(i *cascade.Incident, s change.Series) bool {
	touches := func(id graph.NodeID) bool { return id != 0 && (id == s.Node || id == s.Callee) }
	for _, m := range i.Members {
		if touches(m.Node) || touches(m.Callee) {
			return true
		}
	}
	for _, c := range i.Candidates {
		if touches(c.Node) {
			return true
		}
	}
	return false
}

// releases are the versions of services.
type releases map[graph.NodeID]map[string]sighted

// sighted is when a version was seen first and last.
type sighted struct{ first, last time.Time }

// mostReleases bounds the versions of one node that are remembered; a version made of a build number would fill
// memory.
const mostReleases = 16

func (r releases) add(rows []graph.OutcomeRow) {
	for i := range rows {
		row := &rows[i]
		if row.Callee != 0 || row.Version == "" {
			continue
		}
		if r[row.Caller] == nil {
			r[row.Caller] = map[string]sighted{}
		}
		v, known := r[row.Caller][row.Version]
		if !known || row.Bucket.Before(v.first) {
			v.first = row.Bucket
		}
		if row.Bucket.After(v.last) {
			v.last = row.Bucket
		}
		r[row.Caller][row.Version] = v
	}
	for _, of := range r {
		for len(of) > mostReleases {
			delete(of, longestGone(of))
		}
	}
}

// longestGone is the version that was not seen for the longest time. One that still runs would come back as a new one; of those
// that run, it is the youngest.
func longestGone(of map[string]sighted) (version string) {
	var least sighted
	for name, v := range of {
		if c := cmp.Or(v.last.Compare(least.last), least.first.Compare(v.first), strings.Compare(version, name)); version == "" || c < 0 {
			version, least = name, v
		}
	}
	return version
}

// latest is the last version that came after another, in the day before a time; "" if there is none.
func (r releases) latest(node graph.NodeID, at time.Time) (version string) {
	var last, first time.Time
	for name, v := range r[node] {
		if first.IsZero() || v.first.Before(first) {
			first = v.first
		}
		if v.first.After(last) {
			last, version = v.first, name
		}
	}
	if !last.After(first) || at.Sub(last) > news {
		return ""
	}
	return version
}
