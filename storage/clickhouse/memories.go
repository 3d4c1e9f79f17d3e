package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/analysis/dependency"
)

// WriteMemories stores what the analysis remembers, all of it through one minute, in place of what it
// remembered before.
func (s *Store) WriteMemories(ctx context.Context, tenant string, memories []dependency.Memory) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write_memories").Inc()
		}
	}()
	if len(memories) == 0 {
		return nil
	}
	err = s.insert(ctx, insert{
		table: "judge_memories", statement: insertMemories, rows: len(memories),
		appendRow: func(batch driver.Batch, i int) error {
			m := &memories[i]
			return batch.Append(tenant, uint64(m.Caller), m.Operation, uint64(m.Callee), m.Through, string(m.Data))
		},
	})
	if err != nil {
		return fmt.Errorf("insert %d memories: %w", len(memories), err)
	}
	return nil
}

// Memories returns what was remembered last.
func (s *Store) Memories(ctx context.Context, tenant string) (memories []dependency.Memory, err error) {
	defer func(start time.Time) { s.metrics.asked("memories", start, err) }(time.Now())
	err = s.query(ctx, selectMemories, clickhouse.Parameters{"tenant": escape(tenant)}, func(rows driver.Rows) error {
		var (
			m    dependency.Memory
			data string
		)
		if err := rows.Scan((*uint64)(&m.Caller), &m.Operation, (*uint64)(&m.Callee), &m.Through, &data); err != nil {
			return err
		}
		m.Through, m.Data = m.Through.UTC(), []byte(data)
		memories = append(memories, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select memories: %w", err)
	}
	return memories, nil
}
