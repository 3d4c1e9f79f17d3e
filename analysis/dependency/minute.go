package dependency

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"time"

	"faultline/graph"
)

const minutesPerDay = 24 * 60

func minuteOf(t time.Time) int32 { return int32(t.Unix() / 60) }

func dayOf(minute int32) int32 { return minute / minutesPerDay }

// timeOf is the start of a Unix minute; the zero time for 0.
func timeOf(minute int32) time.Time {
	if minute == 0 {
		return time.Time{}
	}
	return time.Unix(int64(minute)*60, 0).UTC()
}

// The counters of a call site that are simply summed up.
const (
	requests = iota
	failed
	calls
	attempts
	failedAttempts
	rescued
	exhausted // logical calls that failed finally
	hedged
	cancelled
	timedOut
	async
	onPath
	timeSum
	durationSum
	timeTime
	timeDuration
	durationDuration
	siteCounters
)

type siteValues [siteCounters]int64

func (v *siteValues) add(s *graph.OutcomeStats) {
	for i, n := range [siteCounters]int64{
		s.Requests, s.Failed, s.Calls, s.Attempts, s.FailedAttempts, s.Rescued, s.Tries.Count(), s.Hedged, s.Cancelled,
		s.TimedOut, s.Async, s.OnPath, s.Time, s.Duration, s.TimeTime, s.TimeDur, s.DurDur,
	} {
		v[i] += n
	}
}

// The counters of an operation.
const (
	opRequests = iota
	opFailed
	opClean
	opCleanFailed
	opCounters
)

// opMinute is what a minute said about an operation.
type opMinute struct {
	op uint32
	n  [opCounters]uint32
}

// callerVersion says that a version of a caller was there in a minute.
type callerVersion struct {
	caller  uint32
	version string
}

// minute is what came for one minute, in a form that can be taken back.
type minute struct {
	at       int32
	ops      []opMinute // by op
	sites    []byte     // by site: its number as the difference to the last, a mask of the counters that are not 0, these
	rows     int
	failures []uint32 // call sites that have a failMinute for it
	versions []callerVersion
}

// appendSite appends the counters of one call site to b.
func appendSite(b []byte, delta uint32, v *siteValues) []byte {
	b = binary.AppendUvarint(b, uint64(delta))
	var mask uint64
	for i, n := range v {
		if n > 0 {
			mask |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, mask)
	for ; mask != 0; mask &= mask - 1 {
		b = binary.AppendUvarint(b, uint64(v[bits.TrailingZeros64(mask)]))
	}
	return b
}

// eachSite calls f for every call site in b; f must not keep v.
func eachSite(b []byte, f func(site uint32, v *siteValues)) {
	var site uint32
	var v siteValues
	for len(b) > 0 {
		delta, n := binary.Uvarint(b)
		b = b[n:]
		mask, n := binary.Uvarint(b)
		b = b[n:]
		v = siteValues{}
		for ; mask != 0; mask &= mask - 1 {
			x, n := binary.Uvarint(b)
			b = b[n:]
			v[bits.TrailingZeros64(mask)] = int64(x)
		}
		site += uint32(delta)
		f(site, &v)
	}
}

// of returns what the minute said about an operation.
func (m *minute) of(op uint32) (opMinute, bool) {
	i, found := slices.BinarySearchFunc(m.ops, op, func(o opMinute, op uint32) int { return cmp.Compare(o.op, op) })
	if !found {
		return opMinute{}, false
	}
	return m.ops[i], true
}

// versionsOf returns the versions of a caller in the minute, in order.
func (m *minute) versionsOf(caller uint32) []callerVersion {
	from, _ := slices.BinarySearchFunc(m.versions, caller, func(v callerVersion, c uint32) int { return cmp.Compare(v.caller, c) })
	to := from
	for to < len(m.versions) && m.versions[to].caller == caller {
		to++
	}
	return m.versions[from:to]
}

// numbered is a row with the number of its operation or call site.
type numbered struct {
	number uint32
	row    *graph.OutcomeRow
}

func byNumber(a, b numbered) int { return cmp.Compare(a.number, b.number) }

// eachGroup calls f for the rows of each number in turn.
func eachGroup(rows []numbered, f func(number uint32, rows []numbered)) {
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].number == rows[from].number {
			to++
		}
		f(rows[from].number, rows[from:to])
		from = to
	}
}

// opMinuteOf sums the rows of one operation.
func opMinuteOf(op uint32, rows []numbered) opMinute {
	var sum [opCounters]int64
	for _, r := range rows {
		for i, n := range [opCounters]int64{r.row.Requests, r.row.Failed, r.row.Clean, r.row.CleanFailed} {
			sum[i] += n
		}
	}
	m := opMinute{op: op}
	for i, n := range sum {
		m.n[i] = uint32(min(max(n, 0), math.MaxUint32))
	}
	m.n[opCleanFailed] = min(m.n[opCleanFailed], m.n[opClean])
	return m
}

// failMinuteOf sums what the rows of one call site say about failures. Its version is the one with the most
// isolated failures.
func failMinuteOf(at int32, rows []numbered) failMinute {
	m := failMinute{at: at}
	var byVersion map[string]int64
	for _, r := range rows {
		s := &r.row.OutcomeStats
		m.counts.add(&counts{
			s.TotalFatal, s.TotalSurvived, s.PartialFatal, s.PartialSurvived, s.ContestedFatal, s.ContestedSurvived, s.ContestedPassed, s.FatalPassed,
		})
		m.fatal = leastTrace(m.fatal, s.FatalTrace)
		m.survived = leastTrace(m.survived, s.SurvivedTrace)
		if n := s.TotalFatal + s.TotalSurvived + s.PartialFatal; n != 0 && len(rows) > 1 {
			if byVersion == nil {
				byVersion = map[string]int64{}
			}
			byVersion[r.row.Version] += n
		}
	}
	m.version = rows[0].row.Version
	most := int64(math.MinInt64)
	for v, n := range byVersion {
		if n > most || n == most && v > m.version {
			m.version, most = v, n
		}
	}
	for _, n := range [...]*int64{
		&m.totalFatal, &m.totalSurvived, &m.partialFatal, &m.partialSurvived, &m.contestedFatal, &m.contestedSurvived, &m.contestedPassed, &m.fatalPassed,
	} {
		*n = max(*n, 0)
	}
	return m
}

// leastTrace is the lesser of two trace ids, of which zero is none.
func leastTrace(a, b graph.TraceID) graph.TraceID {
	if a == (graph.TraceID{}) || b != (graph.TraceID{}) && bytes.Compare(b[:], a[:]) < 0 {
		return b
	}
	return a
}
