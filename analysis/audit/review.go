package audit

import (
	"maps"
	"slices"

	"faultline/graph"
)

// ServiceReport is what is known of a service: the practices of its call sites together, and its own.
type ServiceReport struct {
	Node   graph.NodeID
	Checks []Check // one for each practice that applies, in the order in which they are shown
	Counts map[Practice]Counts
	Maturity
}

// Counts are the call sites of a service by the state of a practice.
type Counts struct{ Pass, Risk, Unknown int }

// mainShare is the share of a service's requests that must make a call for it to count for the service: what is
// hardly ever called will hardly ever be known.
const mainShare = 0.01

// Review says what is known of all sites and services.
func (a *Auditor) Review(know Knowledge) Report {
	if know.Hard == nil {
		know.Hard = func(Site) bool { return false }
	}
	sites := slices.SortedFunc(maps.Values(a.sites), func(x, y *site) int { return bySite(x.Site, y.Site) })
	requests := map[graph.NodeID]float64{}
	for _, o := range a.operations {
		requests[o.node] += o.requests
	}
	r := Report{Sites: make([]SiteReport, len(sites))}
	var checks []Check
	for i, s := range sites {
		checks = a.siteChecks(s, checks[:0])
		r.Sites[i] = SiteReport{
			Site: s.Site, Waits: s.waits(), Share: 1, Checks: append(make([]Check, 0, len(checks)+1), checks...), // one more: of the order of timeouts
			FatalTrace: s.stats.FatalTrace, PatienceTrace: s.stats.PatienceTrace, RetryTrace: s.stats.RetryTrace,
		}
		if r.Sites[i].FatalTrace == (graph.TraceID{}) {
			r.Sites[i].FatalTrace = s.stats.SurvivedTrace
		}
		if n := requests[s.Caller]; n > 0 {
			r.Sites[i].Share = min(float64(s.stats.Requests)/n, 1)
		}
	}
	y := a.system(sites)
	y.orders(r.Sites)
	y.layers(r.Sites, know.Hard)
	r.Services = a.services(y, r.Sites, &know)
	return r
}

// siteChecks adds what the other sites of the operation tell to what the site tells by itself.
func (a *Auditor) siteChecks(s *site, memory []Check) []Check {
	checks := s.checks(memory)
	return slices.Insert(checks, len(checks)-1, a.fallback(s))
}

// services puts the sites of each service together and adds what is known of it as a whole.
func (a *Auditor) services(y *system, sites []SiteReport, know *Knowledge) []ServiceReport {
	whole := map[Practice]map[graph.NodeID]*Check{}
	for _, p := range []Practice{Bulkhead, Depth, Cycles, Instrumentation} {
		whole[p] = map[graph.NodeID]*Check{}
	}
	var ids []graph.NodeID
	for id, n := range a.nodes {
		if t := know.typeOf(id); t != graph.TypeService && t != graph.TypeFunction || len(n.operations) == 0 {
			continue
		}
		ids = append(ids, id)
		for p, checks := range whole {
			checks[id] = &Check{Practice: p, State: Unknown}
		}
	}
	slices.Sort(ids)
	a.bulkhead(whole[Bulkhead])
	y.depths(whole[Depth])
	y.cycles(whole[Cycles])
	y.instrumentation(whole[Instrumentation], know)

	services := make([]ServiceReport, len(ids))
	first := 0
	for i, id := range ids {
		for first < len(sites) && sites[first].Caller < id {
			first++
		}
		last := first
		for last < len(sites) && sites[last].Caller == id {
			last++
		}
		s := &services[i]
		s.Node = id
		s.together(sites[first:last])
		n := a.nodes[id]
		calls := last > first
		for _, p := range ServicePractices {
			c := Check{Practice: p, State: Unknown}
			switch p {
			case Shedding:
				c = n.shedding()
			case Storm:
				c = n.storm()
			case Recovery:
				c = n.recovery()
			case HealthCheck:
			default:
				if !calls {
					continue // it waits for nobody
				}
				c = *whole[p][id]
				c.Nodes = slices.Clip(c.Nodes)
			}
			s.Checks = append(s.Checks, c)
		}
		s.Maturity = maturity(s.Checks)
		first = last
	}
	return services
}

// together is, for each practice, the worst that is known of the sites that count.
func (s *ServiceReport) together(sites []SiteReport) {
	s.Counts = map[Practice]Counts{}
	sums := map[Practice]*Check{}
	for i := range sites {
		r := &sites[i]
		if !r.Waits {
			continue
		}
		for _, c := range r.Checks {
			if r.Share < mainShare && c.State == Unknown {
				continue
			}
			n := s.Counts[c.Practice]
			sum := sums[c.Practice]
			if sum == nil {
				sum = &Check{Practice: c.Practice, State: Pass}
				sums[c.Practice] = sum
			}
			sum.Evidence += c.Evidence
			switch c.State {
			case Pass:
				n.Pass++
			case Risk:
				n.Risk++
				sum.State = Risk
				sum.Nodes = append(sum.Nodes, r.Callee)
			default:
				n.Unknown++
				if sum.State == Pass {
					sum.State = Unknown
				}
			}
			s.Counts[c.Practice] = n
		}
	}
	for _, p := range SitePractices {
		if c := sums[p]; c != nil {
			c.Value = float64(s.Counts[p].Risk)
			c.Nodes = sorted(c.Nodes)
			s.Checks = append(s.Checks, *c)
		}
	}
}
