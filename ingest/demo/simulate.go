package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

// span is one span of a simulated trace, in the order of starting: parents come before their children.
type span struct {
	service *service
	kind    spanKind
	name    string
	parent  int // index in the trace; -1 for a root
	link    int // index of the producer's span that a root consumer links to; -1
	start   time.Duration
	end     time.Duration // since the beginning of the trace
	attrs   []attr
	failed  bool
	problem string // status description
	over    protocol
}

type spanKind uint8

const (
	internal spanKind = iota
	server
	client
	producer
	consumer
)

// attr is an attribute with a string or an int64.
type attr struct {
	key   string
	value any
}

// outcome is how a call went, as its caller sees it.
type outcome struct {
	end     time.Duration
	failed  bool
	status  int // HTTP; 0 when there was no answer
	timeout bool
}

// world simulates requests. Equal seeds give equal worlds.
type world struct {
	r      *rand.Rand
	faults []fault
	trace  []span
	queued []message // published and not consumed yet
}

type message struct {
	topic string
	span  int
	at    time.Duration
}

func newWorld(seed uint64) *world {
	return &world{r: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
}

// request simulates one request of a user to the operation, and all that it brings about, while the given
// faults are on.
func (w *world) request(op string, on []fault) []span {
	w.begin(on)
	o := operations[op]
	root := w.start(o.service, server, o.name, -1, 0)
	w.trace[root].describeServer(o, overHTTP)
	w.serve(root, o)
	w.consume()
	return w.trace
}

// background simulates work that no request starts.
func (w *world) background(on []fault) []span {
	w.begin(on)
	o := operations[backgroundOperation]
	root := w.start(o.service, internal, o.name, -1, 0)
	w.serve(root, o)
	return w.trace
}

func (w *world) begin(on []fault) {
	w.faults, w.trace, w.queued = on, nil, nil
}

func (w *world) start(svc string, kind spanKind, name string, parent int, at time.Duration) int {
	w.trace = append(w.trace, span{service: byName(svc), kind: kind, name: name, parent: parent, link: -1, start: at, end: at})
	return len(w.trace) - 1
}

func byName(name string) *service {
	for i := range services {
		if services[i].name == name {
			return &services[i]
		}
	}
	panic("no service " + name)
}

// around draws from a log-normal distribution with the given median.
func (w *world) around(median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(0.35*w.r.NormFloat64()))
}

func (w *world) chance(p float64) bool { return w.r.Float64() < p }

// fault sums what is wrong with a target now.
func (w *world) fault(target, operation string) (down bool, errors float64, slower time.Duration) {
	for _, f := range w.faults {
		if f.target == target && (f.operation == "" || f.operation == operation) {
			down = down || f.down
			errors = max(errors, f.errors)
			slower += f.slower
		}
	}
	return down, errors, slower
}

// serve runs an operation in the span at, which has started, and ends the span.
func (w *world) serve(at int, o *operation) outcome {
	begin := w.trace[at].start
	_, errs, slower := w.fault(o.service, o.name)
	now := begin + w.around(o.own)/2 + slower
	failed, problem := false, ""
	if w.chance(errs) {
		failed, problem = true, "cannot decode the message"
	}
	before := now
	for i := range o.steps {
		s := &o.steps[i]
		if failed || s.share > 0 && !w.chance(s.share) {
			continue
		}
		from := now
		if s.alone {
			from = before
		}
		before = from
		result := w.step(at, o, s, from)
		if result.failed && s.instead != nil {
			result = w.step(at, o, s.instead, result.end)
		}
		now = max(now, result.end)
		if result.failed && !s.soft {
			failed, problem = true, "a dependency failed"
		}
	}
	now += w.around(o.own) / 2
	status := 200
	switch {
	case failed:
		status = 500
	case o.name == "GET /product/{id}" && w.chance(0.01), o.name == "GET /api/products/{id}" && w.chance(0.004):
		status = 404
	}
	w.finish(at, now, failed, problem, status)
	return outcome{end: now, failed: failed, status: status}
}

// finish ends a span of the callee's side.
func (w *world) finish(at int, end time.Duration, failed bool, problem string, status int) {
	s := &w.trace[at]
	s.end, s.failed, s.problem = end, failed, problem
	s.answer(status)
	if !failed {
		s.problem = ""
	}
}

// step takes one step of an operation, with its repetitions and attempts.
func (w *world) step(at int, o *operation, s *step, now time.Duration) (result outcome) {
	for range max(s.times, 1) {
		for attempt := 1; ; attempt++ {
			result = w.once(at, o, s, now, attempt-1)
			now = result.end
			if !result.failed || attempt >= max(s.attempts, 1) {
				break
			}
			now += w.around(time.Duration(attempt*attempt) * 50 * ms) // backs off, with jitter
		}
		if result.failed {
			break
		}
	}
	return result
}

func (w *world) once(at int, o *operation, s *step, now time.Duration, resend int) outcome {
	switch {
	case s.call != "":
		return w.call(at, o, s, now, resend)
	case s.store != nil:
		return w.query(at, o, s, now)
	case s.external != nil:
		return w.leave(at, o, s, now, resend)
	default:
		return w.publish(at, o, s, now)
	}
}

const network = 300 * time.Microsecond

// call simulates a call to another service of the shop: the caller's span, and the callee's unless it is
// down. A caller that gives up does not stop the callee.
func (w *world) call(at int, o *operation, s *step, now time.Duration, resend int) outcome {
	callee := operations[s.call]
	c := w.start(o.service, client, clientName(callee, s.over), at, now)
	w.trace[c].describeClient(callee, s.over, resend)
	down, _, _ := w.fault(callee.service, "")
	result := outcome{end: now + w.around(network)}
	if down {
		result.failed = true
		w.trace[c].hangUp(result, "connection refused")
		return result
	}
	b := w.start(callee.service, server, callee.name, c, now+w.around(network))
	w.trace[b].describeServer(callee, s.over)
	result = w.serve(b, callee)
	result.end += w.around(network)
	problem := ""
	if s.timeout > 0 && result.end-now > s.timeout {
		result = outcome{end: now + s.timeout, failed: true, timeout: true}
		problem = "deadline exceeded"
	}
	w.trace[c].hangUp(result, problem)
	return result
}

// query simulates a statement sent to a store.
func (w *world) query(at int, o *operation, s *step, now time.Duration) outcome {
	st := s.store
	c := w.start(o.service, client, queryName(st), at, now)
	w.trace[c].describeStore(st)
	down, errs, slower := w.fault(st.host, "")
	result := outcome{end: now + w.around(st.time) + slower}
	if down {
		result = outcome{end: now + w.around(ms), failed: true}
	} else if w.chance(errs) {
		result.failed = true
	}
	w.trace[c].end, w.trace[c].failed = result.end, result.failed
	if result.failed {
		w.trace[c].problem = "connection refused"
		w.trace[c].attrs = append(w.trace[c].attrs, attr{"error.type", "connection_refused"})
	}
	return result
}

// leave simulates a request to somebody else's service.
func (w *world) leave(at int, o *operation, s *step, now time.Duration, resend int) outcome {
	e := s.external
	c := w.start(o.service, client, e.method, at, now)
	w.trace[c].describeExternal(e, resend)
	_, errs, slower := w.fault(e.host, "")
	result := outcome{end: now + w.around(e.time) + slower, status: 200}
	switch {
	case w.chance(errs):
		result.failed, result.status = true, 502
	case e.host == "push.example" && w.chance(0.03):
		result.status = 429 // its quota; not a failure of anybody
	}
	problem := ""
	if s.timeout > 0 && result.end-now > s.timeout {
		result = outcome{end: now + s.timeout, failed: true, timeout: true}
		problem = "deadline exceeded"
	}
	w.trace[c].hangUp(result, problem)
	return result
}

// publish simulates a message sent to a topic.
func (w *world) publish(at int, o *operation, s *step, now time.Duration) outcome {
	p := w.start(o.service, producer, "send "+s.publish, at, now)
	w.trace[p].describeProducer(s.publish)
	w.trace[p].end = now + w.around(2*ms)
	w.queued = append(w.queued, message{s.publish, p, w.trace[p].end})
	return outcome{end: w.trace[p].end}
}

// consume lets the consumers take every message, and those that this brings about.
func (w *world) consume() {
	for len(w.queued) > 0 {
		m := w.queued[0]
		w.queued = w.queued[1:]
		for _, sub := range subscriptions {
			if sub.topic != m.topic {
				continue
			}
			o := operations[sub.operation]
			at := m.at + w.around(20*ms)
			parent := m.span
			if sub.linked {
				parent = -1
			}
			c := w.start(o.service, consumer, o.name, parent, at)
			if sub.linked {
				w.trace[c].link = m.span
			}
			w.trace[c].describeConsumer(sub)
			w.serve(c, o)
		}
	}
}
