package audit

import (
	"fmt"
	"strings"
	"time"

	"faultline/graph"
)

// Entry explains a practice to people.
type Entry struct {
	Title   string
	Means   string   // what a risk means
	Repair  string   // what to do about it
	Needs   string   // what would have to be seen for it to be known
	Missing string   // what a risk is called
	AWS     []string // practices of the AWS Well-Architected reliability pillar
}

// BestPractices are the practices of the AWS Well-Architected reliability pillar that the catalogue refers to, and
// those beside them of which traces say nothing.
var BestPractices = map[string]string{
	"REL04-BP01": "Identify the kind of distributed systems you depend on",
	"REL04-BP02": "Implement loosely coupled dependencies",
	"REL04-BP03": "Do constant work",
	"REL04-BP04": "Make mutating operations idempotent",
	"REL05-BP01": "Implement graceful degradation to transform applicable hard dependencies into soft dependencies",
	"REL05-BP02": "Throttle requests",
	"REL05-BP03": "Control and limit retry calls",
	"REL05-BP04": "Fail fast and limit queues",
	"REL05-BP05": "Set client timeouts",
	"REL05-BP06": "Make systems stateless where possible",
	"REL05-BP07": "Implement emergency levers",
}

// Catalogue explains every practice.
var Catalogue = map[Practice]Entry{
	Timeout: {
		Title: "Calls are bounded by a timeout", Missing: "no timeout bounds them",
		Means:  "A call waited so long that whoever asked has given up meanwhile. Threads and connections pile up behind it.",
		Repair: "Set a timeout a little above the slowest answer that is still of use, below the deadline of the caller's own request.",
		Needs:  "five calls that are given up after the same time", AWS: []string{"REL05-BP05"},
	},
	TimeoutOrder: {
		Title: "Inner timeouts end before outer ones", Missing: "they may last longer than their own caller waits",
		Means:  "With all its attempts and pauses a call may last longer than whoever waits for the caller. The answer, or the fallback, comes too late for anybody.",
		Repair: "Shorten the timeout or the retries of the inner call, or give the outer one more time: each layer needs less than the one above it.",
		Needs:  "the timeouts of the call and of those who wait for its caller", AWS: []string{"REL05-BP05"},
	},
	Deadline: {
		Title: "The callee stops when its caller has given up", Missing: "the callee works on after the caller has given up",
		Means:  "The callee went on working after its caller had given up. Under load that is the work that keeps it from what is still waited for.",
		Repair: "Pass the deadline on with the call (gRPC does; over HTTP, a header), and check it before each expensive step.",
		Needs:  "ten calls given up of which the callee's side is seen", AWS: []string{"REL05-BP04", "REL05-BP05"},
	},
	Retries: {
		Title: "Few retries", Missing: "many retries",
		Means:  "A call that fails is tried many times over. When the callee is overloaded, that multiplies the load which it cannot take.",
		Repair: "Try two or three times in all, at one layer only, and under a budget of a tenth of the calls.",
		Needs:  "five calls that fail finally", AWS: []string{"REL05-BP03"},
	},
	Backoff: {
		Title: "Retries wait", Missing: "retries without a pause",
		Means:  "Retries follow at once. What made the first attempt fail has had no time to pass.",
		Repair: "Wait before each retry, longer each time: exponential backoff.",
		Needs:  "twenty retries, and twenty second ones", AWS: []string{"REL05-BP03"},
	},
	Jitter: {
		Title: "Retries are spread", Missing: "all retries pause alike",
		Means:  "All retries pause equally long. Where there are several instances of the caller, their retries come together again.",
		Repair: "Draw the pause at random between zero and its upper bound.",
		Needs:  "twenty retries after a pause", AWS: []string{"REL05-BP03"},
	},
	Refusals: {
		Title: "What is refused for good is not asked again", Missing: "they are repeated although they were refused for good",
		Means:  "Calls that were answered with not found, invalid, forbidden or not implemented are made again. They meet the same answer.",
		Repair: "Retry only what may pass: connection errors, timeouts, 429, 503 and their like.",
		Needs:  "twenty refusals, at a call site that does not make many such calls anyway", AWS: []string{"REL05-BP03"},
	},
	Idempotency: {
		Title: "Writes are not repeated blindly", Missing: "writes are repeated after a timeout",
		Means:  "A write was sent again after a timeout. The first one may have been done: an order placed twice, a payment taken twice. Traces do not show whether the callee recognises the second.",
		Repair: "Check that the call carries an idempotency key and that the callee honours it; else do not retry it.",
		Needs:  "three writes repeated after a timeout; that it is safe, traces never show", AWS: []string{"REL04-BP04"},
	},
	Budget: {
		Title: "Retries have a budget", Missing: "retries take a large share of the calls while many fail",
		Means:  "For minutes on end more than a fifth of the attempts were retries, while more than a tenth failed. So the callee got the most load when it could take the least.",
		Repair: "Bound retries to a share of all calls, say a tenth, with a token bucket for each callee.",
		Needs:  "three minutes of at least fifty attempts of which more than a tenth fail", AWS: []string{"REL05-BP03"},
	},
	Layers: {
		Title: "Retries at one layer only", Missing: "several layers retry, one above the other",
		Means:  "Several layers on the way repeat what fails, and their attempts multiply.",
		Repair: "Retry at one layer, nearest to the one that fails or at the outermost; let the others pass the failure on.",
		Needs:  "five calls that fail finally at each layer", AWS: []string{"REL05-BP03"},
	},
	Breaker: {
		Title: "Calls stop while the callee is down", Missing: "calls go on at full rate while it is down",
		Means:  "While nearly all calls failed, the caller went on making them. It waits for what will fail, and gives the callee no rest to recover in.",
		Repair: "Put a circuit breaker around the call: after several failures in a row fail at once, and try single calls now and then.",
		Needs:  "two outages of the callee of half a minute, with ten calls due in ten seconds", AWS: []string{"REL05-BP01", "REL05-BP04"},
	},
	Fallback: {
		Title: "Requests survive failures of the dependency", Missing: "requests fail with it",
		Means:  "Requests do not survive the failure of this dependency.",
		Repair: "Answer without it where that is of use: a default, a cached value, a part of the answer.",
		Needs:  "five failures that nothing else explains", AWS: []string{"REL04-BP02", "REL05-BP01"},
	},
	Chattiness: {
		Title: "Few calls for each request", Missing: "very many for each request",
		Means:  "At least one request in twenty makes twenty or more equal calls, so its duration and its chance to fail grow with them.",
		Repair: "Ask for many things at once, or keep what was asked.",
		Needs:  "twenty requests", AWS: []string{"REL04-BP03"},
	},
	Shedding: {
		Title: "Too many requests are turned away quickly", Missing: "it lets everybody wait under load",
		Means:  "With more requests than usual all were let in, and all took long. Beyond that, all fail.",
		Repair: "Bound what is worked on at once and the queue before it; answer 429 or 503 at once to what is over it.",
		Needs:  "at least half as many requests again as usual, for some twenty seconds, twice", AWS: []string{"REL05-BP02", "REL05-BP04"},
	},
	Bulkhead: {
		Title: "A slow dependency slows only what needs it", Missing: "a slow dependency slows all of it",
		Means:  "While a dependency was slow, operations that do not use it were slow too: they wait for the same threads or connections.",
		Repair: "Give each dependency a pool of its own, with a bound, so that one cannot take all.",
		Needs:  "two stretches in which a dependency is slow, with other operations in use that do without it", AWS: []string{"REL04-BP02", "REL05-BP04"},
	},
	Depth: {
		Title: "Few calls wait for each other", Missing: "long chains of calls that wait for each other",
		Means:  "Requests go down a long chain of calls each of which waits for the next. Its latencies add up, and any of them can fail it.",
		Repair: "Shorten the chain: ask in parallel, hand over by queues, or bring together what always goes together.",
		Needs:  "twenty requests", AWS: []string{"REL04-BP01", "REL04-BP02"},
	},
	Cycles: {
		Title: "It does not wait for itself", Missing: "it waits for itself by way of others",
		Means:  "The service calls itself by way of others. Neither can start, or recover, without the other, and load can go round.",
		Repair: "Cut the circle: move what both need into a third service, or let one of the calls be a message.",
		Needs:  "twenty requests", AWS: []string{"REL04-BP02"},
	},
	Storm: {
		Title: "Callers do not pile on when it fails", Missing: "its callers multiply their calls when it fails",
		Means:  "While it failed, callers made at least twice as many calls for each request from outside as usual: a retry storm.",
		Repair: "Give the callers backoff with jitter and a retry budget, and shed load here.",
		Needs:  "a minute in which most calls to it fail", AWS: []string{"REL05-BP02", "REL05-BP03"},
	},
	Recovery: {
		Title: "Overload ends with its cause", Missing: "overload goes on after its cause is over",
		Means:  "For five minutes after what caused it was over, callers still gave up on most calls while the service did its work: overload that feeds itself.",
		Repair: "Shed load at the callers until it recovers; then bound retries and queues so that it does not come to that.",
		Needs:  "a minute in which most calls to it fail", AWS: []string{"REL05-BP02", "REL05-BP04"},
	},
	HealthCheck: {
		Title: "It says how it is", Missing: "no health check",
		Means:  "Nobody asks the service how it is, or its answer says nothing about its dependencies.",
		Repair: "Offer a health check that tells apart whether the service runs and whether its dependencies answer.",
		Needs:  "health checks, which are not read yet", AWS: []string{"REL05-BP01"},
	},
	Instrumentation: {
		Title: "What it calls can be seen into", Missing: "it calls what sends no traces",
		Means:  "Some of what it calls sends no spans: what happens there is known from outside only.",
		Repair: "Instrument it if it is yours; else treat it as you would a third party: timeout, fallback, and a contract.",
		Needs:  "twenty requests", AWS: []string{"REL04-BP01"},
	},
}

// Says is one sentence about what was seen, or would have to be.
func (c *Check) Says(name func(graph.NodeID) string) string {
	d := func(ms float64) string {
		v := time.Duration(ms * float64(time.Millisecond))
		switch {
		case v >= 10*time.Second:
			return v.Round(time.Second).String()
		case v >= time.Second:
			return v.Round(10 * time.Millisecond).String()
		}
		return v.Round(100 * time.Microsecond).String()
	}
	way := func() string {
		var names []string
		for _, n := range c.Nodes {
			names = append(names, name(n))
		}
		return strings.Join(names, " → ")
	}
	many := func() string { return strings.ReplaceAll(way(), " → ", ", ") }
	if c.State == Unknown {
		return "Not known yet. It takes " + Catalogue[c.Practice].Needs + "."
	}
	switch c.Practice {
	case Timeout:
		if c.State == Risk {
			return fmt.Sprintf("%s took up to %s and ended at no fixed time.", plural(c.Evidence, "failed attempt"), d(c.Value))
		}
		return fmt.Sprintf("Bounded at %s by someone: %s ended then.", d(c.Value), plural(c.Evidence, "attempt"))
	case TimeoutOrder:
		return fmt.Sprintf("It may take %s with all attempts; %s waits for %s.", d(c.Value), many(), d(c.Bound))
	case Deadline:
		return fmt.Sprintf("The callee went on after %.0f %% of %s had been given up.", 100*c.Value, plural(c.Evidence, "call"))
	case Retries:
		return fmt.Sprintf("%s, in most of %s that failed finally.", plural(int64(c.Value), "attempt"), plural(c.Evidence, "call"))
	case Backoff:
		switch c.Value {
		case 0:
			return fmt.Sprintf("No pause at all before %s.", plural(c.Evidence, "retry"))
		case 1:
			return fmt.Sprintf("Pauses do not grow; seen in %s.", plural(c.Evidence, "retry"))
		}
		return fmt.Sprintf("Each pause is %.1f times the one before; seen in %s.", c.Value, plural(c.Evidence, "retry"))
	case Jitter:
		return fmt.Sprintf("The middle half of %s spreads over %.0f %% of the median.", plural(c.Evidence, "pause"), 100*c.Value)
	case Refusals:
		return fmt.Sprintf("The same call was made again after %.0f %% of %s.", 100*c.Value, plural(c.Evidence, "refusal"))
	case Idempotency:
		return fmt.Sprintf("%s sent again after a timeout.", plural(c.Evidence, "write"))
	case Budget:
		return fmt.Sprintf("Retries were %.0f %% of the attempts in the worst of %s with many failures.", 100*c.Value, plural(c.Evidence, "minute"))
	case Layers:
		return fmt.Sprintf("One request may become %.0f attempts on the way %s.", c.Value, way())
	case Breaker:
		if c.State == Risk {
			return fmt.Sprintf("Calls went on in all of %s of the callee.", plural(c.Evidence, "outage"))
		}
		return fmt.Sprintf("Calls stopped in %s of the callee, for about %s each.", plural(c.Evidence, "outage"), d(c.Value))
	case Fallback:
		text := fmt.Sprintf("%.0f %% of %s were survived", 100*c.Value, plural(c.Evidence, "failure"))
		if len(c.Nodes) > 0 {
			text += "; " + many() + " is called instead"
		}
		return text + "."
	case Chattiness:
		return fmt.Sprintf("%.1f calls for each of %s.", c.Value, plural(c.Evidence, "request"))
	case Shedding:
		if c.State == Risk {
			return fmt.Sprintf("In %s of more requests than usual nothing was turned away, and answers took up to %.1f times as long.", plural(c.Evidence, "stretch"), c.Value)
		}
		return fmt.Sprintf("Requests over the usual were turned away quickly, in %s.", plural(c.Evidence, "bucket"))
	case Bulkhead:
		if c.State == Risk {
			return fmt.Sprintf("While %s was slow, operations that do without took up to %.1f times as long.", many(), c.Value)
		}
		return fmt.Sprintf("Operations that do without kept their pace in %s of a slow dependency.", plural(c.Evidence, "stretch"))
	case Depth:
		return fmt.Sprintf("%s wait for each other: %s.", plural(int64(c.Value), "call"), way())
	case Cycles:
		if c.State == Risk {
			if len(c.Nodes) == 0 {
				return fmt.Sprintf("It calls itself by way of some of %.0f services that call each other.", c.Value)
			}
			return "It calls itself: " + way() + "."
		}
		return "No way leads back to it."
	case Storm:
		if c.State == Risk {
			return fmt.Sprintf("Up to %.1f times the usual calls for each request from outside while it failed.", c.Value)
		}
		return fmt.Sprintf("Callers kept their pace in %s.", plural(c.Evidence, "outage"))
	case Recovery:
		if c.State == Risk {
			return fmt.Sprintf("Of %s one or more went on after its cause was over.", plural(c.Evidence, "outage"))
		}
		return fmt.Sprintf("%s ended with their cause.", plural(c.Evidence, "outage"))
	case Instrumentation:
		if c.State == Risk {
			return "No spans come from " + many() + "."
		}
		return "All services that it calls send spans."
	}
	return ""
}

// Says is one sentence about call sites that are put together.
func (n Counts) Says() string {
	all := n.Pass + n.Risk + n.Unknown
	switch {
	case n.Risk > 0:
		return fmt.Sprintf("Missing at %d of %s.", n.Risk, plural(int64(all), "call site"))
	case n.Unknown == 0:
		return fmt.Sprintf("Followed at %s.", plural(int64(all), "call site"))
	}
	return fmt.Sprintf("Not known yet at %d of %s.", n.Unknown, plural(int64(all), "call site"))
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	switch {
	case strings.HasSuffix(what, "ry"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	case strings.HasSuffix(what, "ch"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
