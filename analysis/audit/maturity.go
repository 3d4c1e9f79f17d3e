package audit

// Maturity is how far a service has come on a ladder of four levels. A level is reached when every practice of
// it and of the levels below has passed or does not apply. What is not known never counts as passed; so a level
// says what was proved, and the ceiling what is still possible.
type Maturity struct {
	Level   int
	Ceiling int        // the level it would have if all that is unknown passed
	Known   float64    // share of the practices of all levels that are decided
	Missing []Practice // what keeps it from the next level: first what was seen to be missing, then what is not known
}

// The levels. Level 1 takes nothing: the service is seen.
const (
	Seen     = 1
	Bounded  = 2 // what it waits for ends, and is not asked over and over
	Isolated = 3 // the failure of a dependency stays with it, and does not grow
	Graceful = 4 // requests survive failures and overload as far as they can
	topLevel = Graceful
)

// ladder is what each level takes. Practices that traces can refute but not prove hold a level back when they
// are seen to be missing and do not count otherwise.
var ladder = map[int][]Practice{
	Bounded:  {Timeout, Retries, Backoff},
	Isolated: {TimeoutOrder, Deadline, Jitter, Budget, Breaker, Cycles, Depth},
	Graceful: {Fallback, Shedding, Bulkhead, Chattiness},
}

var refutable = map[int][]Practice{
	Bounded:  {Refusals, Idempotency},
	Isolated: {Layers, Storm, Recovery},
}

// LevelOf is the level that a practice counts for; 0: none.
func LevelOf(p Practice) int {
	for _, rungs := range []map[int][]Practice{ladder, refutable} {
		for level, practices := range rungs {
			for _, x := range practices {
				if x == p {
					return level
				}
			}
		}
	}
	return 0
}

func maturity(checks []Check) Maturity {
	m := Maturity{Level: Seen, Ceiling: Seen}
	decided, all := 0, 0
	climbing, possible := true, true
	for level := Bounded; level <= topLevel; level++ {
		var risks, unknown []Practice
		for _, p := range ladder[level] {
			c, applies := find(checks, p)
			if !applies {
				continue
			}
			all++
			switch c.State {
			case Pass:
				decided++
			case Risk:
				decided++
				risks = append(risks, p)
			default:
				unknown = append(unknown, p)
			}
		}
		for _, p := range refutable[level] {
			if c, _ := find(checks, p); c.State == Risk {
				risks = append(risks, p)
			}
		}
		if climbing && len(risks)+len(unknown) > 0 {
			climbing = false
			m.Missing = append(risks, unknown...)
		}
		if climbing {
			m.Level = level
		}
		if possible = possible && len(risks) == 0; possible {
			m.Ceiling = level
		}
	}
	if all > 0 {
		m.Known = float64(decided) / float64(all)
	}
	return m
}
