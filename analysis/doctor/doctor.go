// Package doctor says which fault of instrumentation hides which edges of the graph. It looks at what became of
// the half calls of every service and names, for those that could not be joined into an edge, the most likely
// cause where the spans come from and what to do about it. It is pure.
package doctor

import (
	"cmp"
	"slices"
	"strings"

	"faultline/graph"
)

// Reason is why edges of a service are missing or wrong. The set is closed.
type Reason string

// The reasons, from the widest to the narrowest.
const (
	NoServiceName   Reason = "no_service_name"     // the resource does not name its service
	InternalOnly    Reason = "internal_only"       // the service exists, but no span of it is half of a call
	RootServersOnly Reason = "root_servers_only"   // traces begin anew in it although others call its address
	OverLimit       Reason = "over_limit"          // names over a cardinality limit
	NoPeer          Reason = "client_without_peer" // outgoing calls that no answer and no attribute gives a callee
	NoPartner       Reason = "partner_not_seen"    // incoming calls whose caller never came
	Waiting         Reason = "waiting"             // halves that may still be joined
)

// Reasons lists every reason, the widest first.
var Reasons = []Reason{NoServiceName, InternalOnly, RootServersOnly, OverLimit, NoPeer, NoPartner, Waiting}

// Severity is how much a finding matters.
type Severity string

// The severities, worst first.
const (
	Bad  Severity = "bad"  // edges are missing or wrong
	Warn Severity = "warn" // some are
	Note Severity = "note" // nothing to do yet
)

var severities = []Severity{Bad, Warn, Note}

// From which share of the halves of a side a finding is how severe.
const (
	badShare     = 0.10
	warnShare    = 0.01
	waitingShare = 0.05 // below it, halves that wait are those just sent
	mostShare    = 0.95 // the same as all, but for a few that came otherwise
)

// Fates lists every fate, those that make an edge first.
var Fates = []graph.Fate{
	graph.FatePaired, graph.FateInferred, graph.FateRoot, graph.FateInner,
	graph.FateWaiting, graph.FateNoPeer, graph.FateNoPartner, graph.FateLimit,
}

// Counts are halves by fate. A fate that none met may be missing.
type Counts map[graph.Fate]int64

// Sum is the number of halves, whatever their fate.
func (c Counts) Sum() int64 {
	var n int64
	for _, v := range c {
		n += v
	}
	return n
}

// Finding is one thing amiss with a service.
type Finding struct {
	Reason
	Severity
	Side   graph.Side // "": the service as a whole
	Halves int64      // that it concerns
	Share  float64    // of the halves of the side, or of the service, in [0, 1]
	Cause  string     // what is most likely amiss where the spans come from
	Repair string     // what to do about it
	Beside []graph.NodeID
}

// Service is one service with what became of its halves and what is amiss with it, worst first.
type Service struct {
	ID       graph.NodeID
	Node     graph.Node // zero if the graph does not know it
	Client   Counts
	Server   Counts
	Findings []Finding
}

// Report is the doctor's word on a window.
type Report struct {
	Halves int64  // that came
	Fates  Counts // of all services
	// Unaccounted is what is left of Halves when those with a known fate are taken away. Every half has
	// exactly one fate, so anything but zero is a defect of Faultline.
	Unaccounted int64
	Services    []Service // worst first
}

// Diagnose looks at the halves of a window beside the graph of the same window.
func Diagnose(g *graph.Graph, halves []graph.HalfRow) Report {
	r := Report{Fates: Counts{}}
	nodes := make(map[graph.NodeID]*graph.NodeStats, len(g.Nodes))
	services := make(map[graph.NodeID]*Service, len(g.Nodes))
	at := func(id graph.NodeID) *Service {
		s := services[id]
		if s == nil {
			s = &Service{ID: id, Client: Counts{}, Server: Counts{}}
			if n := nodes[id]; n != nil {
				s.Node = n.Node
			}
			services[id] = s
		}
		return s
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		nodes[n.ID()] = n
	}
	for i := range halves {
		h := &halves[i]
		r.Halves += h.N
		switch h.Side {
		case graph.ClientSide:
			at(h.Node).Client[h.Fate] += h.N
		case graph.ServerSide:
			at(h.Node).Server[h.Fate] += h.N
		}
	}
	for _, s := range services {
		for _, c := range []Counts{s.Client, s.Server} {
			for f, n := range c {
				if n <= 0 || !slices.Contains(Fates, f) { // more were taken back than given, or no fate at all
					delete(c, f)
					continue
				}
				r.Fates[f] += n
			}
		}
	}
	r.Unaccounted = r.Halves - r.Fates.Sum()
	if r.Halves != 0 { // else nothing was counted, which says nothing about anybody
		for id, n := range nodes {
			if n.Type == graph.TypeService {
				at(id)
			}
		}
	}
	addresses := newAddressBook(g)
	for _, s := range services {
		s.examine(addresses)
		r.Services = append(r.Services, *s)
	}
	slices.SortFunc(r.Services, worstFirst)
	return r
}

// worstFirst orders services by their worst finding, then by how many halves are concerned.
func worstFirst(a, b Service) int {
	rank := func(s *Service) (int, int64) {
		if len(s.Findings) == 0 {
			return len(severities), s.Client.Sum() + s.Server.Sum()
		}
		worst, n := s.Findings[0].Severity, int64(0)
		for _, f := range s.Findings {
			if f.Severity == worst {
				n += f.Halves
			}
		}
		return slices.Index(severities, worst), n
	}
	as, an := rank(&a)
	bs, bn := rank(&b)
	return cmp.Or(cmp.Compare(as, bs), cmp.Compare(bn, an), strings.Compare(a.Node.Name, b.Node.Name), cmp.Compare(a.ID, b.ID))
}

func (s *Service) examine(addresses *addressBook) {
	if s.Node.Name == unknownService || strings.HasPrefix(s.Node.Name, unknownService+":") {
		s.find(NoServiceName, "", s.Client.Sum()+s.Server.Sum(), Bad)
	}
	if s.Client.Sum()+s.Server.Sum() == 0 {
		s.find(InternalOnly, "", 0, Warn)
	}
	if root := s.Server[graph.FateRoot]; root > 0 && float64(root) >= mostShare*float64(s.Server.Sum()) {
		if beside, where := addresses.callersOf(s); len(beside) > 0 {
			s.find(RootServersOnly, graph.ServerSide, root, Bad, where...)
			s.Findings[len(s.Findings)-1].Beside = beside
		}
	}
	for _, side := range []struct {
		side   graph.Side
		counts Counts
	}{{graph.ClientSide, s.Client}, {graph.ServerSide, s.Server}} {
		all := float64(side.counts.Sum())
		for fate, reason := range map[graph.Fate]Reason{
			graph.FateNoPeer: NoPeer, graph.FateNoPartner: NoPartner, graph.FateLimit: OverLimit,
		} {
			n := side.counts[fate]
			switch share := float64(n) / all; {
			case n == 0:
			case share >= badShare:
				s.find(reason, side.side, n, Bad)
			case share >= warnShare:
				s.find(reason, side.side, n, Warn)
			default:
				s.find(reason, side.side, n, Note)
			}
		}
		if n := side.counts[graph.FateWaiting]; n > 0 && float64(n) >= waitingShare*all {
			s.find(Waiting, side.side, n, Note)
		}
	}
	slices.SortFunc(s.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)), cmp.Compare(b.Halves, a.Halves),
			cmp.Compare(slices.Index(Reasons, a.Reason), slices.Index(Reasons, b.Reason)), cmp.Compare(a.Side, b.Side))
	})
}

// find adds a finding about n halves of a side; where says more, for the reasons that need it.
func (s *Service) find(reason Reason, side graph.Side, n int64, severity Severity, where ...string) {
	of := map[graph.Side]int64{
		graph.ClientSide: s.Client.Sum(), graph.ServerSide: s.Server.Sum(), "": s.Client.Sum() + s.Server.Sum(),
	}[side]
	f := Finding{Reason: reason, Severity: severity, Side: side, Halves: n}
	if of > 0 {
		f.Share = float64(n) / float64(of)
	}
	f.Cause, f.Repair = words(&f, s, where)
	s.Findings = append(s.Findings, f)
}
