package cascade

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"faultline/graph"
)

// carried takes the members of a group apart: those of which an incident was ill just now, and those that are ill anew.
func (t *Tracker) carried(at time.Time, group []Member) (of map[*Incident][]Member, fresh []Member) {
	of = map[*Incident][]Member{}
	for _, m := range group {
		i, last := t.incidentOf(&m)
		switch {
		case i == nil:
		case m.Suspected && !i.Suspected && at.Sub(i.LastIll) >= underWay:
			continue // what chance could explain does not make it go on
		case at.Sub(last) < underWay:
			of[i] = append(of[i], m)
			continue
		default:
			t.series.after(&m, last)
		}
		fresh = append(fresh, m)
	}
	return of, fresh
}

// place is the incident that members belong to which are ill anew, or what is suspected as long as that is not known.
func (t *Tracker) place(at time.Time, carried map[*Incident][]Member, fresh []Member, suspicious float64) (*Incident, suspect) {
	near, p := t.near(at, carried, fresh), t.suspected(fresh)
	if i := spreading(near, fresh); i != nil {
		return i, p
	}
	switch {
	case p.looks < t.cfg.Confirm:
		return nil, p
	case unclear(fresh) && len(near) > 0:
		return near[0], p
	case p.chance > suspicious:
		return nil, p
	}
	i := t.relapsed(at, near, fresh)
	if i == nil {
		i = &Incident{ID: identity(p.onset, p.nodes), Started: p.onset, Opened: at, Suspected: true, nodes: map[graph.NodeID]bool{}}
		t.open = append(t.open, i)
	}
	return i, p
}

// incidentOf is the open incident that a member was ill with last, and when; nil: none.
func (t *Tracker) incidentOf(m *Member) (of *Incident, last time.Time) {
	for _, i := range t.open {
		if o := i.member(m); o != nil && !o.LastIll.Before(last) {
			of, last = i, o.LastIll
		}
	}
	return of, last
}

// underWay is how long after its last sign an incident still spreads: other things that fall ill later are
// another incident, unless it is the same cause again.
const underWay = 45 * time.Second

// spreads is for how long an incident spreads, whatever is to blame for what it spreads to: what is to blame is
// clear only when there is something to compare.
const spreads = time.Minute

// near are incidents that are under way where members fell ill, the latest first.
func (t *Tracker) near(at time.Time, carried map[*Incident][]Member, fresh []Member) (near []*Incident) {
	nodes := nodesOf(fresh)
	for _, i := range slices.Backward(t.open) {
		if len(carried[i]) > 0 || at.Sub(i.LastIll) < underWay && overlap(i.nodes, nodes) {
			near = append(near, i)
		}
	}
	return near
}

// spreading is the first of some incidents that has only begun when members fell ill.
func spreading(near []*Incident, fresh []Member) *Incident {
	first := firstOf(fresh)
	for _, i := range near {
		if first.Before(i.Started.Add(spreads)) {
			return i
		}
	}
	return nil
}

// unclear reports whether chance could explain all members.
func unclear(members []Member) bool {
	return !slices.ContainsFunc(members, func(m Member) bool { return !m.Suspected })
}

// suspected is what is ill anew together with what was in the looks before.
func (t *Tracker) suspected(fresh []Member) suspect {
	s := suspect{nodesOf(fresh), 1, firstOf(fresh), clearestOf(fresh).Chance}
	for _, p := range t.pending {
		if overlap(p.nodes, s.nodes) {
			s.looks = max(s.looks, p.looks+1)
			s.onset = earlier(s.onset, p.onset)
			s.chance = min(s.chance, p.chance)
		}
	}
	return s
}

// relapsed is the open incident whose cause is to blame for members that fell ill since: it came back, or went on to
// do more. It is also one under way that what is to blame is ill with.
func (t *Tracker) relapsed(at time.Time, near []*Incident, fresh []Member) *Incident {
	r, _ := t.blame(at, nodesOf(fresh), clearestOf(fresh).from)
	if len(r.Shares) == 0 {
		return nil
	}
	cause := r.Shares[0].Node
	for _, i := range slices.Backward(t.open) {
		if i.blames(cause) {
			return i
		}
	}
	for _, i := range near {
		if i.nodes[cause] {
			return i
		}
	}
	return nil
}

func membersOf(members []Member, nodes map[graph.NodeID]bool) (of []Member) {
	for _, m := range members {
		if nodes[m.Node] {
			of = append(of, m)
		}
	}
	return of
}

// nodesOf are those that are ill, and those that ill calls are to.
func nodesOf(members []Member) map[graph.NodeID]bool {
	nodes := map[graph.NodeID]bool{}
	for _, m := range members {
		nodes[m.Node] = true
		if m.Callee != 0 {
			nodes[m.Callee] = true
		}
	}
	return nodes
}

// firstOf is the first onset that is known to ten seconds, if there is one: older stretches are long.
func firstOf(members []Member) (first time.Time) {
	known := false
	for _, m := range members {
		if exact := m.from >= recent; first.IsZero() || exact && !known || exact == known && m.Onset.Before(first) {
			first, known = m.Onset, known || exact
		}
	}
	return first
}

func clearestOf(members []Member) Member {
	return slices.MinFunc(members, func(a, b Member) int { return cmp.Compare(a.Chance, b.Chance) })
}

func identity(onset time.Time, nodes map[graph.NodeID]bool) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %v", onset.Unix(), slices.Sorted(maps.Keys(nodes))))
	return hex.EncodeToString(sum[:6])
}
