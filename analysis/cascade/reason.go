package cascade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"faultline/graph"
)

// ReasonKind is a kind of facts that speak for a candidate.
type ReasonKind string

// The kinds.
const (
	OwnFailures ReasonKind = "own_failures" // its requests failed although all their calls succeeded
	Unanswered  ReasonKind = "unanswered"   // requests of its callers failed with calls to it, and it has no failed request to explain that
	Silence     ReasonKind = "silence"      // it answers nothing any more
	FailedCalls ReasonKind = "failed_calls" // calls to it fail that the requests survive
	OwnTime     ReasonKind = "own_time"     // its requests take longer by themselves
	WayTime     ReasonKind = "way_time"     // calls of it or to it take longer on the way
	SlowCalls   ReasonKind = "slow_calls"   // calls to it take longer, of which only its callers tell
	OtherCalls  ReasonKind = "other_calls"  // its requests make other calls than before
	FirstIll    ReasonKind = "first_ill"    // it was ill before all other candidates
	NewVersion  ReasonKind = "new_version"  // a version of it began to serve shortly before
)

// Reason is a fact that speaks for a candidate.
type Reason struct {
	Kind    ReasonKind
	Units   float64 // failed requests or calls, seconds, or requests that differ, as Ranking counts
	Of      float64 // requests or calls among which that is; 0: not told
	Callers int     // operations or nodes that say so; 0: it says so itself
	Version string  // of a NewVersion
}

// because adds a reason to those of a share, or to one of the same kind.
func (s *Share) because(kind ReasonKind, units, of float64, callers int) {
	i := slices.IndexFunc(s.Reasons, func(r Reason) bool { return r.Kind == kind })
	if i < 0 {
		i = len(s.Reasons)
		s.Reasons = append(s.Reasons, Reason{Kind: kind})
	}
	r := &s.Reasons[i]
	r.Units, r.Of, r.Callers = r.Units+units, r.Of+of, r.Callers+callers
}

// Text is the reason as a sentence about a node of a name.
func (r *Reason) Text(name string) string {
	n := func(what string, count float64) string {
		if fmt.Sprintf("%.0f", count) == "1" {
			return "1 " + what
		}
		return fmt.Sprintf("%.0f %ss", count, what)
	}
	of := ""
	if r.Of > 0 {
		of = fmt.Sprintf(" of %.0f", r.Of)
	}
	longer := func() string {
		text := time.Duration(r.Units*float64(time.Second)).Round(time.Millisecond).String() + " in all"
		if r.Of > 0 {
			text = time.Duration(r.Units/r.Of*float64(time.Second)).Round(100*time.Microsecond).String() + " on average"
		}
		return text
	}
	switch r.Kind {
	case OwnFailures:
		return n("request", r.Units) + of + " that " + name + " served failed although all their calls succeeded"
	case Unanswered:
		return n("request", r.Units) + of + " of " + n("calling operation", float64(r.Callers)) + " failed with their calls to " + name +
			", and it has no failed request to explain them"
	case Silence:
		return name + " answered none of " + n("call", r.Of) + ", and did before"
	case FailedCalls:
		return n("call", r.Units) + of + " to " + name + " by " + n("caller", float64(r.Callers)) + " failed, which it does not pass on from others"
	case OwnTime:
		return n("request", r.Of) + " of " + name + " took longer by themselves, " + longer()
	case WayTime:
		return n("call", r.Of) + " of or to " + name + " took longer on the way, " + longer()
	case SlowCalls:
		return n("call", r.Of) + " to " + name + " took longer, " + longer()
	case OtherCalls:
		return n("request", r.Units) + of + " of " + name + " made other calls than before"
	case FirstIll:
		return name + " was ill before all other candidates"
	case NewVersion:
		return "version " + r.Version + " of " + name + " began to serve shortly before"
	}
	return strings.ReplaceAll(string(r.Kind), "_", " ")
}

// silent notes which of those who are blamed answer nothing any more, though they are called and did before.
func (r *Ranking) silent(base, now *Sample, names map[ends]graph.NodeID) {
	called, answered, before := map[graph.NodeID]float64{}, map[graph.NodeID]float64{}, map[graph.NodeID]float64{}
	for k, c := range now.eachCall {
		called[named(names, k.caller.node, k.callee.node)] += c.calls
		answered[k.callee.node] += c.server.n
	}
	for k, c := range base.eachCall {
		before[k.callee.node] += c.server.n
	}
	for i := range r.Shares {
		if s := &r.Shares[i]; before[s.Node] >= leastBad && called[s.Node] >= leastBad && answered[s.Node] == 0 {
			s.because(Silence, 0, called[s.Node], 0)
		}
	}
}

// versions are those that a node served with, by when they were seen first.
type versions []version

type version struct {
	name  string
	first time.Time
}

const mostVersions = 8 // of a node; the oldest are forgotten

func (v *versions) see(name string, at time.Time) {
	for i := range *v {
		if (*v)[i].name == name {
			(*v)[i].first = earlier((*v)[i].first, at)
			return
		}
	}
	*v = append(*v, version{name, at})
	*v = (*v)[max(len(*v)-mostVersions, 0):]
}

// fresh is how long before an onset a version must have begun to serve to be under suspicion.
const fresh = 30 * time.Minute

// newAt is the version that began to serve shortly before a time, while another one did so earlier; empty: none.
func (v versions) newAt(at time.Time) (name string) {
	var latest time.Time
	for _, x := range v {
		older := slices.ContainsFunc(v, func(o version) bool { return o.first.Before(x.first) })
		// A bucket's grace: a failure of the first request is seen in the bucket that the version is.
		if older && at.Sub(x.first) < fresh && !x.first.After(at.Add(graph.Step)) && x.first.After(latest) {
			name, latest = x.name, x.first
		}
	}
	return name
}
