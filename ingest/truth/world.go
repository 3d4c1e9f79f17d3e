package truth

import (
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/graph"
)

// World is a made-up system that was busy for a while.
type World struct {
	Spans []Span // each once, caller before callee
	Tables
}

// builder makes a World.
type builder struct {
	*World
	ids
	chance   *rand.Rand
	services int
}

// New returns a system of services with requests within a minute from begin: calls over HTTP and gRPC, with
// and without a span of the caller, with one id for both halves, and with spans around them; retries that help
// and that do not; databases by their present and their former attributes; queues with one consumer and with
// several, by parent and by link, one message at a time and many; external hosts; requests whose caller never
// came. Everything may fail, and may or may not take its caller down.
func New(seed uint64, services, requests int, begin time.Time) *World {
	b := &builder{World: &World{Tables: NewTables()}, chance: rand.New(rand.NewPCG(seed, 3)), services: services}
	for range requests {
		at := begin.Add(time.Duration(b.chance.Int64N(int64(time.Minute))))
		service := b.service("")
		name := fmt.Sprintf("GET /page-%c", 'a'+b.chance.IntN(3))
		user, parent, fate := "user user", pcommon.SpanID{}, graph.FateRoot
		if b.chance.IntN(10) == 0 {
			user, parent, fate = "unknown unknown", b.span(), graph.FateNoPartner
		}
		r := b.serve(b.trace(), parent, b.span(), service, name, ptrace.SpanKindServer, at)
		b.AddCalls(CallSite{user, "service " + service, "", "http", graph.Sync, "", name}, r.work(2))
		b.AddHalves(Half{"service " + service, graph.ServerSide, fate}, 1)
	}
	return b.World
}

// Wide returns a system with as many edges between services, each with one call.
func Wide(services, edges int, begin time.Time) *World {
	b := &builder{World: &World{Tables: NewTables()}, chance: rand.New(rand.NewPCG(1, 3)), services: services}
	callees := edges / services
	for i := range services {
		for k := range callees {
			from, to := fmt.Sprintf("svc-%d", i), fmt.Sprintf("svc-%d", (i+1+k)%services)
			at := begin.Add(time.Duration(b.chance.Int64N(int64(10 * time.Second))))
			r := b.serve(b.trace(), pcommon.SpanID{}, b.span(), from, "GET /", ptrace.SpanKindServer, at)
			r.call(to, 0, "GET /")
			b.AddCalls(CallSite{"user user", "service " + from, "", "http", graph.Sync, "", "GET /"}, r.end(false))
			b.AddHalves(Half{"service " + from, graph.ServerSide, graph.FateRoot}, 1)
		}
	}
	return b.World
}

// service draws a service other than one.
func (b *builder) service(other string) string {
	for {
		if s := fmt.Sprintf("svc-%d", b.chance.IntN(b.services)); s != other {
			return s
		}
	}
}

func (b *builder) millis() time.Duration {
	return time.Millisecond + time.Duration(b.chance.Int64N(int64(5*time.Millisecond)))
}

// request is one that a service works on.
type request struct {
	*builder
	trace   pcommon.TraceID
	under   pcommon.SpanID // parent of what it does
	service string
	name    string
	span    int // its own, in Spans
	at      time.Time
	used    map[string]bool
	fares   []fare
}

// fare is how a request fared with one callee.
type fare struct {
	callee   string
	outcome  Outcome
	failed   bool
	answered bool // the callee itself says that it failed
}

// serve begins a request.
func (b *builder) serve(trace pcommon.TraceID, parent, id pcommon.SpanID, service, name string, kind ptrace.SpanKind, at time.Time) *request {
	r := &request{builder: b, trace: trace, under: id, service: service, name: name, span: len(b.Spans), at: at, used: map[string]bool{service: true}}
	text := map[string]string{"http.request.method": "GET"}
	if kind == ptrace.SpanKindConsumer {
		text = map[string]string{"messaging.system": "kafka"}
	}
	b.Spans = append(b.Spans, Span{
		Trace: trace, ID: id, Parent: parent, Service: service, Name: name, Kind: kind, Start: at, Text: text,
	})
	return r
}

// end ends the request and counts it.
func (r *request) end(failed bool) Calls {
	r.at = r.at.Add(r.millis())
	s := &r.Spans[r.span]
	s.End, s.Failed = r.at, failed
	c := Calls{Calls: 1}
	if failed {
		c.Failed = 1
	}
	node := "service " + r.service
	r.AddRequests(Operation{node, r.name}, c)
	failing, last := 0, -1
	for i := range r.fares {
		if r.fares[i].failed {
			failing++
			last = i
		}
	}
	whole := Outcome{Requests: 1, Failed: c.Failed}
	if failing == 0 {
		whole.Clean, whole.CleanFailed = 1, c.Failed
	}
	r.AddOutcome(Fare{node, r.name, ""}, whole)
	for i, f := range r.fares {
		o := f.outcome
		o.Requests, o.Failed = 1, c.Failed
		switch {
		case !f.failed:
		case failing > 1 && failed:
			o.ContestedFatal = 1
		case failing > 1:
			o.ContestedSurvived = 1
		case failed:
			o.TotalFatal = 1
		default:
			o.TotalSurvived = 1
		}
		if failed && i == last {
			o.Blamed = 1
			if !f.answered {
				o.Unexplained = 1
			}
		}
		r.AddOutcome(Fare{node, r.name, f.callee}, o)
	}
	return c
}

// work does what the request is for, and ends it. depth is how much further calls go.
func (r *request) work(depth int) Calls {
	called := false
	for range r.chance.IntN(4) {
		if depth > 0 {
			called = r.step(depth) || called
		}
	}
	if called {
		return r.end(r.chance.IntN(2) == 0)
	}
	return r.end(r.chance.IntN(20) == 0)
}

// step does one of the things that requests do, and reports whether it failed.
func (r *request) step(depth int) bool {
	r.at = r.at.Add(r.millis())
	var callee string
	for range 10 {
		if s := r.builder.service(r.service); !r.used[s] {
			callee = s
		}
	}
	bad := r.chance.IntN(5) == 0
	what := r.chance.IntN(13)
	thing := fmt.Sprint("thing ", what)
	switch {
	case what < 7:
		thing = callee
	case what == 8:
		thing = "thing 7" // the same database by other attributes
	}
	if thing == "" || r.used[thing] {
		return false
	}
	r.used[thing] = true
	switch what {
	case 0, 1:
		return r.call(callee, depth-1, "GET /items")
	case 2:
		return r.wrapped(callee, depth-1)
	case 3:
		return r.direct(callee, depth-1)
	case 4:
		return r.shared(callee, depth-1)
	case 5:
		return r.retried(callee, bad)
	case 6:
		return r.nested(callee, depth-1)
	case 7:
		return r.silent("database shop @ pg:5432", "postgresql", "SELECT orders", bad, map[string]string{
			"db.system.name": "postgresql", "db.namespace": "shop", "server.address": "pg",
		}, nil)
	case 8:
		return r.silent("database shop @ pg:5432", "postgresql", "SELECT carts", bad, map[string]string{
			"db.system": "postgresql", "db.name": "shop", "net.peer.name": "pg",
		}, map[string]int64{"net.peer.port": 5432})
	case 9:
		return r.silent("cache redis @ cache:6379", "redis", "GET cart", bad, map[string]string{
			"db.system": "redis", "server.address": "cache",
		}, map[string]int64{"server.port": 6379})
	case 10:
		return r.silent("external pay.example.com", "http", "POST /charge", bad, map[string]string{
			"http.request.method": "POST", "url.full": "https://pay.example.com/charge",
		}, nil)
	case 11:
		r.publish("orders", 1, r.chance.IntN(3), r.chance.IntN(3))
	case 12:
		r.publish("batches", 2+r.chance.IntN(3), 0, 1+r.chance.IntN(2))
	}
	return false
}

// client adds a span of the caller that begins now, and returns its place in Spans.
func (r *request) client(kind ptrace.SpanKind, name string, text map[string]string, numbers map[string]int64) int {
	r.Spans = append(r.Spans, Span{
		Trace: r.trace, ID: r.ids.span(), Parent: r.under, Service: r.service, Name: name, Kind: kind,
		Start: r.at, Text: text, Numbers: numbers,
	})
	return len(r.Spans) - 1
}

// done ends a span of the caller now.
func (r *request) done(span int, failed bool) {
	r.at = r.at.Add(r.millis())
	r.Spans[span].End, r.Spans[span].Failed = r.at, failed
}

// answer lets a service work on a call under a span of the caller.
func (r *request) answer(callee, name string, parent, id pcommon.SpanID, depth int) Calls {
	r.at = r.at.Add(r.millis())
	inner := r.serve(r.trace, parent, id, callee, name, ptrace.SpanKindServer, r.at)
	// No call straight back: where both halves have one id, nobody could tell what a child of it in the
	// caller's service is a child of.
	inner.used[r.service] = true
	c := inner.work(depth)
	r.at = inner.at
	r.AddHalves(Half{"service " + callee, graph.ServerSide, graph.FatePaired}, 1)
	return c
}

// paired counts a call whose two halves are there.
func (r *request) paired(callee, protocol, name string, c Calls) {
	r.AddCalls(CallSite{"service " + r.service, "service " + callee, "", protocol, graph.Sync, r.name, name}, c)
}

func (r *request) own(fate graph.Fate, n int64) {
	r.AddHalves(Half{"service " + r.service, graph.ClientSide, fate}, n)
}

// once notes that the callee was called once.
func (r *request) once(callee string, failed, answered bool) bool {
	f := fare{callee, Outcome{Calls: 1, Attempts: 1}, failed, answered}
	if failed {
		f.outcome.FailedAttempts = 1
	}
	r.fares = append(r.fares, f)
	return failed
}

func http(callee string) map[string]string {
	return map[string]string{"http.request.method": "GET", "server.address": callee}
}

// call is a call as most instrumentation shows it.
func (r *request) call(callee string, depth int, name string) bool {
	span := r.client(ptrace.SpanKindClient, "GET", http(callee), map[string]int64{"server.port": 8080})
	c := r.answer(callee, name, r.Spans[span].ID, r.ids.span(), depth)
	r.done(span, c.Failed > 0)
	r.own(graph.FatePaired, 1)
	r.paired(callee, "http", name, c)
	return r.once("service "+callee, c.Failed > 0, true)
}

// wrapped is a call over gRPC under a span of the caller's own.
func (r *request) wrapped(callee string, depth int) bool {
	around := r.client(ptrace.SpanKindInternal, "prepare", nil, nil)
	above := r.under
	r.under = r.Spans[around].ID
	span := r.client(ptrace.SpanKindClient, "shop.Items/Get", map[string]string{
		"rpc.system": "grpc", "rpc.service": "shop.Items", "rpc.method": "Get", "server.address": callee,
	}, nil)
	r.under = above
	c := r.answer(callee, "shop.Items/Get", r.Spans[span].ID, r.ids.span(), depth)
	r.done(span, c.Failed > 0)
	r.done(around, false)
	r.own(graph.FatePaired, 1)
	r.paired(callee, "grpc", "shop.Items/Get", c)
	return r.once("service "+callee, c.Failed > 0, true)
}

// direct is a call of which the caller makes no span.
func (r *request) direct(callee string, depth int) bool {
	c := r.answer(callee, "GET /direct", r.under, r.ids.span(), depth)
	r.paired(callee, "http", "GET /direct", c)
	return r.once("service "+callee, c.Failed > 0, true)
}

// shared is a call whose halves have one id, as Zipkin's have.
func (r *request) shared(callee string, depth int) bool {
	span := r.client(ptrace.SpanKindClient, "GET", http(callee), nil)
	c := r.answer(callee, "GET /shared", r.under, r.Spans[span].ID, depth)
	r.done(span, c.Failed > 0)
	r.own(graph.FatePaired, 1)
	r.paired(callee, "http", "GET /shared", c)
	return r.once("service "+callee, c.Failed > 0, true)
}

// nested is a call over a client library that makes a span of its own around that of HTTP.
func (r *request) nested(callee string, depth int) bool {
	outer := r.client(ptrace.SpanKindClient, "items.list", nil, nil)
	above := r.under
	r.under = r.Spans[outer].ID
	span := r.client(ptrace.SpanKindClient, "GET", http(callee), nil)
	r.under = above
	c := r.answer(callee, "GET /nested", r.Spans[span].ID, r.ids.span(), depth)
	r.done(span, c.Failed > 0)
	r.done(outer, c.Failed > 0)
	r.own(graph.FatePaired, 1)
	r.own(graph.FateInner, 1)
	r.paired(callee, "http", "GET /nested", c)
	return r.once("service "+callee, c.Failed > 0, true)
}

// retried is a call that fails and is made again, once or twice, with success unless it is bad.
func (r *request) retried(callee string, bad bool) bool {
	attempts := 2 + r.chance.IntN(2)
	for i := range attempts {
		failed := bad || i < attempts-1
		numbers := map[string]int64{}
		c := Calls{Calls: 1}
		if i > 0 {
			numbers["http.request.resend_count"] = int64(i)
			c.Resends = 1
		}
		span := r.client(ptrace.SpanKindClient, "GET", http(callee), numbers)
		r.at = r.at.Add(r.millis())
		inner := r.serve(r.trace, r.Spans[span].ID, r.ids.span(), callee, "GET /flaky", ptrace.SpanKindServer, r.at)
		c.Failed = inner.end(failed).Failed
		r.at = inner.at
		r.done(span, failed)
		r.AddHalves(Half{"service " + callee, graph.ServerSide, graph.FatePaired}, 1)
		r.own(graph.FatePaired, 1)
		r.paired(callee, "http", "GET /flaky", c)
		r.at = r.at.Add(r.millis())
	}
	f := fare{"service " + callee, Outcome{Calls: 1, Attempts: int64(attempts), FailedAttempts: int64(attempts)}, bad, true}
	if !bad {
		f.outcome.FailedAttempts--
		f.outcome.Rescued = 1
	}
	r.fares = append(r.fares, f)
	return bad
}

// silent is a call to something that sends no spans.
func (r *request) silent(callee, protocol, name string, bad bool, text map[string]string, numbers map[string]int64) bool {
	span := r.client(ptrace.SpanKindClient, name, text, numbers)
	r.done(span, bad)
	c := Calls{Calls: 1}
	if bad {
		c.Failed = 1
	}
	r.own(graph.FateInferred, 1)
	r.AddCalls(CallSite{"service " + r.service, callee, "", protocol, graph.Sync, r.name, name}, c)
	return r.once(callee, bad, false)
}

// publish sends messages to a queue. Each is taken by so many services that name it as their parent; and so
// many others take all of them at once, in traces of their own with links.
func (r *request) publish(queue string, messages, children, linked int) {
	node, send, process := "queue "+queue, "send "+queue, "process "+queue
	attributes := map[string]string{"messaging.system": "kafka", "messaging.destination.name": queue}
	var links []Link
	used := map[string]bool{r.service: true}
	consumer := func() (name string) {
		for range 10 {
			if s := r.builder.service(r.service); !used[s] {
				name = s
			}
		}
		used[name] = true
		return name
	}
	count := func(name string, n int64) {
		r.AddCalls(CallSite{node, "service " + name, "", "kafka", graph.Async, "", process}, Calls{Calls: n})
		r.AddCalls(CallSite{"service " + r.service, "service " + name, node, "kafka", graph.Async, r.name, process}, Calls{Calls: n})
		r.AddHalves(Half{"service " + name, graph.ServerSide, graph.FatePaired}, 1)
	}
	fate := graph.FateInferred
	take := func(trace pcommon.TraceID, parent pcommon.SpanID, links []Link) {
		name := consumer()
		if name == "" {
			return
		}
		fate = graph.FatePaired
		c := r.serve(trace, parent, r.ids.span(), name, process, ptrace.SpanKindConsumer, r.at.Add(r.millis()))
		s := &r.Spans[c.span]
		s.Text, s.Links = attributes, links
		c.end(false)
		count(name, max(int64(len(links)), 1))
	}
	for range messages {
		span := r.client(ptrace.SpanKindProducer, send, attributes, nil)
		r.done(span, false)
		links = append(links, Link{r.trace, r.Spans[span].ID})
		for range children {
			take(r.trace, r.Spans[span].ID, nil)
		}
	}
	for range linked {
		take(r.ids.trace(), pcommon.SpanID{}, links)
	}
	r.own(fate, int64(messages))
	r.AddCalls(CallSite{"service " + r.service, node, "", "kafka", graph.Sync, r.name, send}, Calls{Calls: int64(messages)})
	r.fares = append(r.fares, fare{node, Outcome{Calls: int64(messages), Attempts: int64(messages)}, false, false})
}
