package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrStale says that a block for the exchange came after its time.
var ErrStale = errors.New("the block is too late")

// ExchangeRecord is a record of the log that ingest processes share.
type ExchangeRecord struct {
	Replica    string
	Position   int64
	Received   time.Time
	Kind       uint8
	Meta, Body []byte
}

// ExchangeState is how far the exchange is.
type ExchangeState struct {
	Now             time.Time // by the server's clock
	Members         []ExchangeMember
	Closing, Stored int64 // epochs
}

// ExchangeMember is a process whose lease runs, with its word.
type ExchangeMember struct {
	Name string
	Said int64 // epoch
}

// ExchangeBeat puts down the word of a member and renews its lease, and returns the server's time.
func (s *Store) ExchangeBeat(ctx context.Context, member string, said int64, lease time.Duration) (now time.Time, err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_beat", start, err) }(time.Now())
	err = s.query(ctx, selectNow, nil, func(rows driver.Rows) error { return rows.Scan(&now) })
	if err != nil {
		return now, fmt.Errorf("ask for the time: %w", err)
	}
	err = s.execWith(ctx, insertExchangeMember, clickhouse.Parameters{
		"member": escape(member), "said": strconv.FormatInt(said, 10), "lease_ms": strconv.FormatInt(lease.Milliseconds(), 10),
	})
	if err != nil {
		return now, fmt.Errorf("insert a member of the exchange: %w", err)
	}
	return now, nil
}

// ExchangePublish stores records of one replica in an epoch, once for each token and within the timeout.
// When the server's clock is past until it is ErrStale.
func (s *Store) ExchangePublish(ctx context.Context, token string, epoch int64, until time.Time, timeout time.Duration, records []ExchangeRecord) (err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_publish", start, err) }(time.Now())
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = s.tryInsert(ctx, insert{
		table: "exchange_records", statement: insertExchangeRecords, token: token, rows: len(records), limit: timeout,
		appendRow: func(batch driver.Batch, i int) error {
			r := &records[i]
			return batch.Append(epoch, r.Replica, r.Position, r.Received, r.Kind, r.Meta, r.Body, until)
		},
	})
	var refused *clickhouse.Exception
	if errors.As(err, &refused) && strings.Contains(refused.Message, "in_time") {
		return ErrStale
	}
	if err != nil {
		return fmt.Errorf("insert %d records into the exchange: %w", len(records), err)
	}
	return nil
}

// ExchangeState returns how far the exchange is.
func (s *Store) ExchangeState(ctx context.Context) (st ExchangeState, err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_state", start, err) }(time.Now())
	err = s.query(ctx, selectExchangeProgress, nil, func(rows driver.Rows) error { return rows.Scan(&st.Now, &st.Closing, &st.Stored) })
	if err != nil {
		return st, fmt.Errorf("select the progress of the exchange: %w", err)
	}
	err = s.query(ctx, selectExchangeMembers, nil, func(rows driver.Rows) error {
		var m ExchangeMember
		if err := rows.Scan(&m.Name, &m.Said); err != nil {
			return err
		}
		st.Members = append(st.Members, m)
		return nil
	})
	if err != nil {
		return st, fmt.Errorf("select the members of the exchange: %w", err)
	}
	return st, nil
}

// ExchangeProgress puts down that an epoch is being closed, or stored; the latest of each counts.
func (s *Store) ExchangeProgress(ctx context.Context, closing, stored int64) (err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_progress", start, err) }(time.Now())
	err = s.execWith(ctx, insertExchangeProgress, clickhouse.Parameters{
		"closing": strconv.FormatInt(closing, 10), "stored": strconv.FormatInt(stored, 10),
	})
	if err != nil {
		return fmt.Errorf("insert the progress of the exchange: %w", err)
	}
	return nil
}

// ExchangeEpochs lists the epochs after one and up to another that have records.
func (s *Store) ExchangeEpochs(ctx context.Context, after, upTo int64) (epochs []int64, err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_epochs", start, err) }(time.Now())
	params := clickhouse.Parameters{"after": strconv.FormatInt(after, 10), "up_to": strconv.FormatInt(upTo, 10)}
	err = s.query(ctx, selectExchangeEpochs, params, func(rows driver.Rows) error {
		var e int64
		if err := rows.Scan(&e); err != nil {
			return err
		}
		epochs = append(epochs, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select epochs of the exchange: %w", err)
	}
	return epochs, nil
}

// ExchangeRecords returns the records of an epoch by replica and position.
func (s *Store) ExchangeRecords(ctx context.Context, epoch int64) (records []ExchangeRecord, err error) {
	defer func(start time.Time) { s.metrics.asked("exchange_records", start, err) }(time.Now())
	params := clickhouse.Parameters{"epoch": strconv.FormatInt(epoch, 10)}
	err = s.query(ctx, selectExchangeRecords, params, func(rows driver.Rows) error {
		var r ExchangeRecord
		if err := rows.Scan(&r.Replica, &r.Position, &r.Received, &r.Kind, &r.Meta, &r.Body); err != nil {
			return err
		}
		records = append(records, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select records of the exchange: %w", err)
	}
	return records, nil
}

// execWith runs a statement that answers nothing.
func (s *Store) execWith(ctx context.Context, statement string, params clickhouse.Parameters) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	return s.conn.Exec(clickhouse.Context(ctx, clickhouse.WithParameters(params)), statement)
}
