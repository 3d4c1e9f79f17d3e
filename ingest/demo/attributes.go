package demo

import (
	"fmt"
	"strings"
)

// The attributes of the semantic conventions, current ones and those of 2022 for services marked legacy.

func (s *span) add(key string, value any) { s.attrs = append(s.attrs, attr{key, value}) }

// either adds an attribute under its current or its old name.
func (s *span) either(current, old string, value any) {
	if s.service.legacy {
		current = old
	}
	s.add(current, value)
}

// route splits the name of an HTTP operation.
func route(name string) (method, path string) {
	method, path, _ = strings.Cut(name, " ")
	return method, path
}

// concrete is a path as a client asked for it.
func concrete(path string) string { return strings.ReplaceAll(path, "{id}", "4711") }

func (s *span) describeServer(o *operation, over protocol) {
	s.over = over
	if over == overGRPC {
		s.describeRPC(o.name)
		return
	}
	method, path := route(o.name)
	s.either("http.request.method", "http.method", method)
	s.add("http.route", path)
	s.either("url.path", "http.target", concrete(path))
	s.either("url.scheme", "http.scheme", "http")
	s.either("server.address", "net.host.name", o.service)
}

func (s *span) describeRPC(method string) {
	if s.service.legacy {
		svc, m, _ := strings.Cut(method, "/")
		s.add("rpc.system", "grpc")
		s.add("rpc.service", svc)
		s.add("rpc.method", m)
		return
	}
	s.add("rpc.system.name", "grpc")
	s.add("rpc.method", method)
}

func clientName(callee *operation, over protocol) string {
	if over == overGRPC {
		return callee.name
	}
	method, _ := route(callee.name)
	return method
}

func (s *span) describeClient(callee *operation, over protocol, resend int) {
	s.over = over
	port := int64(8080)
	if over == overGRPC {
		s.describeRPC(callee.name)
		port = 9090
	} else {
		method, path := route(callee.name)
		s.either("http.request.method", "http.method", method)
		s.either("url.full", "http.url", fmt.Sprintf("http://%s:%d%s", callee.service, port, concrete(path)))
		s.resent(resend)
	}
	s.either("server.address", "net.peer.name", callee.service)
	s.either("server.port", "net.peer.port", port)
}

func (s *span) resent(n int) {
	if n > 0 {
		s.either("http.request.resend_count", "http.resend_count", int64(n))
	}
}

func queryName(st *store) string { return strings.TrimSpace(st.statement + " " + st.collection) }

func (s *span) describeStore(st *store) {
	s.either("db.system.name", "db.system", st.system)
	s.either("db.operation.name", "db.operation", st.statement)
	s.either("server.address", "net.peer.name", st.host)
	s.either("server.port", "net.peer.port", int64(st.port))
	if st.namespace != "" {
		s.either("db.namespace", "db.name", st.namespace)
	}
	if st.collection != "" {
		s.either("db.collection.name", "db.sql.table", st.collection)
	}
}

func (s *span) describeExternal(e *external, resend int) {
	s.over = overHTTP
	s.either("http.request.method", "http.method", e.method)
	s.either("url.full", "http.url", "https://"+e.host+e.path)
	s.either("server.address", "net.peer.name", e.host)
	s.either("server.port", "net.peer.port", int64(443))
	if e.model != "" {
		s.add("gen_ai.provider.name", "example")
		s.add("gen_ai.request.model", e.model)
		s.add("gen_ai.operation.name", "embeddings")
	}
	s.resent(resend)
}

func (s *span) describeProducer(topic string) {
	s.add("messaging.system", "kafka")
	s.add("messaging.destination.name", topic)
	s.add("messaging.operation.type", "send")
	s.add("messaging.operation.name", "send")
	s.add("server.address", "kafka")
	s.add("server.port", int64(9092))
}

func (s *span) describeConsumer(sub subscription) {
	s.add("messaging.system", "kafka")
	s.add("messaging.destination.name", sub.topic)
	s.add("messaging.operation.type", "process")
	s.add("messaging.operation.name", "process")
	s.add("messaging.consumer.group.name", sub.group)
}

// grpcStatus is the code that goes with an HTTP status, by number and name.
func grpcStatus(status int) (int64, string) {
	switch status {
	case 200:
		return 0, "OK"
	case 404:
		return 5, "NOT_FOUND"
	case 500:
		return 13, "INTERNAL"
	case 504:
		return 4, "DEADLINE_EXCEEDED"
	default:
		return 14, "UNAVAILABLE"
	}
}

// answered adds the status of an answer.
func (s *span) answered(status int) {
	switch s.over {
	case overHTTP:
		s.either("http.response.status_code", "http.status_code", int64(status))
	case overGRPC:
		code, name := grpcStatus(status)
		if s.service.legacy {
			s.add("rpc.grpc.status_code", code)
		} else {
			s.add("rpc.response.status_code", name)
		}
	}
}

// answer adds what a callee answered.
func (s *span) answer(status int) {
	if s.kind != server {
		return
	}
	s.answered(status)
	if s.failed {
		s.add("error.type", fmt.Sprint(status))
	}
}

// hangUp ends a caller's span with what came back, if anything did. A client's span is an error also when
// the answer is a 4xx.
func (s *span) hangUp(o outcome, problem string) {
	s.end = o.end
	s.failed = o.failed || o.status >= 400
	s.problem = problem
	switch {
	case o.timeout && s.over == overGRPC:
		s.answered(504)
		s.add("error.type", "DEADLINE_EXCEEDED")
	case o.timeout:
		s.add("error.type", "timeout")
	case o.status == 0 && s.over == overGRPC:
		s.answered(503)
		s.add("error.type", "UNAVAILABLE")
	case o.status == 0:
		s.add("error.type", "connection_refused")
	default:
		s.answered(o.status)
		if s.failed {
			s.add("error.type", fmt.Sprint(o.status))
		}
	}
}
