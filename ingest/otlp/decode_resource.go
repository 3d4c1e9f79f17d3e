package otlp

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"faultline/graph"
)

// resources are what the resources of late requests say, by the bytes it was read from: the few resources
// of a sender come again in each of its requests. It is safe for concurrent use.
type resources struct {
	seed  maphash.Seed
	slots [1 << 13]atomic.Pointer[knownResource]

	mu       sync.Mutex
	services map[graph.Service]*graph.Service // one for all resources that say the same, as those of many instances do
}

type knownResource struct {
	raw     string
	service *graph.Service
	flawed  repairs // what was mended in it
}

// maxKnownResource is the longest resource that is remembered, in bytes, so that all of them never take
// more than 32 MiB.
const maxKnownResource = 2 << 10

// newcomer is how seldom a resource takes the place of another. If it always did, two that share a place
// would never be found there.
const newcomer = 8

func (r *resources) slot(raw []byte) *atomic.Pointer[knownResource] {
	return &r.slots[maphash.Bytes(r.seed, raw)%uint64(len(r.slots))]
}

// find returns what the resource says that was read from raw, nil if that is not known.
func (r *resources) find(raw []byte) *knownResource {
	if k := r.slot(raw).Load(); k != nil && k.raw == string(raw) {
		return k
	}
	return nil
}

// add remembers what the resource says that was read from raw. It returns service, or one that says the same and was
// there before, and whether requests to come will find it.
func (r *resources) add(raw []byte, service *graph.Service, flawed repairs) (*graph.Service, bool) {
	slot := r.slot(raw)
	if len(raw) > maxKnownResource || slot.Load() != nil && rand.Uint32()%newcomer != 0 {
		return service, false
	}
	service = r.same(service)
	slot.Store(&knownResource{string(raw), service, flawed})
	return service, true
}

func (r *resources) same(service *graph.Service) *graph.Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.services[*service]; known != nil {
		return known
	}
	if len(r.services) >= len(r.slots) || r.services == nil {
		r.services = map[graph.Service]*graph.Service{} // whoever refers to one of the old ones goes on doing so
	}
	r.services[*service] = service
	return service
}

// findResource finds out what resource the spans are of.
func (s *scan) findResource(data []byte) *fault {
	s.service, s.lasting, s.flawed, s.raw, s.scattered = nil, false, 0, nil, false
	f := fields{in: data}
	for f.next() {
		if f.number == 1 && f.is(wireBytes) {
			s.scattered = s.raw != nil
			s.raw = f.data()
		}
	}
	if f.fault == nil && !s.scattered {
		if k := s.known.find(s.raw); k != nil {
			s.service, s.lasting, s.flawed = k.service, true, k.flawed
			return nil
		}
	}
	s.ofSpan = false
	defer func() { s.ofSpan = true }()
	return s.readResource(data)
}

// readResource reads it from the one place or several where it is described.
func (s *scan) readResource(data []byte) *fault {
	s.attributes.Reset()
	f := fields{in: data}
	for count := 0; f.next(); {
		if f.number != 1 || !f.is(wireBytes) {
			continue
		}
		r := fields{in: f.data()}
		for r.next() {
			if r.number == 1 && r.is(wireBytes) {
				if bad := s.attribute(r.data(), &count, &s.flawed); bad != nil {
					return bad.at("resource")
				}
			}
		}
		if r.fault != nil {
			return r.fault.at("resource")
		}
	}
	if f.fault != nil {
		return f.fault
	}
	var named bool
	if s.fresh, named = graph.ServiceOf(&s.attributes); !named {
		s.flawed |= unnamedService
	}
	return nil
}

// keepResource makes the service that spans refer to. It owns its strings: it may outlive the request.
func (s *scan) keepResource() {
	service := s.fresh
	texts := [...]*string{
		&service.Name, &service.Namespace, &service.Environment, &service.Version, &service.Tier,
	}
	var all strings.Builder
	for _, t := range texts {
		all.WriteString(*t)
	}
	rest := all.String()
	for _, t := range texts {
		*t, rest = rest[:len(*t)], rest[len(*t):]
	}
	s.service = &service
	if !s.scattered {
		s.service, s.lasting = s.known.add(s.raw, s.service, s.flawed)
	}
}
