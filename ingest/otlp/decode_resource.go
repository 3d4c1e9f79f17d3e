package otlp

import (
	"hash/maphash"
	"sync"
	"unsafe"

	"faultline/graph"
)

// resources are what the resources of late requests say, by a hash of the bytes it was read from: the few resources
// of a sender come again in each of its requests. It is safe for concurrent use.
type resources struct {
	knowns[knownResource]

	mu            sync.Mutex
	services      map[graph.Service]*graph.Service // one for all resources that say the same, as those of many instances do
	servicesBytes int64                            // that they take, about
}

type knownResource struct {
	service *graph.Service
	flawed  repairs // what was mended in it
}

// The bounds of what is remembered: instances, and services of which they are.
const (
	resourceBuckets  = 1 << 15
	maxResourceBytes = 24 << 20
	maxServiceBytes  = 8 << 20
)

// add remembers what the resource says that was read from bytes with that hash. It returns service, or one that says the
// same and was there before, and whether requests to come will find it.
func (r *resources) add(hash uint64, service *graph.Service, flawed repairs) (*graph.Service, bool) {
	bytes := int64(unsafe.Sizeof(known[knownResource]{})) + sizeOf(service)
	k := r.knowns.add(hash, bytes, func() knownResource { return knownResource{r.same(service), flawed} })
	if k == nil {
		return service, false
	}
	return k.service, true
}

// sizeOf is how many bytes a service takes, about.
func sizeOf(s *graph.Service) int64 {
	return int64(unsafe.Sizeof(*s)) + int64(len(s.Name)+len(s.Namespace)+len(s.Environment)+len(s.Version)+len(s.Tier))
}

// mappedSize is how many bytes a service takes with its place in a map, which has its fields again and room to spare.
func mappedSize(s *graph.Service) int64 { return sizeOf(s) + 2*int64(unsafe.Sizeof(*s)) }

func (r *resources) same(service *graph.Service) *graph.Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.services[*service]; one != nil {
		return one
	}
	bytes := mappedSize(service)
	if r.services == nil || r.servicesBytes+bytes > maxServiceBytes {
		r.services, r.servicesBytes = map[graph.Service]*graph.Service{}, 0 // whoever refers to one of the old ones goes on doing so
	}
	r.services[*service] = service
	r.servicesBytes += bytes
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
		s.source = maphash.Bytes(s.known.seed, s.raw)
		if k := s.known.find(s.source); k != nil {
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

// keepResource makes the service that spans refer to. It may outlive the request.
func (s *scan) keepResource() {
	s.service = s.fresh.Lasting()
	if !s.scattered {
		s.service, s.lasting = s.known.add(s.source, s.service, s.flawed)
	}
}
