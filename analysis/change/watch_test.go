package change

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"faultline/graph"
)

// A town is a system in which nothing is wrong: services with a daily curve, quiet weekends, and noise that clumps
// from minute to minute as that of real systems does.
type town struct {
	days   map[int][]Slot // by day before today and minute of it, series after series
	series []Series
}

const dayMinutes = 24 * 60

// newTown simulates n services with an operation and a call site each, on the given days before today.
func newTown(seed uint64, n int, days ...int) *town {
	t := &town{days: map[int][]Slot{}}
	for i := range n {
		id := graph.NodeID(i + 1)
		t.series = append(t.series, Series{Node: id, Operation: "GET /"}, Series{Node: id, Operation: "GET /", Callee: id + 1000})
	}
	for _, day := range days {
		rnd := rand.New(rand.NewPCG(seed, uint64(day)))
		slots := make([]Slot, dayMinutes*len(t.series))
		start := noon.Truncate(24*time.Hour).AddDate(0, 0, -day)
		for i, s := range t.series {
			drift := 0.0
			base := 60 * math.Pow(2, float64(i%7)) // 60 to 3840 in a minute
			peak := float64(i%5) / 24 * 2 * math.Pi
			for m := range dayMinutes {
				drift = 0.9*drift + 0.06*rnd.NormFloat64()
				curve := 1 + 0.6*math.Sin(2*math.Pi*float64(m)/dayMinutes+peak)
				if wd := start.Weekday(); wd == time.Saturday || wd == time.Sunday {
					curve *= 0.6
				}
				calls := poisson(rnd, base*curve*math.Exp(drift))
				slots[m*len(t.series)+i] = minuteOf(rnd, s, start.Add(time.Duration(m)*time.Minute), calls, 0.005*gamma(rnd, 3), math.Exp(0.5*drift+0.05*rnd.NormFloat64()))
			}
		}
		t.days[day] = slots
	}
	return t
}

// minuteOf is a minute with so many calls, of which a share fails, and which are slower by a factor.
func minuteOf(rnd *rand.Rand, s Series, at time.Time, calls int64, failing, slower float64) Slot {
	slot := Slot{Series: s, Start: at, Calls: []int64{calls}, Failed: []int64{min(calls, poisson(rnd, failing*float64(calls)))}}
	// Most are quick; durations fall off by powers.
	left := calls
	for i := 0; i < 8 && left > 0; i++ {
		n := min(left, poisson(rnd, 0.6*float64(left)))
		if i == 7 {
			n = left
		}
		slot.Durations.Observe(time.Duration(slower*20*math.Pow(1.5, float64(i))*float64(time.Millisecond)), n)
		left -= n
	}
	return slot
}

// gamma is noise around 1 that is the wilder the smaller its shape, a whole number.
func gamma(rnd *rand.Rand, shape int) (x float64) {
	for range shape {
		x += rnd.ExpFloat64()
	}
	return x / float64(shape)
}

// slot puts the minutes of five together.
func (t *town) slot(start time.Time) (slots []Slot) {
	today := noon.Truncate(24 * time.Hour)
	day := int(math.Ceil(today.Sub(start).Hours() / 24))
	minutes := t.days[day]
	if minutes == nil {
		return nil
	}
	m := int(start.Sub(today.AddDate(0, 0, -day)).Minutes())
	for i, s := range t.series {
		sum := Slot{Series: s, Start: start}
		for k := range perSlot {
			one := &minutes[(m+k)*len(t.series)+i]
			sum.Calls, sum.Failed = append(sum.Calls, one.Calls[0]), append(sum.Failed, one.Failed[0])
			sum.Durations.Merge(one.Durations)
		}
		slots = append(slots, sum)
	}
	return slots
}

// run watches today from one minute to another, and lets a test change what happens.
func (t *town) run(w *Watch, from, to int, plant func(minute int, slots []Slot) []Slot) {
	today := noon.Truncate(24 * time.Hour)
	for m := from; m < to; m++ {
		at := today.Add(time.Duration(m) * time.Minute)
		if m%perSlot == 0 || m == from {
			var learned []Slot
			for _, start := range References(at) {
				learned = append(learned, t.slot(start)...)
			}
			w.Learn(at, learned)
		}
		slots := t.days[0][m*len(t.series) : (m+1)*len(t.series)]
		if plant != nil {
			slots = plant(m, append([]Slot(nil), slots...))
		}
		w.Look(at, seen(slots), func(Series) bool { return false })
	}
}

// seen is a minute with the slots that have calls.
func seen(slots []Slot) Minute {
	m := Minute{}
	for i := range slots {
		if len(slots[i].Calls) > 0 {
			m[slots[i].Series] = &slots[i]
		}
	}
	return m
}

var (
	verbose = flag.Bool("alarms", false, "print every alarm of the quiet days")
	towns   = flag.Int("towns", 1, "quiet days to simulate")
)

// Quiet days raise at most one alarm each, whatever they are held against, and without the bar going up.
func TestQuietDays(t *testing.T) {
	days := map[Reference][]int{Weeks: {0, 1, 7, 14, 21, 28}, Day: {0, 1}, LastHour: {0}}
	for reference, days := range days {
		t.Run(string(reference), func(t *testing.T) {
			events, watched := 0, 0
			for seed := range uint64(*towns) {
				w := NewWatch(DefaultWatchConfig())
				newTown(seed, 15, days...).run(w, 70, dayMinutes, nil)
				watched = w.Watched()
				for _, a := range w.Alarms() {
					events++
					if *verbose {
						t.Logf("%s %+v", a.Since.Format(time.TimeOnly), a)
					}
				}
			}
			t.Logf("%d alarms in %d days of %d series", events, *towns, watched)
			if events > *towns {
				t.Errorf("%d alarms in %d quiet days", events, *towns)
			}
		})
	}
}

// What goes wrong is told within minutes, and once.
func TestPower(t *testing.T) {
	const at = 12 * 60
	plants := map[Signal]func(rnd *rand.Rand, s *Slot){
		Failing: func(rnd *rand.Rand, s *Slot) { *s = minuteOf(rnd, s.Series, s.Start, s.Calls[0], 0.15, 1) },
		Slow:    func(rnd *rand.Rand, s *Slot) { *s = minuteOf(rnd, s.Series, s.Start, s.Calls[0], 0.005, 4) },
		Busy:    func(rnd *rand.Rand, s *Slot) { *s = minuteOf(rnd, s.Series, s.Start, s.Calls[0]/5, 0.005, 1) },
		Silent:  func(_ *rand.Rand, s *Slot) { *s = Slot{Series: s.Series, Start: s.Start} },
	}
	town := newTown(7, 50, 0, 1, 7, 14)
	for signal, plant := range plants {
		t.Run(string(signal), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(3, 4))
			ill := map[Series]bool{}
			for i := range 10 { // call sites of all sizes
				ill[town.series[2*i*5+1]] = true
			}
			w := NewWatch(DefaultWatchConfig())
			town.run(w, at-30, at+10, func(m int, slots []Slot) []Slot {
				for i := range slots {
					if m >= at && ill[slots[i].Series] {
						plant(rnd, &slots[i])
					}
				}
				return slots
			})
			told := 0
			for _, a := range w.Alarms() {
				if a.Signal != signal {
					continue
				}
				if !ill[a.Series] {
					t.Errorf("false: %+v", a)
				} else if told++; a.Since.Before(noon) || a.Since.After(noon.Add(5*time.Minute)) {
					t.Errorf("%+v", a)
				}
			}
			t.Logf("%d of %d", told, len(ill))
			if told < 9 {
				t.Errorf("%d of %d were told", told, len(ill))
			}
		})
	}
}

// A watch with one series: an operation with 600 requests a minute, and a call site under it.
func steady(mean int64) (learned []Slot, minute func(at time.Time, calls, failed int64) []Slot, site Series) {
	op := Series{Node: web.ID(), Operation: "GET /"}
	site = Series{Node: web.ID(), Operation: "GET /", Callee: cart.ID()}
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, start := range References(noon) {
		for _, s := range []Series{op, site} {
			slot := Slot{Series: s, Start: start}
			for range perSlot {
				n := poisson(rnd, float64(mean))
				one := minuteOf(rnd, s, start, n, 0.002, 1)
				slot.Calls, slot.Failed = append(slot.Calls, n), append(slot.Failed, one.Failed[0])
				slot.Durations.Merge(one.Durations)
			}
			learned = append(learned, slot)
		}
	}
	minute = func(at time.Time, calls, failed int64) []Slot {
		slots := []Slot{minuteOf(rnd, op, at, mean, 0.002, 1)}
		if calls > 0 {
			s := minuteOf(rnd, site, at, calls, 0, 1)
			s.Failed[0] = failed
			slots = append(slots, s)
		}
		return slots
	}
	return learned, minute, site
}

// Two of three minutes raise an alarm, and five without close it.
func TestAlarmLife(t *testing.T) {
	for name, test := range map[string]struct {
		failed []int64 // minute by minute, of 600
		want   string  // of each minute: . nothing yet, ! an open alarm, - a closed one
	}{
		"one minute":           {[]int64{0, 100, 0, 0, 0}, "....."},
		"two":                  {[]int64{0, 100, 100, 0}, "..!!"},
		"two of three":         {[]int64{100, 0, 100, 0}, "..!!"},
		"two of four":          {[]int64{100, 0, 0, 100}, "...."},
		"five clean close it":  {[]int64{100, 100, 0, 0, 0, 0, 0, 0}, ".!!!!!--"},
		"four clean do not":    {[]int64{100, 100, 0, 0, 0, 0, 100, 0}, ".!!!!!!!"},
		"it comes again":       {[]int64{100, 100, 0, 0, 0, 0, 0, 100, 100}, ".!!!!!--!"},
		"a little is no alarm": {[]int64{5, 5, 5, 5}, "...."},
	} {
		t.Run(name, func(t *testing.T) {
			learned, minute, _ := steady(600)
			w := NewWatch(DefaultWatchConfig())
			w.Learn(noon, learned)
			got := ""
			for i, failed := range test.failed {
				at := noon.Add(time.Duration(i) * time.Minute)
				w.Look(at, seen(minute(at, 600, failed)), func(Series) bool { return true })
				switch alarms := w.Alarms(); {
				case len(alarms) == 0:
					got += "."
				case alarms[0].Open():
					got += "!"
				default:
					got += "-"
				}
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Silence is told while the caller has requests, and ends with the first call.
func TestSilence(t *testing.T) {
	learned, minute, site := steady(600)
	w := NewWatch(DefaultWatchConfig())
	w.Learn(noon, learned)
	silent := func() (open, closed int) {
		for _, a := range w.Alarms() {
			if a.Signal == Silent && a.Series == site {
				if a.Open() {
					open++
				} else {
					closed++
				}
			}
		}
		return open, closed
	}
	look := func(i int, calls int64, idle bool) {
		at := noon.Add(time.Duration(i) * time.Minute)
		slots := minute(at, calls, 0)
		if idle {
			slots = nil
		}
		w.Look(at, seen(slots), func(Series) bool { return false })
	}
	for i := range 5 {
		look(i, 0, true)
	}
	if open, _ := silent(); open != 0 {
		t.Error("silence of a caller that has nothing to do")
	}
	for i := 5; i < 10; i++ {
		look(i, 0, false)
	}
	if open, _ := silent(); open != 1 {
		t.Fatalf("alarms %+v", w.Alarms())
	}
	w.Learn(noon, nil)
	for i := 10; i < 20; i++ {
		look(i, 0, false)
	}
	if open, _ := silent(); open != 1 {
		t.Errorf("silence that became usual is told as over: %+v", w.Alarms())
	}
	w.Learn(noon, learned)
	for i := 20; i < 25; i++ {
		look(i, 600, false)
	}
	if open, closed := silent(); open != 0 || closed != 1 {
		t.Errorf("alarms %+v", w.Alarms())
	}
}

// Alarms that no incident explains raise the bar for a day; those that one explains, and silence, do not.
func TestBar(t *testing.T) {
	w := NewWatch(DefaultWatchConfig())
	bar := func(want float64) {
		t.Helper()
		if got := w.Bar(noon); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("bar %g, want %g", got, want)
		}
	}
	add := func(ago time.Duration, signal Signal, explained bool) {
		w.alarms = append(w.alarms, &Alarm{Signal: signal, Since: noon.Add(-ago), Explained: explained})
	}
	bar(0.05)
	add(25*time.Hour, Failing, false)
	add(5*time.Hour, Failing, false)
	bar(0.05) // one is allowed
	add(5*time.Hour-time.Minute, Slow, false)
	bar(0.05) // of the same event
	add(4*time.Hour, Failing, true)
	add(3*time.Hour, Silent, false)
	bar(0.05)
	add(2*time.Hour, Busy, false)
	bar(0.005)
}

func BenchmarkLook(b *testing.B) {
	town := newTown(1, 1000, 0)
	w := NewWatch(DefaultWatchConfig())
	town.run(w, 70, 71, nil)
	b.ReportAllocs()
	m := 71
	for b.Loop() {
		at := noon.Truncate(24 * time.Hour).Add(time.Duration(m) * time.Minute)
		w.Look(at, seen(town.days[0][m*len(town.series):(m+1)*len(town.series)]), func(Series) bool { return false })
		m = (m + 1) % dayMinutes
	}
}
