package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// maxInsertRows bounds one insert, and with it what both sides hold in memory for it.
const maxInsertRows = 20_000

// Write stores a block. After an error any part of it may be stored: write the same block again, until
// that succeeds, and every row counts once. It keeps nothing of the block.
//
// The nodes go first, so that whoever reads an edge finds its ends. The rest is cut by table, day and
// number of rows, always the same way, and each piece is inserted under a token of its own made from the
// block's, by which the server knows it again.
func (s *Store) Write(ctx context.Context, b graph.Block) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write").Inc()
		}
	}()
	if b.Token == "" {
		return errors.New("write a block: it has no token, so a repetition could not be told from new calls")
	}
	for _, i := range inserts(&b) {
		if err := s.insert(ctx, i); err != nil {
			return fmt.Errorf("insert %d rows into %s: %w", i.rows, i.table, err)
		}
	}
	return nil
}

// An insert is one batch for one partition of one table.
type insert struct {
	table, statement string
	token            string // "" for rows that may be repeated
	rows             int
	limit            time.Duration // that the server may take; 0: as configured
	appendRow        func(batch driver.Batch, i int) error
}

// inserts cuts a block into batches.
func inserts(b *graph.Block) []insert {
	all := cut(b.Token, "nodes", insertNodes, b.Nodes,
		func(*graph.NodeRow) time.Time { return time.Time{} }, compareNodes, appendNode)
	all = append(all, cut(b.Token, "operations_10s", insertOperations, b.Operations,
		func(r *graph.OperationRow) time.Time { return r.Bucket }, compareOperations, appendOperation)...)
	all = append(all, cut(b.Token, "call_sites_10s", insertCallSites, b.CallSites,
		func(r *graph.CallSiteRow) time.Time { return r.Bucket }, compareCallSites, appendCallSite)...)
	all = append(all, cut(b.Token, "outcomes_1m", insertOutcomes, b.Outcomes,
		func(r *graph.OutcomeRow) time.Time { return r.Bucket }, compareOutcomes, appendOutcome)...)
	all = append(all, cut(b.Token, "halves_1m", insertHalves, b.Halves,
		func(r *graph.HalfRow) time.Time { return r.Bucket }, compareHalves, appendHalf)...)
	all = append(all, cut(b.Token, "aliases_1h", insertAliases, b.Aliases,
		func(r *graph.AliasRow) time.Time { return r.Bucket }, compareAliases, appendAlias)...)
	return append(all, cut(b.Token, "spans", insertSpans, b.Spans, startOf, compareSpans, appendSpan)...)
}

// cut orders rows by day, the partitions of the source tables, and then by key, and cuts them into
// batches that do not cross a day.
func cut[R any](token, table, statement string, rows []R, at func(*R) time.Time,
	compare func(a, b *R) int, appendRow func(driver.Batch, *R) error) (all []insert) {
	const day = 24 * 60 * 60
	sorted := make([]*R, len(rows))
	for i := range rows {
		sorted[i] = &rows[i]
	}
	dayOf := func(r *R) int64 { return at(r).Unix() / day }
	slices.SortStableFunc(sorted, func(a, b *R) int {
		return cmp.Or(cmp.Compare(dayOf(a), dayOf(b)), compare(a, b))
	})
	for len(sorted) > 0 {
		n := 1
		for n < min(len(sorted), maxInsertRows) && dayOf(sorted[n]) == dayOf(sorted[0]) {
			n++
		}
		piece := sorted[:n:n]
		all = append(all, insert{
			table: table, statement: statement, rows: n,
			token:     fmt.Sprintf("%s/%s/%d", token, table, len(all)),
			appendRow: func(batch driver.Batch, i int) error { return appendRow(batch, piece[i]) },
		})
		sorted = sorted[n:]
	}
	return all
}

// insert sends one batch, a second time if the connection broke: the pool may hold connections to a server
// that has been restarted since, and the token makes repeating safe.
func (s *Store) insert(ctx context.Context, in insert) error {
	start := time.Now()
	defer func() { s.metrics.insert.WithLabelValues(in.table).Observe(time.Since(start).Seconds()) }()
	err := s.tryInsert(ctx, in)
	var refused *clickhouse.Exception
	if err == nil || errors.As(err, &refused) || ctx.Err() != nil {
		return err
	}
	return s.tryInsert(ctx, in)
}

func (s *Store) tryInsert(ctx context.Context, in insert) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":                                 1,
		"insert_deduplication_token":                         in.token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"async_insert":                                       0, // its batches would mix blocks, and with them tokens
		"max_execution_time":                                 math.Ceil(cmp.Or(in.limit, s.cfg.WriteTimeout).Seconds()),
	}))
	batch, err := s.conn.PrepareBatch(ctx, in.statement)
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := range in.rows {
		if err := in.appendRow(batch, i); err != nil {
			return err
		}
	}
	return batch.Send()
}
