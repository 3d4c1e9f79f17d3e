package dependency

import (
	"math"
	"slices"
	"strings"
	"time"
)

const versionsKept = 8 // of a caller

// fold makes the earliest minute final.
func (j *Judge) fold(m *minute) {
	j.rows -= m.rows
	j.final = m.at
	day := dayOf(m.at)
	for i := 0; i < len(m.versions); {
		c := j.callerTab.at(m.versions[i].caller)
		versions := m.versionsOf(m.versions[i].caller)
		c.epochs = withVersions(c.epochs, m.at, versions)
		i += len(versions)
	}
	for _, o := range m.ops {
		known := j.opTab.at(o.op)
		known.age(day, j.fade)
		for i, n := range o.n {
			known.old[i] += float64(n)
			known.recent[i] -= int64(n)
		}
	}
	eachSite(m.sites, func(number uint32, v *siteValues) {
		s := j.siteTab.at(number)
		if by := j.fadeTo(day, &s.day); by != 1 {
			for i := range s.old {
				s.old[i] *= by
			}
		}
		for i, n := range v {
			s.old[i] += float64(n)
			s.recent[i] -= n
		}
	})
	for _, number := range m.failures {
		s := j.siteTab.at(number)
		op := j.opTab.at(s.op)
		set := j.setting(s, op)
		set.epochs = j.callerTab.at(op.caller).epochs
		set.leak = op.leak(op.old, op.day, day, j.fade)
		f := s.failures
		f.base.step(&f.recent[0], &set)
		if f.recent = slices.Delete(f.recent, 0, 1); len(f.recent) == 0 {
			f.recent = nil
		}
	}
	if j.swept < day {
		j.swept = day
		j.sweep(m.at)
	}
}

// withVersions returns the epochs after a minute with the given versions. It may change epochs.
func withVersions(epochs []epoch, at int32, versions []callerVersion) []epoch {
	for _, v := range versions {
		i := slices.IndexFunc(epochs, func(e epoch) bool { return e.version == v.version })
		if i >= 0 {
			epochs[i].last = at
			continue
		}
		if len(epochs) == versionsKept {
			oldest := 0
			for i, e := range epochs {
				if e.last < epochs[oldest].last {
					oldest = i
				}
			}
			epochs = slices.Delete(epochs, oldest, oldest+1)
		}
		epochs = append(epochs, epoch{strings.Clone(v.version), at, at})
	}
	return epochs
}

// sweep forgets what had no traffic for long. What is replaceable is never that old.
func (j *Judge) sweep(at int32) {
	limit := int64(at) - int64(j.cfg.Forget/time.Minute)
	for key, number := range j.sites {
		if s := j.siteTab.at(number); int64(s.last) < limit && !j.replaceable(s.last) {
			delete(j.sites, key)
			*s = site{}
			j.siteFree = append(j.siteFree, number)
		}
	}
	gone := func(number uint32) bool { return j.siteTab.at(number).callee == 0 }
	j.order = slices.DeleteFunc(j.order, gone)
	j.fresh = slices.DeleteFunc(j.fresh, gone)
	j.updated = slices.DeleteFunc(j.updated, gone)

	used := make([]bool, j.callerTab.n)
	for key, number := range j.ops {
		o := j.opTab.at(number)
		if int64(o.last) < limit && !j.replaceable(o.last) {
			delete(j.ops, key)
			*o = operation{}
			j.opFree = append(j.opFree, number)
			continue
		}
		used[o.caller] = true
	}
	for id, number := range j.callers {
		if !used[number] {
			delete(j.callers, id)
			*j.callerTab.at(number) = caller{}
			j.callerFree = append(j.callerFree, number)
		}
	}
}

func (j *Judge) replaceable(at int32) bool { return at > j.final }

// fade is the weight of evidence that is so many days old.
func (j *Judge) fade(days int32) float64 {
	return math.Exp2(-float64(days) * float64(24*time.Hour) / float64(j.cfg.HalfLife))
}

// fadeTo moves the day to which something has faded and returns by what.
func (j *Judge) fadeTo(day int32, from *int32) float64 {
	was := *from
	*from = max(day, was)
	if was == 0 || day <= was {
		return 1
	}
	return j.fade(day - was)
}

func (o *operation) age(day int32, fade func(int32) float64) {
	if o.day != 0 && day > o.day {
		by := fade(day - o.day)
		for i := range o.old {
			o.old[i] *= by
		}
	}
	o.day = max(o.day, day)
}

// leak is the share of clean requests that failed, by counts as of day from, on day to.
func (o *operation) leak(n [opCounters]float64, from, to int32, fade func(int32) float64) float64 {
	by := 1.0
	if from != 0 && to > from {
		by = fade(to - from)
	}
	return (n[opCleanFailed]*by + 0.5) / (n[opClean]*by + 1)
}
