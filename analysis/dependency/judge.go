package dependency

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"faultline/graph"
)

// ErrFinal reports that a minute came too late: its evidence can no longer be replaced. Who feeds a Judge
// drops the minute and counts it.
var ErrFinal = errors.New("minute is final")

const versionsKept = 8 // of a caller

// Judge folds evidence minute by minute and judges call sites by it. It is for the rows of one tenant. It is
// not safe for concurrent use.
//
// The latest minutes are kept as they came, so that they can be replaced; older ones are folded into what
// is known of each call site. That makes no difference to a judgement, except that around midnight what is
// simply summed up fades half an hour late.
type Judge struct {
	cfg  Config
	know Knowledge

	callers   map[graph.NodeID]uint32
	callerTab table[caller]
	ops       map[opKey]uint32
	opTab     table[operation]
	sites     map[siteKey]uint32
	siteTab   table[site]

	callerFree, opFree, siteFree []uint32 // numbers to use again

	minutes []*minute // replaceable, by time
	rows    int       // of minutes
	final   int32     // latest minute that is final; 0: none
	swept   int32     // day on which idle call sites were last forgotten
	dropped int64

	order   []uint32 // call sites in the order of judgements
	fresh   []uint32 // call sites that order does not have yet
	updated []uint32 // call sites marked as updated

	opRows, siteRows []numbered // scratch
	encoded          []byte     // scratch
}

type caller struct {
	id     graph.NodeID
	epochs []epoch // by first minute; what final minutes said
}

type opKey struct {
	caller graph.NodeID
	name   string
}

type operation struct {
	name   string
	caller uint32
	next   uint32 // the operation that came after it in the last rows
	day    int32  // to which old has faded
	last   int32  // minute of the last row
	old    [opCounters]float64
	recent [opCounters]int64 // of the replaceable minutes
}

type siteKey struct {
	op     uint32
	callee graph.NodeID
}

type site struct {
	callee      graph.NodeID
	op          uint32
	next        uint32 // the call site that came after it in the last rows
	day         int32  // to which old has faded
	first, last int32  // minutes of the first and the last row
	updated     bool
	old         [siteCounters]float64
	recent      siteValues // of the replaceable minutes
	failures    *failures  // nil: none yet
}

// failures is what is known about the failures at a call site.
type failures struct {
	recent []failMinute // of the replaceable minutes, by time
	base   state        // after the final ones
	now    state        // after all, if known
	known  bool
}

// New returns a Judge that knows nothing yet.
func New(cfg Config, know Knowledge) *Judge {
	return &Judge{
		cfg: cfg, know: know,
		callers: map[graph.NodeID]uint32{}, ops: map[opKey]uint32{}, sites: map[siteKey]uint32{},
	}
}

// Final is the latest minute that can no longer be replaced; zero if there is none.
func (j *Judge) Final() time.Time { return timeOf(j.final) }

// Sites is the number of call sites known.
func (j *Judge) Sites() int { return len(j.sites) }

// Dropped is the number of rows dropped because they were of call sites or operations over the limit.
func (j *Judge) Dropped() int64 { return j.dropped }

// Add takes in the rows of the minute that starts at bucket. They replace all rows that came for it before.
// It keeps nothing of rows but strings.
func (j *Judge) Add(bucket time.Time, rows []graph.OutcomeRow) error {
	if !bucket.Equal(bucket.Truncate(graph.OutcomeStep)) || bucket.Unix() < 60 {
		return fmt.Errorf("bucket %s is not a multiple of %s", bucket.Format(time.RFC3339Nano), graph.OutcomeStep)
	}
	at := minuteOf(bucket)
	if at <= j.final {
		return fmt.Errorf("%s: %w", bucket.Format(time.RFC3339), ErrFinal)
	}
	for i := range rows {
		if !rows[i].Bucket.Equal(bucket) {
			return fmt.Errorf("row of bucket %s among those of %s", rows[i].Bucket.Format(time.RFC3339), bucket.Format(time.RFC3339))
		}
	}
	i, found := slices.BinarySearchFunc(j.minutes, at, func(m *minute, at int32) int { return cmp.Compare(m.at, at) })
	if found {
		j.takeBack(j.minutes[i])
		j.minutes = slices.Delete(j.minutes, i, i+1)
	}
	if len(rows) > 0 {
		m := j.take(at, rows)
		j.minutes = slices.Insert(j.minutes, i, m)
		j.rows += m.rows
	}
	for _, m := range j.minutes[i:] {
		for _, s := range m.failures {
			j.siteTab.at(s).failures.known = false
			j.mark(s)
		}
	}
	for len(j.minutes) > j.cfg.Replaceable || len(j.minutes) > 1 && j.rows > j.cfg.Rows {
		j.fold(j.minutes[0])
		j.minutes = slices.Delete(j.minutes, 0, 1)
	}
	return nil
}

// take adds rows to what is known of their operations and call sites and returns them as a minute.
func (j *Judge) take(at int32, rows []graph.OutcomeRow) *minute {
	m := &minute{at: at}
	opRows, siteRows := j.opRows[:0], j.siteRows[:0]
	var last opKey
	var op, before uint32 // the latest operation and call site
	var known bool
	for i := range rows {
		r := &rows[i]
		if key := (opKey{r.Caller, r.Operation}); i == 0 || key != last {
			last = key
			op, known = j.opOf(key, op, at)
		}
		if !known {
			j.dropped++
			continue
		}
		if r.Version != "" {
			m.versions = append(m.versions, callerVersion{j.opTab.at(op).caller, r.Version})
			if n := len(m.versions); n > 1 && m.versions[n-1] == m.versions[n-2] {
				m.versions = m.versions[:n-1]
			}
		}
		if r.Callee == 0 {
			opRows = append(opRows, numbered{op, r})
			continue
		}
		s, ok := j.siteOf(siteKey{op, r.Callee}, before, at)
		if !ok {
			j.dropped++
			continue
		}
		siteRows = append(siteRows, numbered{s, r})
		before = s
	}
	m.rows = len(opRows) + len(siteRows)
	slices.SortFunc(m.versions, func(a, b callerVersion) int {
		return cmp.Or(cmp.Compare(a.caller, b.caller), strings.Compare(a.version, b.version))
	})
	m.versions = slices.Clone(slices.Compact(m.versions))

	slices.SortFunc(opRows, byNumber)
	m.ops = make([]opMinute, 0, len(opRows))
	eachGroup(opRows, func(op uint32, rows []numbered) {
		o := opMinuteOf(op, rows)
		m.ops = append(m.ops, o)
		known := j.opTab.at(op)
		for i, n := range o.n {
			known.recent[i] += int64(n)
		}
	})

	slices.SortFunc(siteRows, byNumber)
	sites := j.encoded[:0]
	before = 0
	var v siteValues
	eachGroup(siteRows, func(number uint32, rows []numbered) {
		s := j.siteTab.at(number)
		v = siteValues{}
		for _, r := range rows {
			v.add(&r.row.OutcomeStats)
		}
		for i := range v {
			v[i] = max(v[i], 0)
			s.recent[i] += v[i]
		}
		sites = appendSite(sites, number-before, &v)
		before = number

		f := failMinuteOf(at, rows)
		if !f.any() {
			return
		}
		if o, ok := m.of(s.op); ok {
			f.clean, f.cleanBad = int64(o.n[opClean]), int64(o.n[opCleanFailed])
		}
		if s.failures == nil {
			s.failures = &failures{}
		}
		i, _ := slices.BinarySearchFunc(s.failures.recent, at, func(f failMinute, at int32) int { return cmp.Compare(f.at, at) })
		s.failures.recent = slices.Insert(s.failures.recent, i, f)
		m.failures = append(m.failures, number)
	})
	m.sites = bytes.Clone(sites)
	clear(opRows)
	clear(siteRows)
	j.opRows, j.siteRows, j.encoded = opRows, siteRows, sites
	return m
}

// takeBack undoes take.
func (j *Judge) takeBack(m *minute) {
	j.rows -= m.rows
	for _, o := range m.ops {
		known := j.opTab.at(o.op)
		for i, n := range o.n {
			known.recent[i] -= int64(n)
		}
	}
	eachSite(m.sites, func(number uint32, v *siteValues) {
		s := j.siteTab.at(number)
		for i := range v {
			s.recent[i] -= v[i]
		}
	})
	for _, number := range m.failures {
		f := j.siteTab.at(number).failures
		f.recent = slices.DeleteFunc(f.recent, func(f failMinute) bool { return f.at == m.at })
		f.known = false
		j.mark(number)
	}
}

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

// opOf returns the number of an operation, and false if there are too many. Rows mostly come in the order of
// the minute before, so it looks first at the one that followed the last one then: a map of a million keys
// takes longer.
func (j *Judge) opOf(key opKey, after uint32, at int32) (uint32, bool) {
	if j.opTab.n > 0 {
		number := j.opTab.at(after).next
		if o := j.opTab.at(number); o.last != 0 && o.name == key.name && j.callerTab.at(o.caller).id == key.caller {
			o.last = max(o.last, at)
			return number, true
		}
	}
	number, ok := j.ops[key]
	if !ok {
		if len(j.ops) >= j.cfg.Sites {
			return 0, false
		}
		key.name = strings.Clone(key.name)
		c, ok := j.callers[key.caller]
		if !ok {
			c = take(&j.callerFree, &j.callerTab)
			j.callerTab.at(c).id = key.caller
			j.callers[key.caller] = c
		}
		number = take(&j.opFree, &j.opTab)
		*j.opTab.at(number) = operation{name: key.name, caller: c}
		j.ops[key] = number
	}
	o := j.opTab.at(number)
	o.last = max(o.last, at)
	j.opTab.at(after).next = number
	return number, true
}

// siteOf returns the number of a call site, and false if there are too many. It looks first as opOf does.
func (j *Judge) siteOf(key siteKey, after uint32, at int32) (uint32, bool) {
	if j.siteTab.n > 0 {
		number := j.siteTab.at(after).next
		if s := j.siteTab.at(number); s.op == key.op && s.callee == key.callee {
			s.first, s.last = min(s.first, at), max(s.last, at)
			return number, true
		}
	}
	number, ok := j.sites[key]
	if !ok {
		if len(j.sites) >= j.cfg.Sites {
			return 0, false
		}
		number = take(&j.siteFree, &j.siteTab)
		*j.siteTab.at(number) = site{op: key.op, callee: key.callee, first: at}
		j.sites[key] = number
		j.fresh = append(j.fresh, number)
		j.mark(number)
	}
	s := j.siteTab.at(number)
	s.first, s.last = min(s.first, at), max(s.last, at)
	j.siteTab.at(after).next = number
	return number, true
}

func (j *Judge) mark(number uint32) {
	if s := j.siteTab.at(number); !s.updated {
		s.updated = true
		j.updated = append(j.updated, number)
	}
}

// table is a growing array that never moves what it holds.
type table[T any] struct {
	pages [][]T
	n     uint32
}

const pageBits = 10

func (t *table[T]) at(i uint32) *T { return &t.pages[i>>pageBits][i&(1<<pageBits-1)] }

// grow adds a zero T and returns its number.
func (t *table[T]) grow() uint32 {
	if t.n>>pageBits == uint32(len(t.pages)) {
		t.pages = append(t.pages, make([]T, 1<<pageBits))
	}
	t.n++
	return t.n - 1
}

// take returns the number of an entry that is free.
func take[T any](free *[]uint32, t *table[T]) uint32 {
	if n := len(*free); n > 0 {
		number := (*free)[n-1]
		*free = (*free)[:n-1]
		return number
	}
	return t.grow()
}
