package finding

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

// Config says how steady a claim must be.
type Config struct {
	Confirm  int           `yaml:"confirm"`  // looks in a row in which something must be claimed to become a finding
	Resolve  time.Duration `yaml:"resolve"`  // how long it must not be claimed to be resolved, or be claimed with a lower severity to be eased
	Remember time.Duration `yaml:"remember"` // how long a resolved finding is remembered: if it comes back, it is the same one
	Most     int           `yaml:"most"`     // findings kept at once; over it claims that are not known yet wait
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Confirm: 2, Resolve: 5 * time.Minute, Remember: 30 * 24 * time.Hour, Most: 10_000}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	for _, rule := range []struct {
		key string
		ok  bool
	}{{"confirm", c.Confirm > 0}, {"resolve", c.Resolve > 0}, {"remember", c.Remember > 0}, {"most", c.Most > 0}} {
		if !rule.ok {
			errs = append(errs, errors.New(rule.key+" must be positive"))
		}
	}
	return errors.Join(errs...)
}

// Book holds the findings of one tenant. It is not safe for concurrent use.
type Book struct {
	cfg      Config
	findings map[string]*entry
	waiting  int64
}

// entry is a finding, or what may become one.
type entry struct {
	Finding
	looks   int       // looks in a row with the claim, until it is a finding
	lower   time.Time // since when it is claimed with a lower severity only; zero: it is not
	highest Severity  // claimed since then
	claimed bool      // in the look under way
}

// NewBook returns an empty Book.
func NewBook(cfg Config) *Book { return &Book{cfg: cfg, findings: map[string]*entry{}} }

// Restore takes in findings of an earlier Book.
func (b *Book) Restore(findings []Finding) {
	for i := range findings {
		b.findings[findings[i].ID()] = &entry{Finding: findings[i]}
	}
}

// Update takes in all that is claimed in a look at a time, and returns what that changes, by finding. Of
// several claims with one identity the most severe counts.
func (b *Book) Update(at time.Time, claims []Claim) (events []Event) {
	for i := range claims {
		b.claim(at, &claims[i], &events)
	}
	for id, e := range b.findings {
		if !e.claimed {
			b.miss(at, id, e, &events)
		}
		e.claimed = false
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	return events
}

func (b *Book) claim(at time.Time, c *Claim, events *[]Event) {
	id := c.ID()
	e := b.findings[id]
	if e == nil {
		if len(b.findings) >= b.cfg.Most {
			b.waiting++
			return
		}
		e = &entry{Finding: Finding{First: at}}
		b.findings[id] = e
	}
	if e.claimed && c.Severity.Rank() <= e.Severity.Rank() {
		return
	}
	before := e.Severity
	if !e.claimed {
		e.looks++
	}
	e.Claim, e.Last, e.claimed = *c, at, true
	switch {
	case e.State != Open && (c.Sudden || e.looks >= b.cfg.Confirm):
		e.Openings++
		e.State, e.Opened, e.Changed = Open, at, at
		what := EventOpened
		if e.Openings > 1 {
			what = EventReopened
		}
		*events = append(*events, e.event(at, id, what))
	case e.State == Open:
		b.weigh(at, id, e, before, events)
	}
}

// weigh gives an open finding the severity it has from now on: a higher one at once, a lower one when nothing
// higher was claimed for a while.
func (b *Book) weigh(at time.Time, id string, e *entry, before Severity, events *[]Event) {
	now := e.Severity
	switch {
	case now.Rank() > before.Rank():
		e.lower, e.Changed = time.Time{}, at
		*events = append(*events, e.event(at, id, EventEscalated))
		return
	case now.Rank() == before.Rank():
		e.lower = time.Time{}
		return
	case e.lower.IsZero():
		e.lower, e.highest = at, now
	case now.Rank() > e.highest.Rank():
		e.highest = now
	}
	e.Severity = before
	if at.Sub(e.lower) >= b.cfg.Resolve {
		e.Severity, e.lower, e.Changed = e.highest, time.Time{}, at
		*events = append(*events, e.event(at, id, EventEased))
	}
}

// miss is a look without a claim.
func (b *Book) miss(at time.Time, id string, e *entry, events *[]Event) {
	e.looks = 0
	switch {
	case e.State == "":
		delete(b.findings, id) // it never became one
	case e.State == Open && at.Sub(e.Last) >= b.cfg.Resolve:
		e.State, e.Changed, e.lower = Resolved, at, time.Time{}
		*events = append(*events, e.event(at, id, EventResolved))
	case e.State == Resolved && at.Sub(e.Last) >= b.cfg.Remember:
		delete(b.findings, id)
	}
}

func (e *entry) event(at time.Time, id, what string) Event {
	return Event{At: at, ID: id, What: what, Severity: e.Severity, Title: e.Title}
}

// Waiting counts the claims turned away because the book was full.
func (b *Book) Waiting() int64 { return b.waiting }

// Findings yields all findings: open ones first, then the most severe, then the latest to change, then by
// identity.
func (b *Book) Findings() iter.Seq[Finding] {
	ids := slices.Collect(maps.Keys(b.findings))
	slices.SortFunc(ids, func(x, y string) int {
		f, g := b.findings[x], b.findings[y]
		return cmp.Or(
			cmp.Compare(f.State, g.State), -cmp.Compare(f.Severity.Rank(), g.Severity.Rank()), g.Changed.Compare(f.Changed), cmp.Compare(x, y),
		)
	})
	return func(yield func(Finding) bool) {
		for _, id := range ids {
			if e := b.findings[id]; e.State != "" && !yield(e.Finding) {
				return
			}
		}
	}
}
