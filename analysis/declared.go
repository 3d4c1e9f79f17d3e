package analysis

import (
	"faultline/analysis/declare"
	"faultline/analysis/dependency"
	"faultline/graph"
)

// declared remembers what is declared about call sites, for as long as nodes keep their names.
type declared map[dependency.Site]dependency.Declaration

// declaration is what is declared about a call site.
func (e *Engine) declaration(s dependency.Site) (dependency.Declaration, bool) {
	if len(e.expect.Declarations) == 0 {
		return dependency.Declaration{}, false
	}
	d, known := e.declared[s]
	if !known {
		if of, ok := declare.Of(e.expect.Declarations, e.nodes[s.Caller].Name, s.Operation, e.nodes[s.Callee].Name); ok {
			d = dependency.Declaration{
				Verdict: dependency.Verdict(of.Criticality), Basis: dependency.Basis(of.Basis), Comment: of.Comment, By: of.By,
			}
		}
		e.declared[s] = d
	}
	return d, d.Verdict != ""
}

// Declarations are all verdicts as declarations that another tool, or another Faultline, can read: by edge, and by operation where
// the operations of an edge differ.
func (r *Report) Declarations() (list []declare.Declaration) {
	type edge struct{ caller, callee graph.NodeID }
	sites := map[edge][]*dependency.Judgement{}
	for i := range r.Sites {
		s := &r.Sites[i]
		sites[edge{s.Caller, s.Callee}] = append(sites[edge{s.Caller, s.Callee}], s)
	}
	for i := range r.Edges {
		e := &r.Edges[i]
		of := sites[edge{e.Caller, e.Callee}]
		if e.Verdict == dependency.Mixed {
			for _, s := range of {
				list = append(list, r.declare(s.Site, s.Verdict, s.Basis, s.Declared, &s.Evidence))
			}
			continue
		}
		var said dependency.Declaration
		if e.Basis != dependency.Inferred && len(of) > 0 {
			said = of[0].Declared
		}
		list = append(list, r.declare(dependency.Site{Caller: e.Caller, Callee: e.Callee}, e.Verdict, e.Basis, said, &e.Evidence))
	}
	return list
}

func (r *Report) declare(s dependency.Site, v dependency.Verdict, b dependency.Basis, said dependency.Declaration, e *dependency.Evidence) declare.Declaration {
	d := declare.Declaration{
		Caller: r.name(s.Caller), Operation: s.Operation, Callee: r.name(s.Callee), Criticality: string(v), Basis: string(b), Comment: e.String(), By: "Faultline",
	}
	if b != dependency.Inferred {
		d.Comment, d.By = said.Comment, said.By
	}
	return d
}
