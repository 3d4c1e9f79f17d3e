package cascade

import (
	"slices"
	"time"

	"faultline/graph"
)

// faredMinute is how requests fared in a minute.
type faredMinute struct {
	begin  time.Time
	groups []fared
}

// fared is how the requests of a group fared in it.
type fared struct {
	group
	groupCounts
	fatalTrace, survivedTrace graph.TraceID
}

// fare takes in how requests fared in some minutes, in place of what is known of these.
func (s *series) fare(rows []graph.OutcomeRow) {
	var at *faredMinute
	for i := range rows {
		r := &rows[i]
		if at == nil || !at.begin.Equal(r.Bucket) {
			at = s.minute(r.Bucket)
			at.groups = at.groups[:0]
		}
		f := fared{group: groupOf(r), fatalTrace: r.FatalTrace, survivedTrace: r.SurvivedTrace}
		f.addCounts(r)
		at.groups = append(at.groups, f)
	}
}

// minute is the place of a minute in fared.
func (s *series) minute(begin time.Time) *faredMinute {
	i, known := slices.BinarySearchFunc(s.fared, begin, func(m faredMinute, begin time.Time) int { return m.begin.Compare(begin) })
	if !known {
		s.fared = slices.Insert(s.fared, i, faredMinute{begin: begin})
	}
	return &s.fared[i]
}
