package audit

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var long = flag.Bool("long", false, "as many cases as docs/accuracy.md has")

// tally counts how often a practice was decided, and rightly.
type tally struct{ decided, right, all int }

func (s *tally) note(c Check, known, right bool) {
	s.all++
	if known && c.State != Unknown {
		s.decided++
		if right {
			s.right++
		}
	}
}

func (s *tally) share() float64 { return float64(s.right) / float64(max(s.decided, 1)) }

// TestPoliciesAreRead plays callers and callees with known policies, through the decoder, the matcher and the
// folder, and compares what is said of them with what they do.
func TestPoliciesAreRead(t *testing.T) {
	n := 12
	if *long {
		n = 120
	}
	scores := map[string]*tally{}
	order := []string{}
	score := func(name string) *tally {
		if scores[name] == nil {
			scores[name] = &tally{}
			order = append(order, name)
		}
		return scores[name]
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		p := somePolicy(r)
		w := newWorld(uint64(seed), p)
		w.rate = 1 + 7*r.Float64()
		report, tables := w.audited(t, 15*time.Minute)
		site := siteOf(t, &report, &tables)
		note := func(name string, practice Practice, right func(Check) bool) {
			c, known := site.Check(practice)
			if score(name).note(c, known, known && right(c)); known && c.State != Unknown && !right(c) {
				t.Logf("%d: %s is %s %.3g of %d under %+v", seed, practice, c.State, c.Value, c.Evidence, p)
			}
		}
		present := func(has bool) func(Check) bool { return func(c Check) bool { return (c.State == Pass) == has } }
		note("retry count", Retries, func(c Check) bool { return c.Value == float64(p.attempts) })
		if p.attempts > 1 {
			note("backoff kind", Backoff, func(c Check) bool { return p.attempts == 2 || (c.Value > 1) == (p.factor > 1) })
			note("jitter", Jitter, present(p.jitter))
		}
		note("timeout present", Timeout, present(p.timeout > 0))
		if p.timeout > 0 {
			note("timeout value within 5 %", Timeout, func(c Check) bool { return math.Abs(c.Value-ms(p.timeout)) <= 0.05*ms(p.timeout) })
			note("deadline passed on", Deadline, present(p.stops))
		}
		note("circuit breaker present", Breaker, present(p.open > 0))
		note("fallback present", Fallback, present(p.fallback))
		service := func(name, of string, practice Practice, right func(Check) bool) {
			c, known := find(serviceOf(t, &report, &tables, of).Checks, practice)
			if score(name).note(c, known, known && right(c)); known && c.State != Unknown && !right(c) {
				t.Logf("%d: %s is %s %.3g of %d under %+v", seed, practice, c.State, c.Value, c.Evidence, p)
			}
		}
		service("load shedding present", "callee", Shedding, present(p.shed))
		service("bulkhead present", "caller", Bulkhead, present(p.isolated))
	}
	limits := map[string]float64{"retry count": 0.95, "backoff kind": 0.95, "jitter": 0.95, "timeout value within 5 %": 0.9}
	for _, name := range order {
		s, limit := scores[name], 0.85
		if l, ok := limits[name]; ok {
			limit = l
		}
		fmt.Printf("| %s | %d of %d | %d of %d | %.1f %% |\n", name, s.decided, s.all, s.right, s.decided, 100*s.share())
		if s.share() < limit {
			t.Errorf("%s: right at %.1f %% of %d, want %.0f %%", name, 100*s.share(), s.decided, 100*limit)
		}
		if s.decided*2 < s.all {
			t.Errorf("%s: decided at %d of %d only", name, s.decided, s.all)
		}
	}
}
