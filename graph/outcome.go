package graph

import "time"

// OutcomeStep is the length of the finest bucket in which request outcomes are kept.
const OutcomeStep = time.Minute

// OutcomeRow says how the requests of one operation fared with the calls that they made to one callee, in a
// bucket of OutcomeStep by the start of the request. The row without a callee is about the requests as a
// whole.
type OutcomeRow struct {
	Tenant    string
	Bucket    time.Time
	Caller    NodeID
	Operation string // the caller's
	Version   string // the caller's
	Callee    NodeID // 0: the requests as a whole
	OutcomeStats
}

// OutcomeStats count requests by how they fared with one callee, or as a whole (analysis specification, C.1).
//
// The calls that a request makes to one callee are its group. Calls that repeat a failed one are attempts of
// one logical call, and the outcome of the last attempt is its outcome. A group fails in part or in total:
// some or all of its logical calls failed finally. A failure is isolated if no other group of the request
// failed. Cancelled calls are neither failures nor evidence.
//
// All are exact integers, signed like Stats: sums do not depend on order, and a correction takes back
// exactly what it gave.
type OutcomeStats struct {
	Requests int64 // requests that called the callee; without a callee: all requests
	Failed   int64 // of these, requests that failed for their caller

	// Only without a callee.
	Clean       int64 // requests in which no group failed
	CleanFailed int64 // of these, requests that failed all the same: their own doing

	// Only with a callee.
	Calls          int64 // logical calls
	Attempts       int64
	FailedAttempts int64
	Rescued        int64 // logical calls that failed first and succeeded later
	Hedged         int64 // logical calls made several times at once
	Cancelled      int64 // logical calls that the caller gave up, or that its own end cut off
	TimedOut       int64 // logical calls that a deadline ended

	TotalFatal        int64 // isolated total failures whose request failed
	TotalSurvived     int64 // isolated total failures whose request did not
	PartialFatal      int64 // likewise, failures in part
	PartialSurvived   int64
	ContestedFatal    int64 // failures, in total or in part, beside those of other callees
	ContestedSurvived int64
	ContestedPassed   int64 // of these, total failures after which the request called another callee
	FatalPassed       int64 // isolated total failures after which the request called another callee, and failed all the same

	Blamed      int64 // failed requests whose last failing group this was (E.2)
	Unexplained int64 // of these, with no failed answer of the callee itself to explain them
	Async       int64 // requests with a call that outlived them by more than a millisecond
	OnPath      int64 // requests with a call on their critical path

	Time     int64 // Σ x; x: time spent in the group in µs, at most 60 s; without a callee 0
	PathTime int64 // Σ of the part of it on the critical path, in µs; without a callee: the request's own part
	Duration int64 // Σ y; y: duration of the request in µs, at most 60 s
	TimeTime int64 // Σ floor(x·x / 1024)
	TimeDur  int64 // Σ floor(x·y / 1024)
	DurDur   int64 // Σ floor(y·y / 1024)

	// How the caller goes about failures. Only with a callee, too.
	Abandoned       int64 // attempts that a deadline of the caller ended, of which the callee's half is known
	Overrun         int64 // of these, attempts on which the callee went on for more than 100 ms
	Refused         int64 // attempts that were refused in a way that the same call meets again
	RefusedRepeated int64 // of these, attempts after which the same call was made again
	UnsafeRetries   int64 // attempts that repeat a write of which a deadline had ended the attempt before
	Bursts          int64 // requests with at least 20 calls of one name

	FailedTimes Histogram // durations of failed attempts
	Gaps        Histogram // pauses between the first attempt of a logical call and the second
	GapRatios   Histogram // second pause ÷ first, times 1000, as if in µs
	Tries       Histogram // attempts of logical calls that failed finally, as if in µs
	Patience    Histogram // durations of attempts that a deadline of the caller ended

	FatalTrace    TraceID // the least trace id among the requests with a failure that took them down; zero: none
	SurvivedTrace TraceID // likewise of those that survived one
	PatienceTrace TraceID // likewise of those with an attempt that a deadline of the caller ended
	RetryTrace    TraceID // likewise of those that made a call again, whether it had failed or was refused
}

// Add adds o to s.
func (s *OutcomeStats) Add(o *OutcomeStats) {
	s.AddCounters(1, o)
	hists, other := s.Histograms(), o.Histograms()
	for i := range hists {
		hists[i].Merge(*other[i])
	}
	s.AddTraces(o)
}

// AddCounters adds the counters of o n times to s. It is said field by field because it is done for every request.
func (s *OutcomeStats) AddCounters(n int64, o *OutcomeStats) {
	s.Requests += n * o.Requests
	s.Failed += n * o.Failed
	s.Clean += n * o.Clean
	s.CleanFailed += n * o.CleanFailed
	s.Calls += n * o.Calls
	s.Attempts += n * o.Attempts
	s.FailedAttempts += n * o.FailedAttempts
	s.Rescued += n * o.Rescued
	s.Hedged += n * o.Hedged
	s.Cancelled += n * o.Cancelled
	s.TimedOut += n * o.TimedOut
	s.TotalFatal += n * o.TotalFatal
	s.TotalSurvived += n * o.TotalSurvived
	s.PartialFatal += n * o.PartialFatal
	s.PartialSurvived += n * o.PartialSurvived
	s.ContestedFatal += n * o.ContestedFatal
	s.ContestedSurvived += n * o.ContestedSurvived
	s.ContestedPassed += n * o.ContestedPassed
	s.FatalPassed += n * o.FatalPassed
	s.Blamed += n * o.Blamed
	s.Unexplained += n * o.Unexplained
	s.Async += n * o.Async
	s.OnPath += n * o.OnPath
	s.Time += n * o.Time
	s.PathTime += n * o.PathTime
	s.Duration += n * o.Duration
	s.TimeTime += n * o.TimeTime
	s.TimeDur += n * o.TimeDur
	s.DurDur += n * o.DurDur
	s.Abandoned += n * o.Abandoned
	s.Overrun += n * o.Overrun
	s.Refused += n * o.Refused
	s.RefusedRepeated += n * o.RefusedRepeated
	s.UnsafeRetries += n * o.UnsafeRetries
	s.Bursts += n * o.Bursts
}

// AddTraces makes the example traces of s those of s and o.
func (s *OutcomeStats) AddTraces(o *OutcomeStats) {
	mine, others := s.Traces(), o.Traces()
	for i := range mine {
		*mine[i] = LeastTrace(*mine[i], *others[i])
	}
}

// Empty reports whether all that was added was also taken back.
func (s *OutcomeStats) Empty() bool {
	for _, c := range s.Counters() {
		if *c != 0 {
			return false
		}
	}
	for _, h := range s.Histograms() {
		if !h.Empty() {
			return false
		}
	}
	return true
}

// Histograms are the distributions of s in the order of their columns.
func (s *OutcomeStats) Histograms() [5]*Histogram {
	return [...]*Histogram{&s.FailedTimes, &s.Gaps, &s.GapRatios, &s.Tries, &s.Patience}
}

// Traces are the example traces of s in the order of their columns.
func (s *OutcomeStats) Traces() [4]*TraceID {
	return [...]*TraceID{&s.FatalTrace, &s.SurvivedTrace, &s.PatienceTrace, &s.RetryTrace}
}

// Counters are the integers of s in the order of OutcomeCounterNames.
func (s *OutcomeStats) Counters() [len(OutcomeCounterNames)]*int64 {
	return [...]*int64{
		&s.Requests, &s.Failed, &s.Clean, &s.CleanFailed,
		&s.Calls, &s.Attempts, &s.FailedAttempts, &s.Rescued, &s.Hedged, &s.Cancelled, &s.TimedOut,
		&s.TotalFatal, &s.TotalSurvived, &s.PartialFatal, &s.PartialSurvived, &s.ContestedFatal, &s.ContestedSurvived,
		&s.ContestedPassed, &s.FatalPassed,
		&s.Blamed, &s.Unexplained, &s.Async, &s.OnPath,
		&s.Time, &s.PathTime, &s.Duration, &s.TimeTime, &s.TimeDur, &s.DurDur,
		&s.Abandoned, &s.Overrun, &s.Refused, &s.RefusedRepeated, &s.UnsafeRetries, &s.Bursts,
	}
}

// OutcomeCounterNames name the integers of OutcomeStats, as columns and in JSON.
var OutcomeCounterNames = [...]string{
	"requests", "failed", "clean", "clean_failed",
	"calls", "attempts", "failed_attempts", "rescued", "hedged", "cancelled", "timed_out",
	"total_fatal", "total_survived", "partial_fatal", "partial_survived", "contested_fatal", "contested_survived",
	"contested_passed", "fatal_passed",
	"blamed", "unexplained", "async", "on_path",
	"time_us", "path_time_us", "duration_us", "time_time", "time_duration", "duration_duration",
	"abandoned", "overrun", "refused", "refused_repeated", "unsafe_retries", "bursts",
}

// LeastTrace is the lesser of two trace ids, of which zero is none.
func LeastTrace(a, b TraceID) TraceID {
	if a == (TraceID{}) || b != (TraceID{}) && string(b[:]) < string(a[:]) {
		return b
	}
	return a
}

// Side is which half of a call a span is.
type Side string

// The halves of a call.
const (
	ClientSide Side = "client" // CLIENT and PRODUCER spans
	ServerSide Side = "server" // SERVER and CONSUMER spans
)

// Fate is what became of half a call. Every half has exactly one fate at any time, so the sum over all fates
// is the number of halves that came. The set is closed.
type Fate string

// The fates of a half.
const (
	FatePaired    Fate = "paired"              // joined with its other half
	FateInferred  Fate = "inferred"            // client side: the callee, which sends no spans, is known from its attributes
	FateRoot      Fate = "root"                // server side: where a trace begins; its caller is the user
	FateInner     Fate = "inner"               // part of a call that an outer span of the same service stands for
	FateWaiting   Fate = "waiting"             // its other half may still come
	FateNoPeer    Fate = "client_without_peer" // client side: no answer came, and its attributes do not say whom it called
	FateNoPartner Fate = "partner_not_seen"    // server side: it names a caller that never came
	FateLimit     Fate = "over_limit"          // an end of its edge is over a cardinality limit
)

// HalfRow counts the halves of a node that met one fate, in a bucket of OutcomeStep by their start. N is
// signed: a half whose fate changes is taken back from the one and added to the other.
type HalfRow struct {
	Tenant string
	Bucket time.Time
	Node   NodeID
	Side   Side
	Fate   Fate
	N      int64
}

// Why says why a trace was kept as evidence.
type Why string

// The reasons for which a trace is kept.
const (
	WhyError    Why = "error"    // something in it failed
	WhySlow     Why = "slow"     // its request was among the slowest of its operation
	WhyBaseline Why = "baseline" // an example of how things usually go
	WhyAll      Why = "all"      // every trace is kept
)

// SpanRow is one span of a trace kept as evidence. It holds what a waterfall shows and no payload.
type SpanRow struct {
	Tenant     string
	Trace      TraceID
	ID, Parent SpanID // Parent zero: a root
	Start      int64  // Unix ns
	Duration   time.Duration
	Node       NodeID // the service that made it
	Operation  string
	Kind       Kind
	Outcome    Outcome
	Protocol   string
	Caller     NodeID // the edge of the call that this span stands for; 0, 0: none
	Callee     NodeID
	Why        Why
}

// Trace is a trace kept as evidence, its spans by start, then id.
type Trace struct {
	ID    TraceID
	Spans []SpanRow
	Nodes map[NodeID]Node // of the spans and of the ends of their calls
}

// TraceSummary is one line of a list of traces.
type TraceSummary struct {
	ID        TraceID
	Start     time.Time
	Duration  time.Duration // from the first start to the last end
	Node      NodeID        // of its earliest span
	Operation string        // likewise
	Spans     int
	Failed    int // spans that failed
	Why       Why
}

// TraceQuery asks for traces kept as evidence, newest first, or slowest.
type TraceQuery struct {
	Window         Window
	Caller, Callee NodeID // both zero: any; else traces with a call between the two
	Node           NodeID // not zero, and no edge: only traces with a span of it or a call to it
	Failed         *bool  // nil: any; with an edge it is about the call, with a node about its spans and calls to it, else about any span of the trace
	Slowest        bool   // by the longest span: with an edge of the calls on it, with a node of its spans and calls to it
	Limit          int
}

// PipelineRow is what one ingest process has counted since it started, and what it holds at the time.
type PipelineRow struct {
	Replica string // stable name of the process's place
	Started time.Time
	At      time.Time
	Version string
	Values  map[string]int64 // counters only grow until the next start, and the names of gauges say so in docs/metrics.md
}
