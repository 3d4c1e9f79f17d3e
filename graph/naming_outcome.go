package graph

import "strings"

// Status codes of gRPC, which Connect and others share.
const (
	grpcUnset              = -1
	grpcOK                 = 0
	grpcCancelled          = 1
	grpcUnknown            = 2
	grpcInvalidArgument    = 3
	grpcDeadlineExceeded   = 4
	grpcNotFound           = 5
	grpcPermissionDenied   = 7
	grpcResourceExhausted  = 8
	grpcUnimplemented      = 12
	grpcInternal           = 13
	grpcUnavailable        = 14
	grpcDataLoss           = 15
	grpcUnauthenticated    = 16
	httpUnauthorized       = 401
	httpTimeout            = 408
	httpConflict           = 409
	httpLocked             = 423
	httpTooEarly           = 425
	httpTooManyRequests    = 429
	httpClientClosed       = 499
	httpNotImplemented     = 501
	httpGatewayTimeout     = 504
	spanFlagHasIsRemote    = 0x100
	spanFlagIsRemoteParent = 0x200
)

// Conclude sets how the call or request of s ended, and what else it says about its place; the Shape must be
// described. SamplingKnown in the Outcome is kept.
func (s *Span) Conclude(raw *Raw, a *Attributes) {
	s.Outcome = s.Outcome&SamplingKnown | s.marks | outcomeOf(s, raw, a) | placeOf(s, raw, a)
}

// outcomeOf returns how the call or request ended. A request that the callee turned down for a reason of the caller's
// (4xx, or the codes of gRPC that mean the same) is a client error and no failure, although the caller's tracer marks it
// as an error.
func outcomeOf(s *Span, raw *Raw, a *Attributes) (o Outcome) {
	http, _ := a.firstInt(httpResponseStatusCode, httpStatusCode)
	grpc := grpcStatus(s.foreign, a)

	switch {
	case http == httpTooManyRequests:
		o |= Throttled
	case http == httpClientClosed:
		o |= Cancelled
	case 400 <= http && http < 500:
		o |= ClientError
	case http >= 500:
		o |= Failed
	}
	if http == httpTimeout || http == httpGatewayTimeout {
		o |= TimedOut
	}
	switch grpc {
	case grpcUnset, grpcOK:
	case grpcCancelled:
		o |= Cancelled
	case grpcResourceExhausted:
		o |= Throttled
	case grpcDeadlineExceeded:
		o |= Failed | TimedOut
	case grpcUnknown, grpcUnimplemented, grpcInternal, grpcUnavailable, grpcDataLoss:
		o |= Failed
	default:
		o |= ClientError
	}
	if raw.Error {
		refused := http >= 400 || grpc > grpcOK
		o |= endedBy(s.Kind, refused, raw.Message, a)
		if o&(Throttled|ClientError|Cancelled) == 0 {
			o |= Failed
		}
	}
	if http >= 400 || grpc > grpcOK {
		o |= permanence(http, grpc)
	}
	return o
}

// permanence tells refusals that the same call meets again from those that may pass: a token can be renewed, a
// conflict resolved, a lock released.
func permanence(http, grpc int64) Outcome {
	switch grpc {
	case grpcInvalidArgument, grpcNotFound, grpcPermissionDenied, grpcUnimplemented:
		return Permanent
	}
	switch http {
	case httpUnauthorized, httpTimeout, httpConflict, httpLocked, httpTooEarly, httpTooManyRequests, httpClientClosed:
		return 0
	case httpNotImplemented:
		return Permanent
	}
	if 400 <= http && http < 500 && grpc <= grpcOK {
		return Permanent
	}
	return 0
}

// placeOf returns the bits that depend neither on how the span ended nor on its Shape alone.
func placeOf(s *Span, raw *Raw, a *Attributes) (o Outcome) {
	if n, ok := a.firstInt(httpRequestResendCount, httpResendCount); ok && n > 0 {
		o |= Resent
	}
	if raw.Flags&spanFlagHasIsRemote != 0 && raw.Flags&spanFlagIsRemoteParent == 0 && s.Parent != (SpanID{}) {
		o |= LocalParent
	}
	return o
}

// marksOf returns the bits that are the same for all spans of a Shape.
func marksOf(k Kind, a *Attributes) (o Outcome) {
	if k == KindClient || k == KindConsumer {
		switch a.first(messagingOperationType, messagingOperation) {
		case "receive", "poll":
			o |= Receive
		}
	}
	switch a.Text(userAgentSyntheticType) {
	case "bot", "test":
		o |= Synthetic
	}
	return o
}

// grpcStatus returns the status code of an RPC, given as a number or by name, or grpcUnset. Numbers of
// other RPC systems mean something else: foreign tells that they are those of one.
func grpcStatus(foreign bool, a *Attributes) int64 {
	for _, k := range [...]Key{rpcStatusCode, rpcResponseStatusCode, rpcGRPCStatusCode, rpcConnectErrorCode} {
		if !a.has(k) {
			continue
		}
		n, ok := a.Int(k)
		if !ok {
			return grpcCode(a.Text(k))
		}
		if n < grpcOK || n > grpcUnauthenticated || k != rpcGRPCStatusCode && foreign {
			return grpcUnset
		}
		return n
	}
	return grpcUnset
}

var grpcNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// grpcCode returns the code of that name, in any of the spellings in use: NOT_FOUND, not_found, NotFound.
func grpcCode(name string) int64 {
	for code, known := range grpcNames {
		if sameLetters(name, known) {
			return int64(code)
		}
	}
	if sameLetters(name, "CANCELED") {
		return grpcCancelled
	}
	return grpcUnset
}

// sameLetters reports whether two names are equal but for case and underscores.
func sameLetters(a, b string) bool {
	for {
		a, b = strings.TrimLeft(a, "_"), strings.TrimLeft(b, "_")
		if a == "" || b == "" {
			return a == b
		}
		if lower(a[0]) != lower(b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// endedBy reads from the words of an error whether a deadline or the caller ended the call. A callee that
// refused may have said those words of a call of its own, and so may a service of the request it served:
// only a caller's words on a call without an answer tell about this one.
func endedBy(k Kind, refused bool, message string, a *Attributes) Outcome {
	if refused {
		return 0
	}
	texts := [...]string{a.Text(errorType), a.Text(exceptionType), message, a.Text(exceptionMessage)}
	if !k.IsIncoming() {
		for _, text := range texts {
			for _, words := range [...]string{"timeout", "timed out", "timedout", "deadline exceeded", "deadlineexceeded", "deadline_exceeded"} {
				if containsFold(text, words) {
					return TimedOut
				}
			}
		}
	}
	for i, text := range texts {
		if isType := i < 2; isType && isCancelType(text) || containsFold(text, "context canceled") {
			return Cancelled
		}
	}
	return 0
}

// isCancelType reports whether an error's type is the one by which a language or its library tells that
// the caller gave up. Other types with the word in them, an OrderCancelledException say, are an
// application's own.
func isCancelType(name string) bool {
	name = name[strings.LastIndexAny(name, "./:")+1:]
	for _, known := range [...]string{
		"canceled", "cancelled", "CancelledError", "CancellationException", "TaskCanceledException",
		"OperationCanceledException", "AbortError", "ECANCELED", "context canceled",
	} {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

// containsFold reports whether s contains words, which are ASCII and in lower case, in any case.
func containsFold(s, words string) bool {
	for i := 0; i+len(words) <= len(s); i++ {
		if lower(s[i]) == words[0] && strings.EqualFold(s[i:i+len(words)], words) {
			return true
		}
	}
	return false
}
