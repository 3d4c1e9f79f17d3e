package slo

import (
	"cmp"
	"errors"

	"faultline/analysis/yamllist"
	"faultline/graph"
)

// Objective is a promise about a service: a share of its requests is answered well.
type Objective struct {
	Service     string  `yaml:"service"`
	Namespace   string  `yaml:"namespace"`   // "": any
	Environment string  `yaml:"environment"` // "": any
	Operation   string  `yaml:"operation"`   // "": all of the service's
	Target      float64 `yaml:"target"`      // percent of requests that must not fail, such as 99.9
	LatencyMS   float64 `yaml:"latency_ms"`  // 0: none; kept, and not judged here
}

// Budget is the share of requests that may fail.
func (o *Objective) Budget() float64 { return (100 - o.Target) / 100 }

// About reports whether the promise is one of a service.
func (o *Objective) About(n graph.Node) bool {
	return n.Name == o.Service && (o.Namespace == "" || n.Namespace == o.Namespace) && (o.Environment == "" || n.Environment == o.Environment)
}

// subject is what an objective is about.
func (o *Objective) subject() Objective {
	s := *o
	s.Target, s.LatencyMS = 0, 0
	return s
}

// Parse reads a list of objectives. The error names every mistake with its line.
func Parse(text []byte) ([]Objective, error) {
	items, err := yamllist.Read[Objective](text)
	errs := []error{err}
	first := map[Objective]int{}
	objectives := make([]Objective, 0, len(items))
	for _, item := range items {
		o := item.Value
		if o.Service == "" && !item.Wrong("service") {
			errs = append(errs, item.Errorf("service is missing: name the service that the objective is about"))
		}
		if !item.Wrong("target") && !(o.Target > 0 && o.Target < 100) {
			errs = append(errs, item.Errorf("target is %v and must be a percentage above 0 and below 100, such as 99.9", o.Target))
		}
		if !(o.LatencyMS >= 0) {
			errs = append(errs, item.Errorf("latency_ms is %v and must not be negative", o.LatencyMS))
		}
		if line := first[o.subject()]; line != 0 && o.Service != "" {
			errs = append(errs, item.Errorf("the same service and operation have an objective on line %d: keep one", line))
		}
		first[o.subject()] = cmp.Or(first[o.subject()], item.Line)
		objectives = append(objectives, o)
	}
	return objectives, errors.Join(errs...)
}
