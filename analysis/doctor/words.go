package doctor

import (
	"fmt"
	"strings"
)

// words are the most likely cause of a finding and its repair, for the developer of the service.
func words(f *Finding, s *Service, where []string) (cause, repair string) {
	switch most := f.Share >= mostShare; f.Reason {
	case NoServiceName:
		cause = "Its resource has no service.name, so every process without one looks like the same service."
		if _, process, ok := strings.Cut(s.Node.Name, ":"); ok {
			cause = fmt.Sprintf("Its resource has no service.name; its SDK made a name from the process, %q.", process)
		}
		return cause, "Set OTEL_SERVICE_NAME for every process. For pods, the k8sattributes processor of a Collector can take the name from the deployment."
	case InternalOnly:
		return "Others name it or it sends spans, but none of its own is of kind CLIENT, SERVER, PRODUCER or CONSUMER: what happens inside it is traced, its calls are not.",
			"Add the OpenTelemetry instrumentations of its HTTP, RPC, database and messaging libraries. Where spans are made by hand, set their kind."
	case RootServersOnly:
		return fmt.Sprintf("%s, yet its traces begin anew with every request: the trace context is not passed on.", strings.Join(where, "; ")),
			"Let the callers' clients send the traceparent header and this service read it: OTEL_PROPAGATORS must name the same formats on both sides (tracecontext,baggage by default), the client library must be instrumented, and no proxy between them may remove the header."
	case NoPeer:
		repair = "Set server.address and server.port, or service.peer.name, on its CLIENT spans; current HTTP, RPC and database instrumentations do. If the callee is a service of yours, instrument it so that it continues the traceparent header."
		if most {
			return "The spans of its outgoing calls do not say whom they call, and no callee continues their trace.", repair
		}
		return "Some of its outgoing calls are made by a client that does not say whom it calls, and their callee does not continue the trace.", repair
	case NoPartner:
		if most {
			return "Its callers pass their trace on, but their spans never arrive: a gateway, proxy or browser traces its calls and sends its spans elsewhere, or nowhere.",
				"Send the spans of its callers here as well. If a proxy only makes up trace headers, let it export its spans or switch its tracing off."
		}
		return "Spans of some callers were lost on the way, or left out by a sampler that decides for each service by itself.",
			"Send to Faultline before tail sampling, and sample at the root only (OTEL_TRACES_SAMPLER=parentbased_traceidratio). Look for dropped spans in the callers' exporters and Collectors: full queues, refused batches, short timeouts at shutdown."
	case OverLimit:
		return "There are more nodes, edges or operations than are kept apart. Mostly that is an id inside a service name, a host name or a span name.",
			"Take ids out of names: a fixed service.name, http.route or url.template on HTTP spans, plain span names. If all of them are real, raise the limits of matching in the configuration."
	case Waiting:
		return "The other halves of these calls may still come: batches are under way, or one side sends later than the other.",
			"Nothing while it is recent. If it stays, shorten the export interval of the side that comes late; halves meet for 15 minutes."
	}
	return "", ""
}
