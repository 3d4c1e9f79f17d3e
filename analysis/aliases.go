package analysis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"faultline/analysis/dependency"
	"faultline/graph"
)

// A service that is down leaves calls to an address. They are judged as calls of the service.

// sites are the judgements, but those on addresses that turned out to be a service.
func (e *Engine) sites(at time.Time) []dependency.Judgement {
	sites := make([]dependency.Judgement, 0, e.judge.Sites())
	for j := range e.judge.Judgements(at) {
		if _, is := e.aliases[graph.Alias{Caller: j.Caller, Callee: j.Callee}]; !is {
			sites = append(sites, j)
		}
	}
	return sites
}

// resolve puts the service in place of an address behind which it is known to stand.
func (e *Engine) resolve(rows []graph.OutcomeRow) []graph.OutcomeRow {
	own := false
	for i := range rows {
		id, ok := e.aliases[graph.Alias{Caller: rows[i].Caller, Callee: rows[i].Callee}]
		if !ok {
			continue
		}
		if !own {
			rows, own = slices.Clone(rows), true
		}
		rows[i].Callee = id
	}
	return rows
}

// meet learns the names of nodes at once if there are some among rows that were never seen: the address of a
// service that has just died is one.
func (e *Engine) meet(ctx context.Context, now time.Time, rows []graph.OutcomeRow) error {
	for i := range rows {
		if id := rows[i].Callee; id != 0 && !e.met[id] {
			if e.met[id] = true; e.nodes[id].Type == "" {
				return e.nameNodes(ctx, now)
			}
		}
	}
	return nil
}

// nameAliases learns from the calls of late which service stands behind which address. What was learned before stays:
// nobody answers for a service that is down for long.
func (e *Engine) nameAliases(ctx context.Context, now time.Time) error {
	from := now.Add(-time.Hour)
	aliases := maps.Clone(e.aliases) // reports share the old one
	if aliases == nil {
		aliases = map[graph.Alias]graph.NodeID{}
		from = now.Add(-max(e.cfg.History, time.Hour))
	}
	w := graph.Window{From: from.Truncate(time.Hour), To: now.Truncate(time.Hour).Add(time.Hour)}
	calls, err := e.store.CallSiteRows(ctx, e.tenant, w, time.Hour, nil)
	if err != nil {
		return fmt.Errorf("read who answers calls: %w", err)
	}
	maps.Copy(aliases, graph.Aliases(e.nodes, calls))
	if !maps.Equal(aliases, e.aliases) {
		e.readFrom = time.Time{} // what was read is about others
	}
	e.aliases = aliases
	return nil
}
