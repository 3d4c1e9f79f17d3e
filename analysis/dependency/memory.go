package dependency

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"faultline/graph"
)

// Memory is what a Judge knows of final minutes about one call site or, without a callee, one operation. It
// can be stored and given to Restore, so that a restart forgets nothing.
type Memory struct {
	Site
	Through time.Time // latest final minute; the same for all
	Data    []byte    // JSON; only Restore reads it
}

// memoryFormat changes with the meaning of what is in Data.
const memoryFormat = 2

type operationMemory struct {
	Format   int                 `json:"format"`
	Day      int32               `json:"day"`
	Last     int32               `json:"last"`
	Old      [opCounters]float64 `json:"old"`
	Versions []versionMemory     `json:"versions,omitempty"` // of the caller
}

type versionMemory struct {
	Version string `json:"version"`
	First   int32  `json:"first"`
	Last    int32  `json:"last"`
}

type siteMemory struct {
	Format   int                   `json:"format"`
	Day      int32                 `json:"day"`
	First    int32                 `json:"first"`
	Last     int32                 `json:"last"`
	Old      [siteCounters]float64 `json:"old"`
	Failures *stateMemory          `json:"failures,omitempty"`
}

type stateMemory struct {
	All        recordMemory  `json:"all"`
	Day        int32         `json:"day"`
	Epoch      int32         `json:"epoch,omitempty"`
	Verdict    Verdict       `json:"verdict,omitempty"`
	Left       Verdict       `json:"left,omitempty"`
	Since      int32         `json:"since,omitempty"`
	Up         watchMemory   `json:"up,omitzero"`
	Down       watchMemory   `json:"down,omitzero"`
	Agreed     string        `json:"agreed,omitempty"`
	Changed    int32         `json:"changed,omitempty"`
	Changes    []Change      `json:"changes,omitempty"`
	LastFailed int32         `json:"last_failed,omitempty"`
	Fatal      graph.TraceID `json:"fatal,omitzero"`
	Survived   graph.TraceID `json:"survived,omitzero"`
}

type watchMemory struct {
	Sum float64      `json:"sum"`
	Run recordMemory `json:"run"`
}

type recordMemory struct {
	Tally  [11]float64 `json:"tally"`
	Counts [8]int64    `json:"counts"`
	Since  int32       `json:"since"`
}

func (r *record) memory() recordMemory {
	t, c := &r.tally, &r.counts
	return recordMemory{
		[...]float64{t.n, t.a, t.b, t.u, t.v, t.c, t.w, t.p, t.ps, t.pu, t.pv},
		[...]int64{c.totalFatal, c.totalSurvived, c.partialFatal, c.partialSurvived, c.contestedFatal, c.contestedSurvived, c.contestedPassed, c.fatalPassed},
		r.since,
	}
}

func (m *recordMemory) record() record {
	t, c := &m.Tally, &m.Counts
	return record{
		tally{t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10]},
		counts{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]}, m.Since,
	}
}

func (s *state) memory() *stateMemory {
	return &stateMemory{
		All: s.record.memory(), Day: s.day, Epoch: s.epoch,
		Verdict: s.verdict, Left: s.left, Since: s.since,
		Up: watchMemory{s.up.sum, s.up.run.memory()}, Down: watchMemory{s.down.sum, s.down.run.memory()},
		Agreed: s.agreed, Changed: s.changed, Changes: s.changes, LastFailed: s.lastFailed, Fatal: s.fatal, Survived: s.survived,
	}
}

func (m *stateMemory) state() state {
	return state{
		record: m.All.record(), day: m.Day, epoch: m.Epoch,
		verdict: m.Verdict, left: m.Left, since: m.Since,
		up: watch{m.Up.Sum, m.Up.Run.record()}, down: watch{m.Down.Sum, m.Down.Run.record()},
		agreed: m.Agreed, changed: m.Changed, changes: m.Changes, lastFailed: m.LastFailed, fatal: m.Fatal, survived: m.Survived,
	}
}

// Memories yields what final minutes said: the operations, then the call sites. Minutes that are still
// replaceable are not in it, and are to be added again after Restore.
func (j *Judge) Memories() iter.Seq[Memory] {
	return func(yield func(Memory) bool) {
		through := timeOf(j.final)
		encode := func(of Site, what any) bool {
			data, err := json.Marshal(what)
			if err != nil {
				panic(fmt.Sprintf("memory of %v: %v", of, err)) // numbers and strings always encode
			}
			return yield(Memory{of, through, data})
		}
		ops := make([]uint32, 0, len(j.ops))
		for _, number := range j.ops {
			ops = append(ops, number)
		}
		slices.Sort(ops)
		for _, number := range ops {
			o := j.opTab.at(number)
			c := j.callerTab.at(o.caller)
			m := operationMemory{Format: memoryFormat, Day: o.day, Last: min(o.last, j.final), Old: o.old}
			for _, e := range c.epochs {
				m.Versions = append(m.Versions, versionMemory{e.version, e.first, e.last})
			}
			if !encode(Site{Caller: c.id, Operation: o.name}, m) {
				return
			}
		}
		j.sort()
		for _, number := range j.order {
			s := j.siteTab.at(number)
			if s.day == 0 {
				continue // seen in replaceable minutes only
			}
			o := j.opTab.at(s.op)
			m := siteMemory{Format: memoryFormat, Day: s.day, First: s.first, Last: min(s.last, j.final), Old: s.old}
			if s.failures != nil && s.failures.base.day != 0 {
				m.Failures = s.failures.base.memory()
			}
			if !encode(Site{j.callerTab.at(o.caller).id, o.name, s.callee}, m) {
				return
			}
		}
	}
}

// Restore gives a new Judge the memories of another one. After an error the Judge is of no use.
func (j *Judge) Restore(memories iter.Seq[Memory]) error {
	if j.final != 0 || len(j.minutes) > 0 {
		return errors.New("restore: the judge has minutes already")
	}
	for m := range memories {
		if err := j.restore(&m); err != nil {
			return fmt.Errorf("restore %s %q %s: %w", m.Caller, m.Operation, m.Callee, err)
		}
	}
	j.swept = dayOf(j.final)
	return nil
}

func (j *Judge) restore(m *Memory) error {
	if j.final != 0 && j.final != minuteOf(m.Through) {
		return errors.New("memories of different times")
	}
	j.final = minuteOf(m.Through)
	decode := func(what any, format *int) error {
		if err := json.Unmarshal(m.Data, what); err != nil {
			return err
		}
		if *format != memoryFormat {
			return fmt.Errorf("format %d instead of %d", *format, memoryFormat)
		}
		return nil
	}
	op, ok := j.opOf(opKey{m.Caller, m.Operation}, 0, 0)
	if !ok {
		j.dropped++
		return nil
	}
	o := j.opTab.at(op)
	if m.Callee == 0 {
		var from operationMemory
		if err := decode(&from, &from.Format); err != nil {
			return err
		}
		o.day, o.old, o.last = from.Day, from.Old, max(o.last, from.Last)
		c := j.callerTab.at(o.caller)
		c.epochs = nil
		for _, v := range from.Versions {
			c.epochs = append(c.epochs, epoch{v.Version, v.First, v.Last})
		}
		return nil
	}
	var from siteMemory
	if err := decode(&from, &from.Format); err != nil {
		return err
	}
	o.last = max(o.last, from.Last)
	number, ok := j.siteOf(siteKey{op, m.Callee}, 0, from.Last)
	if !ok {
		j.dropped++
		return nil
	}
	s := j.siteTab.at(number)
	s.first, s.day, s.old = from.First, from.Day, from.Old
	if from.Failures != nil {
		s.failures = &failures{base: from.Failures.state()}
	}
	return nil
}
