package dependency

import (
	"cmp"
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

	Requests float64  // faded
	Decided  float64  // share of them at call sites with a verdict
	Evidence Evidence // summed
}

// Edges puts judgements together by edge, by caller and callee. Those of one caller must be neighbours, as
// Judgements yields them.
func Edges(sites []Judgement) []EdgeJudgement {
	order := make([]int, len(sites)) // by caller as they come, then by callee
	n := 0
	for begin := 0; begin < len(sites); {
		end := begin
		for ; end < len(sites) && sites[end].Caller == sites[begin].Caller; end++ {
			order[end] = end
		}
		of := order[begin:end]
		slices.SortFunc(of, func(a, b int) int { return cmp.Or(cmp.Compare(sites[a].Callee, sites[b].Callee), cmp.Compare(a, b)) })
		for i := range of {
			if i == 0 || sites[of[i]].Callee != sites[of[i-1]].Callee {
				n++
			}
		}
		begin = end
	}
	edges := make([]EdgeJudgement, 0, n)
	for len(order) > 0 {
		first := &sites[order[0]]
		e := edgeSum{}
		e.Caller, e.Callee = first.Caller, first.Callee
		for len(order) > 0 && sites[order[0]].Caller == first.Caller && sites[order[0]].Callee == first.Callee {
			e.add(&sites[order[0]])
			order = order[1:]
		}
		edges = append(edges, e.judgement())
	}
	return edges
}

// edgeSum sums up call sites, those with a verdict by verdict and by basis.
type edgeSum struct {
	EdgeJudgement
	verdicts [3]bool // hard, soft, partial
	basis    Basis   // of those; empty: they have several
	decided  bool    // there are any
}

func (e *edgeSum) add(j *Judgement) {
	w := j.Evidence.Requests
	e.Disagrees = e.Disagrees || j.Disagrees
	e.Requests += w
	e.Probability += w * j.Probability
	e.Low += w * j.Low
	e.High += w * j.High
	e.Evidence.add(&j.Evidence)
	if j.Verdict == Unknown {
		return
	}
	e.Decided += w
	for i, v := range decided {
		e.verdicts[i] = e.verdicts[i] || j.Verdict == v
	}
	switch {
	case !e.decided:
		e.decided, e.basis = true, j.Basis
	case e.basis != j.Basis:
		e.basis = ""
	}
}

var decided = [...]Verdict{Hard, Soft, Partial}

func (e *edgeSum) judgement() EdgeJudgement {
	for _, x := range [...]*float64{&e.Probability, &e.Low, &e.High, &e.Decided} {
		*x /= e.Requests
	}
	e.Verdict = Unknown
	for i, v := range decided {
		switch {
		case !e.verdicts[i]:
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
	if e.Verdict != Unknown && e.basis != "" {
		e.Basis = e.basis
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
