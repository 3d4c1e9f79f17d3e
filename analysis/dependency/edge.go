package dependency

import (
	"cmp"
	"iter"
	"slices"

	"faultline/graph"
)

// EdgeJudgement is what the call sites of an edge say together, weighted by their requests.
type EdgeJudgement struct {
	Caller, Callee graph.NodeID

	// Verdict is the one of the call sites that have one, if these make at least half of the requests, and
	// mixed if they disagree.
	Verdict     Verdict
	Assumed     Verdict // what to reckon with: as Verdict, or hard or soft by Probability where that is unknown
	Basis       Basis   // inferred unless all verdicts were declared or all imported
	Disagrees   bool    // some call site does
	Probability float64
	Low, High   float64 // as wide as if all call sites erred to the same side

	Requests  float64 // faded
	Decided   float64 // share of them at call sites with a verdict
	CallSites map[Verdict]int
	Evidence  Evidence // summed
}

// EdgesOf puts judgements together by edge, by caller and callee. Those of one caller must be neighbours, as
// Judgements yields them.
func EdgesOf(judgements iter.Seq[Judgement]) iter.Seq[EdgeJudgement] {
	return func(yield func(EdgeJudgement) bool) {
		var caller graph.NodeID
		edges := map[graph.NodeID]*edgeSum{}
		flush := func() bool {
			sums := make([]*edgeSum, 0, len(edges))
			for _, e := range edges {
				sums = append(sums, e)
			}
			clear(edges)
			slices.SortFunc(sums, func(a, b *edgeSum) int { return cmp.Compare(a.Callee, b.Callee) })
			for _, e := range sums {
				if !yield(e.judgement()) {
					return false
				}
			}
			return true
		}
		for j := range judgements {
			if j.Caller != caller && !flush() {
				return
			}
			caller = j.Caller
			e, ok := edges[j.Callee]
			if !ok {
				e = &edgeSum{bases: map[Basis]int{}}
				e.Caller, e.Callee, e.CallSites = j.Caller, j.Callee, map[Verdict]int{}
				edges[j.Callee] = e
			}
			e.add(&j)
		}
		flush()
	}
}

type edgeSum struct {
	EdgeJudgement
	bases map[Basis]int // of decided call sites
}

func (e *edgeSum) add(j *Judgement) {
	w := j.Evidence.Requests
	e.CallSites[j.Verdict]++
	e.Disagrees = e.Disagrees || j.Disagrees
	e.Requests += w
	e.Probability += w * j.Probability
	e.Low += w * j.Low
	e.High += w * j.High
	if j.Verdict != Unknown {
		e.Decided += w
		e.bases[j.Basis]++
	}
	e.Evidence.add(&j.Evidence)
}

func (e *edgeSum) judgement() EdgeJudgement {
	for _, x := range [...]*float64{&e.Probability, &e.Low, &e.High, &e.Decided} {
		*x /= e.Requests
	}
	e.Verdict = Unknown
	for _, v := range [...]Verdict{Hard, Soft, Partial} {
		switch {
		case e.CallSites[v] == 0:
		case e.Verdict != Unknown:
			e.Verdict = Mixed
		default:
			e.Verdict = v
		}
	}
	if e.Verdict != Mixed && e.Decided < 0.5 {
		e.Verdict = Unknown
	}
	e.Assumed = e.Verdict
	if e.Verdict == Unknown {
		e.Assumed = Soft
		if e.Probability >= 0.5 {
			e.Assumed = Hard
		}
	}
	e.Basis = Inferred
	if e.Verdict != Unknown && len(e.bases) == 1 {
		for b := range e.bases {
			e.Basis = b
		}
	}
	return e.EdgeJudgement
}

func (e *Evidence) add(o *Evidence) {
	e.TotalFatal += o.TotalFatal
	e.TotalSurvived += o.TotalSurvived
	e.PartialFatal += o.PartialFatal
	e.PartialSurvived += o.PartialSurvived
	e.ContestedFatal += o.ContestedFatal
	e.ContestedSurvived += o.ContestedSurvived
	e.Fatal += o.Fatal
	e.Survived += o.Survived
	e.Requests += o.Requests
	e.Failed += o.Failed
	if e.Since.IsZero() || !o.Since.IsZero() && o.Since.Before(e.Since) {
		e.Since = o.Since
	}
}
