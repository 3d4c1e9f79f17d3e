package graph

import "time"

// Step is the length of the finest bucket that storage keeps.
const Step = 10 * time.Second

// Block is what one flush of ingest writes: rows folded from all calls and requests since the last one.
// Two blocks with the same Token are the same block sent twice, and storage counts it once.
type Block struct {
	Token      string
	Nodes      []NodeRow
	CallSites  []CallSiteRow
	Operations []OperationRow
	Outcomes   []OutcomeRow
	Halves     []HalfRow
	Spans      []SpanRow
	Aliases    []AliasRow
}

// Rows is how many rows the block has.
func (b *Block) Rows() int {
	return len(b.Nodes) + len(b.CallSites) + len(b.Operations) + len(b.Outcomes) + len(b.Halves) + len(b.Spans) + len(b.Aliases)
}

// NodeRow says that a node exists. It is written when a node is first seen and again as long as it lives.
type NodeRow struct {
	Tenant string
	ID     NodeID
	Node
	Tier     string
	LastSeen time.Time
}

// CallSiteRow counts the calls of one bucket between a pair of operations.
type CallSiteRow struct {
	Tenant string
	Bucket time.Time // UTC, a multiple of Step
	EdgeKey
	CallerOperation, CalleeOperation string
	Basis                            Basis
	Stats
}

// OperationRow counts the requests that one operation of a node served in one bucket. Only Stats.Server
// of the two distributions is used.
type OperationRow struct {
	Tenant    string
	Bucket    time.Time
	Node      NodeID
	Operation string
	Version   string
	Stats
}
