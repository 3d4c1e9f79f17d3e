package analysis

import (
	"testing"

	"faultline/analysis/dependency"
	"faultline/graph"
)

// A finding names what it is about; until the name is known there is none.
func TestDependencyClaimsWaitForNames(t *testing.T) {
	r := &Report{Nodes: map[graph.NodeID]graph.Node{1: {Name: "web"}}}
	j := dependency.Judgement{Site: dependency.Site{Caller: 1, Operation: "GET /", Callee: 2}, Verdict: dependency.Hard, Basis: dependency.Inferred}
	if claims := r.dependencyClaims(&j); len(claims) != 0 {
		t.Errorf("nobody knows what is called yet: %+v", claims)
	}
	r.Nodes[2] = graph.Node{Name: "cart"}
	if claims := r.dependencyClaims(&j); len(claims) != 1 || claims[0].Title != "GET / of web fails when cart does" {
		t.Errorf("claims %+v", claims)
	}
}
