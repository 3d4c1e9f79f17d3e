package cascade

import (
	"slices"

	"faultline/graph"
)

// Restore makes the tracker go on with incidents that an earlier one knew, the latest first: what still lasts, or is the same again, is
// of them, and what was ill at their time is not taken to be usual. It is called before the first rows come.
func (t *Tracker) Restore(incidents []Incident) {
	for n := range incidents {
		i := incidents[n]
		i.Members, i.Entries = slices.Clone(i.Members), slices.Clone(i.Entries)
		i.nodes = nodesOf(i.Members)
		i.bouts = []graph.Window{{From: i.Started, To: i.LastIll}}
		if i.Open() {
			t.open = append(t.open, &i)
		} else {
			t.closed = append(t.closed, &i)
		}
	}
	slices.SortStableFunc(t.open, func(a, b *Incident) int { return a.Opened.Compare(b.Opened) })
}
