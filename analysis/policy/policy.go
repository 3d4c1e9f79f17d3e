// Package policy holds what was seen of a system against what its teams expect of it. Expectations are written
// down in YAML, kept beside the code, and checked in CI.
//
// The package is pure.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"faultline/analysis/glob"
)

// Policy is a list of expectations.
type Policy struct {
	Version int                 `yaml:"version"` // 1
	Groups  map[string][]string `yaml:"groups"`  // services by the name of a group, such as tier-1; rules may name it in place of a service
	Rules   []Rule              `yaml:"rules"`
}

// Rule is one expectation: exactly one of its fields beside the name is set. Services are named by their name or
// by a pattern with * and ?.
type Rule struct {
	Name        string       `yaml:"name"`
	OnlyCallers *OnlyCallers `yaml:"only_callers"` // a service may be called by these only
	Forbid      *Edge        `yaml:"forbid"`       // these calls must not be
	NotHard     *Edge        `yaml:"not_hard"`     // the caller must survive failures of the callee
	Soft        *Edge        `yaml:"soft"`         // likewise, and that must have been seen
	NoCycles    bool         `yaml:"no_cycles"`    // no service may call itself by way of others
}

// OnlyCallers says who may call a service.
type OnlyCallers struct {
	Of    string   `yaml:"of"`
	Allow []string `yaml:"allow"`
}

// Edge selects calls.
type Edge struct {
	Caller     string `yaml:"caller"`
	Callee     string `yaml:"callee"`
	CalleeType string `yaml:"callee_type"` // service, database, cache, queue, external…; "": any
	Indirect   bool   `yaml:"indirect"`    // of not_hard: also by way of others, each of which depends on the next
}

// notOfGo is how the YAML library names a key that is not known: with a type of Go, of which a reader of the error knows nothing.
var notOfGo = regexp.MustCompile(`field (\S+) not found in type \S+`)

// Parse reads a policy. The error names every mistake with its rule.
func Parse(text []byte) (Policy, error) {
	var p Policy
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		if errors.Is(err, io.EOF) {
			return p, errors.New("the policy is empty")
		}
		return p, errors.New(notOfGo.ReplaceAllString(err.Error(), "unknown key $1"))
	}
	var errs []error
	if p.Version != 1 {
		errs = append(errs, fmt.Errorf("version is %d and must be 1", p.Version))
	}
	if len(p.Rules) == 0 {
		errs = append(errs, errors.New("there are no rules"))
	}
	for name, members := range p.Groups {
		if len(members) == 0 {
			errs = append(errs, fmt.Errorf("group %s is empty", name))
		}
		for _, m := range members {
			if err := pattern("group "+name, m, true); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for i := range p.Rules {
		if err := p.Rules[i].validate(); err != nil {
			errs = append(errs, fmt.Errorf("rule %d (%s): %w", i+1, p.Rules[i].Name, err))
		}
	}
	return p, errors.Join(errs...)
}

func (r *Rule) validate() error {
	var errs []error
	if r.Name == "" {
		errs = append(errs, errors.New("it has no name"))
	}
	set := 0
	for _, is := range []bool{r.OnlyCallers != nil, r.Forbid != nil, r.NotHard != nil, r.Soft != nil, r.NoCycles} {
		if is {
			set++
		}
	}
	if set != 1 {
		errs = append(errs, errors.New("it must have exactly one of only_callers, forbid, not_hard, soft and no_cycles"))
	}
	if o := r.OnlyCallers; o != nil {
		errs = append(errs, pattern("of", o.Of, true))
		for _, a := range o.Allow {
			errs = append(errs, pattern("allow", a, true))
		}
	}
	for _, e := range []*Edge{r.Forbid, r.NotHard, r.Soft} {
		if e == nil {
			continue
		}
		if e.Caller == "" && e.Callee == "" && e.CalleeType == "" {
			errs = append(errs, errors.New("it selects every call: give a caller, a callee or a callee_type"))
		}
		if e.Indirect && e != r.NotHard {
			errs = append(errs, errors.New("indirect belongs to not_hard only"))
		}
		errs = append(errs, pattern("caller", e.Caller, false), pattern("callee", e.Callee, false))
	}
	return errors.Join(errs...)
}

func pattern(key, p string, needed bool) error {
	if p == "" {
		if needed {
			return fmt.Errorf("%s is missing", key)
		}
		return nil
	}
	if !glob.Valid(p) {
		return fmt.Errorf("%s: %q is no pattern: a [ needs its ]", key, p)
	}
	return nil
}

// Dependency is what was seen between two nodes.
type Dependency struct {
	Caller, Callee string // names
	CalleeType     string
	Calls          int64
	Async          bool
	Verdict        string // hard, soft, partial, mixed or unknown
	Evidence       string // in words
}

// State is how a rule fares.
type State string

// The states of a rule.
const (
	Kept     State = "kept"
	Violated State = "violated"
	Unknown  State = "unknown" // too little was seen to say
)

// Result is how one rule fares.
type Result struct {
	Rule    string   `json:"rule"`
	State   State    `json:"state"`
	Because []string `json:"because"` // in words: what violates it, or what is not known
}

// Check holds all rules of a policy against what was seen.
func Check(p Policy, seen []Dependency) []Result {
	results := make([]Result, 0, len(p.Rules))
	for i := range p.Rules {
		results = append(results, p.Rules[i].check(seen, p.Groups))
	}
	return results
}

func (r *Rule) check(seen []Dependency, in groups) Result {
	out := Result{Rule: r.Name, State: Kept, Because: []string{}}
	violate := func(format string, args ...any) {
		out.State = Violated
		out.Because = append(out.Because, fmt.Sprintf(format, args...))
	}
	doubt := func(format string, args ...any) {
		if out.State == Kept {
			out.State = Unknown
		}
		out.Because = append(out.Because, fmt.Sprintf(format, args...))
	}
	if r.NoCycles {
		for _, cycle := range cycles(seen) {
			violate("%s", strings.Join(cycle, " → "))
		}
		return out
	}
	found := false
	if r.NotHard != nil && r.NotHard.Indirect {
		sure := ways(seen, r.NotHard, in, "hard", "mixed", "partial")
		for _, way := range sure {
			violate("%s", strings.Join(way, " → "))
		}
		for _, way := range ways(seen, r.NotHard, in, "hard", "mixed", "partial", "unknown") {
			sameEnds := func(w []string) bool { return w[0] == way[0] && w[len(w)-1] == way[len(way)-1] }
			if !slices.ContainsFunc(sure, sameEnds) {
				doubt("%s: some of it is unknown", strings.Join(way, " → "))
			}
		}
	}
	for _, d := range seen {
		switch {
		case r.OnlyCallers != nil:
			if in.matches(r.OnlyCallers.Of, d.Callee) {
				found = true
				if !slices.ContainsFunc(r.OnlyCallers.Allow, func(a string) bool { return in.matches(a, d.Caller) }) {
					violate("%s calls %s (%d calls)", d.Caller, d.Callee, d.Calls)
				}
			}
		case r.Forbid != nil:
			if r.Forbid.selects(&d, in) {
				violate("%s calls %s (%d calls)", d.Caller, d.Callee, d.Calls)
			}
		case r.NotHard != nil:
			if r.NotHard.selects(&d, in) {
				found = true
				switch d.Verdict {
				case "hard", "mixed", "partial":
					violate("%s depends on %s: %s", d.Caller, d.Callee, d.Evidence)
				case "unknown":
					doubt("%s on %s: %s", d.Caller, d.Callee, d.Evidence)
				}
			}
		case r.Soft != nil:
			if r.Soft.selects(&d, in) {
				found = true
				switch d.Verdict {
				case "soft":
				case "unknown":
					doubt("%s on %s: %s", d.Caller, d.Callee, d.Evidence)
				default:
					violate("%s depends on %s: %s", d.Caller, d.Callee, d.Evidence)
				}
			}
		}
	}
	if !found && r.Forbid == nil && out.State == Kept {
		doubt("no such call was seen")
	}
	if r.Forbid != nil && out.State == Kept { // that there is no such call says nothing of a name that is misspelt
		for _, name := range in.unseen(seen, r.Forbid.Caller, r.Forbid.Callee) {
			doubt("nothing called %s was seen", name)
		}
	}
	return out
}

// unseen are the names, those of groups included, that nobody has who calls or is called. Patterns may match nothing.
func (g groups) unseen(seen []Dependency, patterns ...string) (names []string) {
	for _, p := range patterns {
		members, isGroup := g[p]
		if !isGroup {
			members = []string{p}
		}
		for _, name := range members {
			if name != "" && !strings.ContainsAny(name, "*?[") && !slices.ContainsFunc(seen, func(d Dependency) bool { return name == d.Caller || name == d.Callee }) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (e *Edge) selects(d *Dependency, in groups) bool { return e.from(d.Caller, in) && e.to(d, in) }

func (e *Edge) from(caller string, in groups) bool {
	return e.Caller == "" || in.matches(e.Caller, caller)
}

func (e *Edge) to(d *Dependency, in groups) bool {
	return (e.Callee == "" || in.matches(e.Callee, d.Callee)) && (e.CalleeType == "" || e.CalleeType == d.CalleeType)
}

// groups are patterns by the name of their group.
type groups map[string][]string

// matches reports whether a name is meant by a pattern, or by one of those in the group that it names.
func (g groups) matches(pattern, name string) bool {
	patterns, isGroup := g[pattern]
	if !isGroup {
		patterns = []string{pattern}
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, name) })
}

// ways are the shortest chains of at least two dependencies of some verdicts, from the callers that an edge selects to its
// callees. A direct dependency is looked at by itself.
func ways(seen []Dependency, e *Edge, in groups, verdicts ...string) (found [][]string) {
	next := map[string][]*Dependency{}
	for i := range seen {
		if d := &seen[i]; slices.Contains(verdicts, d.Verdict) {
			next[d.Caller] = append(next[d.Caller], d)
		}
	}
	starts := make([]string, 0, len(next))
	for n := range next {
		slices.SortFunc(next[n], func(a, b *Dependency) int { return strings.Compare(a.Callee, b.Callee) })
		if e.from(n, in) {
			starts = append(starts, n)
		}
	}
	slices.Sort(starts)
	for _, start := range starts {
		way := map[string][]string{start: {start}}
		for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
			for _, d := range next[queue[0]] {
				if way[d.Callee] != nil {
					continue
				}
				way[d.Callee] = append(slices.Clone(way[queue[0]]), d.Callee)
				queue = append(queue, d.Callee)
				if len(way[d.Callee]) > 2 && e.to(d, in) {
					found = append(found, way[d.Callee])
				}
			}
		}
	}
	return found
}

// cycles finds, for each group of nodes that call each other in a circle, one circle, by name.
func cycles(seen []Dependency) (found [][]string) {
	next := map[string][]string{}
	for _, d := range seen {
		if d.Caller != d.Callee && !d.Async {
			next[d.Caller] = append(next[d.Caller], d.Callee)
		}
	}
	starts := make([]string, 0, len(next))
	for n := range next {
		slices.Sort(next[n])
		starts = append(starts, n)
	}
	slices.Sort(starts)
	in := map[string]bool{} // nodes of circles found
	for _, start := range starts {
		if in[start] {
			continue
		}
		if circle := circleFrom(start, next); circle != nil {
			for _, n := range circle {
				in[n] = true
			}
			found = append(found, circle)
		}
	}
	return found
}

// circleFrom is the shortest way from a node back to itself, or nil.
func circleFrom(start string, next map[string][]string) []string {
	from := map[string]string{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, n := range next[queue[0]] {
			if n == start {
				circle := []string{start}
				for at := queue[0]; at != start; at = from[at] {
					circle = append(circle, at)
				}
				slices.Reverse(circle)
				return append([]string{start}, circle...)
			}
			if _, known := from[n]; !known {
				from[n] = queue[0]
				queue = append(queue, n)
			}
		}
	}
	return nil
}
