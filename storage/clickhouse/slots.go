package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/analysis/change"
	"faultline/graph"
)

// Slots returns what the busiest series of recent counted in the slots that begin at the given times, in the order
// of slots: most operations, and as many call sites. Minutes without traffic are left out, and so is what is older
// than minutes are kept.
func (s *Store) Slots(ctx context.Context, tenant string, starts []time.Time, recent graph.Window, most int) (slots []change.Slot, err error) {
	defer func(start time.Time) { s.metrics.asked("slots", start, err) }(time.Now())
	if err := check(recent); err != nil {
		return nil, err
	}
	params := clickhouse.Parameters{
		"tenant": escape(tenant), "minutes": formatMinutes(starts), "most": strconv.Itoa(most),
		"from": recent.From.UTC().Format(time.DateTime), "to": recent.To.UTC().Format(time.DateTime),
	}
	var (
		slot          change.Slot
		calls, failed []int64
		times         histogramBytes
		bins          graph.Bins
		counts        = []any{&calls, &failed, &times.indices, &times.counts}
	)
	scan := func(targets ...any) func(driver.Rows) error {
		targets = append(targets, counts...)
		return func(rows driver.Rows) error {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
			slot.Calls, slot.Failed, slot.Durations = calls, failed, decodeHistogram(&bins, times)
			slots = append(slots, slot)
			calls, failed = nil, nil // the slot has them
			return nil
		}
	}
	node, operation, callee := (*uint64)(&slot.Node), &slot.Operation, (*uint64)(&slot.Callee)
	if err := s.query(ctx, slotsOperations, params, scan(&slot.Start, node, operation)); err != nil {
		return nil, fmt.Errorf("select slots of operations: %w", err)
	}
	if err := s.query(ctx, slotsCalls, params, scan(&slot.Start, node, operation, callee)); err != nil {
		return nil, fmt.Errorf("select slots of calls: %w", err)
	}
	return slots, nil
}

// formatMinutes lists the minutes of slots as the value of a parameter.
func formatMinutes(starts []time.Time) string {
	var b strings.Builder
	for _, start := range starts {
		for at := start.UTC(); at.Before(start.Add(change.SlotLength)); at = at.Add(time.Minute) {
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			b.WriteString("'" + at.Format(time.DateTime) + "'")
		}
	}
	return "[" + b.String() + "]"
}
