package change

import (
	"cmp"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Series is what alarms are about: the requests of an operation, or its calls to a callee.
type Series struct {
	Node      graph.NodeID
	Operation string
	Callee    graph.NodeID // 0: the requests that the operation serves
}

// Slot is what a series counted in some minutes: those of one SlotLength, or one.
type Slot struct {
	Series
	Start     time.Time
	Calls     []int64 // by minute, in any order; a minute without calls may be left out
	Failed    []int64 // in the same minutes
	Durations graph.Histogram
}

// Minute is what the series of one minute counted.
type Minute map[Series]*Slot

func (m Minute) add(of Series, s *graph.Stats, durations graph.Histogram) {
	slot := m[of]
	if slot == nil {
		slot = &Slot{Series: of, Calls: []int64{0}, Failed: []int64{0}}
		m[of] = slot
	}
	slot.Calls[0] += s.Calls
	slot.Failed[0] += s.Failed
	slot.Durations.Merge(durations)
}

// SlotLength is how much of the past is looked at in one piece.
const SlotLength = 5 * time.Minute

// Reference names the past that a series is held against.
type Reference string

// The references, best first. A series has the best one for which it is old enough.
const (
	Weeks    Reference = "weeks"    // the same five minutes, and those around them, of past weeks
	Day      Reference = "day"      // the hour around this time, a day ago
	LastHour Reference = "lasthour" // the hour up to five minutes ago
)

const (
	weeksBack  = 4
	hourSlots  = int(time.Hour / SlotLength)
	perSlot    = int(SlotLength / time.Minute)
	leastSlots = 6  // with traffic, of any reference
	leastRate  = 60 // calls in a usual minute: a series with less is left to Compare
)

// References are the starts of the slots to learn from at a time, oldest first.
func References(at time.Time) (slots []time.Time) {
	at = at.Truncate(SlotLength)
	for week := 1; week <= weeksBack; week++ {
		for i := -1; i <= 1; i++ {
			slots = append(slots, at.AddDate(0, 0, -7*week).Add(time.Duration(i)*SlotLength))
		}
	}
	for i := range hourSlots {
		slots = append(slots, at.AddDate(0, 0, -1).Add(time.Duration(i-hourSlots/2)*SlotLength))
		slots = append(slots, at.Add(-time.Duration(i+2)*SlotLength))
	}
	slices.SortFunc(slots, time.Time.Compare)
	return slots
}

// referenceOf says which reference a slot is part of, seen from a time.
func referenceOf(slot, at time.Time) Reference {
	switch age := at.Sub(slot); {
	case age > 2*24*time.Hour:
		return Weeks
	case age > 12*time.Hour:
		return Day
	}
	return LastHour
}

// pace is how a count of events varies from minute to minute: the middle and the spread of its root, which for
// independent events is a half whatever the count.
type pace struct {
	root   float64
	spread float64
}

const poissonSpread = 0.5

// paceOf learns from counts of minutes; it sorts them.
func paceOf(counts []float64) pace {
	for i, x := range counts {
		counts[i] = math.Sqrt(max(x, 0))
	}
	middle := median(counts)
	for i, x := range counts {
		counts[i] = math.Abs(x - middle)
	}
	return pace{root: middle, spread: max(poissonSpread, 1.4826*median(counts))}
}

// perMinute is the usual count.
func (p pace) perMinute() float64 { return p.root * p.root }

// bursts is how many events come together.
func (p pace) bursts() float64 { return p.spread * p.spread / (poissonSpread * poissonSpread) }

// portion is how a share of what is counted varies: the share, and by how much more than chance the events among
// it clump in a minute with one of them more.
type portion struct {
	share  float64
	clumps float64 // correlation of two events in a minute
}

// portionOf learns from pairs of events and of what they are out of. Of the pairs, the quarter with the highest
// shares and the quarter with the lowest do not count for the share, so that an incident in the past is not taken
// as usual; they do count for how events clump. n is how many are in a usual minute, where the pairs are of more.
func portionOf(k, n []float64, perMinute float64) (p portion) {
	order := make([]int, 0, len(k))
	for i := range k {
		if n[i] > 0 {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return portion{}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(k[i]*n[j], k[j]*n[i]) })
	var events, of, all, allOf float64
	for rank, i := range order {
		all, allOf = all+k[i], allOf+n[i]
		if rank >= len(order)/4 && rank < len(order)-len(order)/4 {
			events, of = events+k[i], of+n[i]
		}
	}
	// A trimmed share of rare events is too small: half of the minutes have none. What is not extreme counts in full.
	p.share = events / of
	if whole := all / allOf; whole < 3*p.share || all < 3*float64(len(order)) {
		p.share = max(p.share, whole)
	}
	if p.share <= 0 || p.share >= 1 || len(order) < 2 {
		return p
	}
	square := 0.0
	for _, i := range order {
		d := k[i] - n[i]*p.share
		square += d * d / (n[i] * p.share * (1 - p.share))
	}
	if excess := square/float64(len(order)-1) - 1; excess > 0 && perMinute > 1 {
		p.clumps = min(1, excess/(perMinute-1))
	}
	return p
}

// chance is the probability of at least k events out of n. Events that clump count as fewer.
func (p portion) chance(k, n float64) float64 {
	together := 1 + max(n-1, 0)*p.clumps
	return binomialTail(k/together, n/together, p.share)
}

// usual is what a series is held against.
type usual struct {
	reference Reference
	season    pace // of the same time in the past; of LastHour: the same as recent
	recent    pace // of the last hour
	failures  portion
	slowIndex uint16 // durations in longer buckets are slow
	slow      portion
}

const (
	leastFailing = 0.001 // share of failures that is reckoned with where none were seen
	slowShare    = 0.01
)

// usualOf learns from the slots of one series; false: too little is known of it.
func usualOf(slots []*Slot, at time.Time) (u usual, ok bool) {
	by := map[Reference][]*Slot{}
	weeks := map[int]bool{}
	for _, s := range slots {
		r := referenceOf(s.Start, at)
		by[r] = append(by[r], s)
		if r == Weeks {
			weeks[int((at.Sub(s.Start)+12*time.Hour)/(7*24*time.Hour))] = true
		}
	}
	switch {
	case len(weeks) >= 2 && len(by[Weeks]) >= leastSlots-1:
		u.reference = Weeks
	case len(by[Day]) >= leastSlots:
		u.reference = Day
	case len(by[LastHour]) >= leastSlots:
		u.reference = LastHour
	default:
		return u, false
	}
	if u.recent, ok = minutesPace(by[LastHour], hourSlots); !ok && u.reference == LastHour {
		return u, false
	}
	u.season = u.recent
	if u.reference != LastHour {
		u.season, _ = minutesPace(by[u.reference], len(by[u.reference]))
	}
	from := by[u.reference]
	u.learnFailures(from)
	u.learnDurations(from)
	return u, max(u.season.perMinute(), u.recent.perMinute()) >= leastRate
}

// minutesPace is the pace of the minutes of so many slots, those without a row included.
func minutesPace(slots []*Slot, n int) (pace, bool) {
	counts := make([]float64, 0, n*perSlot)
	for _, s := range slots {
		for _, c := range s.Calls {
			counts = append(counts, float64(c))
		}
	}
	for len(counts) < n*perSlot {
		counts = append(counts, 0)
	}
	return paceOf(counts), len(slots) >= leastSlots
}

func (u *usual) learnFailures(slots []*Slot) {
	var k, n []float64
	all := 0.0
	for _, s := range slots {
		for i, calls := range s.Calls {
			k, n = append(k, float64(max(s.Failed[i], 0))), append(n, float64(calls))
			all += float64(calls)
		}
	}
	u.failures = portionOf(k, n, all/float64(max(len(n), 1)))
	u.failures.share = max(u.failures.share, leastFailing)
}

func (u *usual) learnDurations(slots []*Slot) {
	var all graph.Histogram
	for _, s := range slots {
		all.Merge(s.Durations)
	}
	u.slowIndex = indexAbove(all, 1-slowShare)
	k, n := make([]float64, len(slots)), make([]float64, len(slots))
	for i, s := range slots {
		k[i], n[i] = above(s.Durations, u.slowIndex), total(s.Durations)
	}
	u.slow = portionOf(k, n, total(all)/float64(max(len(slots)*perSlot, 1)))
	u.slow.share = max(u.slow.share, slowShare)
}

// indexAbove is the bucket that the q-quantile is in.
func indexAbove(h graph.Histogram, q float64) uint16 {
	rank, seen := q*total(h), 0.0
	for _, b := range h {
		if seen += float64(max(b.N, 0)); seen >= rank {
			return b.Index
		}
	}
	return graph.MaxIndex
}

// above counts the durations in buckets beyond one.
func above(h graph.Histogram, index uint16) (n float64) {
	for _, b := range h {
		if b.Index > index {
			n += float64(max(b.N, 0))
		}
	}
	return n
}
