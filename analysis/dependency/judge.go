package dependency

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"faultline/graph"
)

// ErrFinal reports that a minute came too late: its evidence can no longer be replaced. Who feeds a Judge
// drops the minute and counts it.
var ErrFinal = errors.New("minute is final")

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

func (j *Judge) mark(number uint32) {
	if s := j.siteTab.at(number); !s.updated {
		s.updated = true
		j.updated = append(j.updated, number)
	}
}
