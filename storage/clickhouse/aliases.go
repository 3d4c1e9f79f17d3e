package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// aliasMemory is how long before a window answered calls tell who is meant by a peer.
const aliasMemory = 24 * time.Hour

// aliases returns who is meant by the peers that callers name in w.
func (s *Store) aliases(ctx context.Context, tenant string, w graph.Window) (graph.Answerers, error) {
	learned := outward(graph.Window{From: w.From.Add(-aliasMemory), To: w.To}, time.Hour)
	params := clickhouse.Parameters{
		"tenant": escape(tenant), "from": learned.From.Format(time.DateTime), "to": learned.To.Format(time.DateTime),
	}
	aliases := graph.Answerers{}
	var (
		a      graph.Named
		callee graph.NodeID
	)
	err := s.query(ctx, selectAliases, params, func(rows driver.Rows) error {
		if err := rows.Scan((*uint64)(&a.Caller), (*uint64)(&a.Peer), (*uint64)(&callee)); err != nil {
			return err
		}
		aliases[a] = callee
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select aliases: %w", err)
	}
	return aliases, nil
}

// storedAs returns the keys under which the calls of an edge are stored.
func (s *Store) storedAs(ctx context.Context, tenant string, w graph.Window, key graph.EdgeKey) ([]graph.EdgeKey, error) {
	aliases, err := s.aliases(ctx, tenant, w)
	if err != nil {
		return nil, err
	}
	return aliases.StoredAs(key), nil
}

func compareAliases(a, b *graph.AliasRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), a.Bucket.Compare(b.Bucket), cmp.Compare(a.Caller, b.Caller),
		cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Callee, b.Callee))
}

func appendAlias(batch driver.Batch, r *graph.AliasRow) error {
	return batch.Append(r.Tenant, r.Bucket, uint64(r.Caller), uint64(r.Peer), uint64(r.Callee), r.N)
}

// mergeSites adds up call sites of the same operations, busiest first.
func mergeSites(sites []graph.CallSite) []graph.CallSite {
	type names struct{ caller, callee string }
	at := map[names]int{}
	out := sites[:0]
	for _, site := range sites {
		k := names{site.CallerOperation, site.CalleeOperation}
		if n, ok := at[k]; ok {
			out[n].Stats.Add(&site.Stats)
			continue
		}
		at[k] = len(out)
		out = append(out, site)
	}
	slices.SortStableFunc(out, func(a, b graph.CallSite) int { return cmp.Compare(b.Calls, a.Calls) })
	return out
}
