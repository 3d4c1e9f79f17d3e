package rollup

import (
	"cmp"
	"slices"
	"time"

	"faultline/graph"
	"faultline/graph/match"
)

type aliasKey struct {
	caller, peer, callee match.NodeRef
	bucket               int64
}

// learn notes who answered a call to the peer that its caller names.
func (f *Folder) learn(c *match.Call) {
	if c.Peer == 0 {
		return
	}
	hour := int64(time.Hour / time.Second)
	s := c.Start / int64(time.Second)
	f.aliases[aliasKey{c.Caller, c.Peer, c.Callee, s - s%hour}] += c.N
}

// flushAliases moves what was learned into b.
func (f *Folder) flushAliases(b *graph.Block) {
	for k, n := range f.aliases {
		if n == 0 {
			continue
		}
		_, tenant, caller, _ := f.names.Node(k.caller)
		b.Aliases = append(b.Aliases, graph.AliasRow{
			Tenant: tenant, Bucket: time.Unix(k.bucket, 0).UTC(), Caller: caller, Peer: f.names.ID(k.peer), Callee: f.names.ID(k.callee), N: n,
		})
	}
	clear(f.aliases)
	slices.SortFunc(b.Aliases, func(x, y graph.AliasRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), x.Bucket.Compare(y.Bucket), cmp.Compare(x.Caller, y.Caller),
			cmp.Compare(x.Peer, y.Peer), cmp.Compare(x.Callee, y.Callee),
		)
	})
}
