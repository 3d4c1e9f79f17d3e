package tier

import (
	"context"
	"errors"
	"time"

	"faultline/ingest/exchange"
	"faultline/ingest/journal"
	"faultline/storage/clickhouse"
)

// exchangeStore makes the store the place where ingest processes meet: neither knows the other's words.
type exchangeStore struct{ store *clickhouse.Store }

var _ exchange.Store = exchangeStore{}

func (x exchangeStore) Beat(ctx context.Context, member string, said exchange.Epoch, lease time.Duration) (time.Time, error) {
	return x.store.ExchangeBeat(ctx, member, int64(said), lease)
}

func (x exchangeStore) Publish(ctx context.Context, b exchange.Block) error {
	records := make([]clickhouse.ExchangeRecord, len(b.Records))
	for i, r := range b.Records {
		records[i] = clickhouse.ExchangeRecord{
			Replica: b.Replica, Position: int64(r.Position), Received: r.Time, Kind: r.Kind, Meta: r.Meta, Body: r.Body,
		}
	}
	err := x.store.ExchangePublish(ctx, b.Token, int64(b.Epoch), b.Until, exchange.PublishTimeout, records)
	if errors.Is(err, clickhouse.ErrStale) {
		return exchange.ErrStale
	}
	return err
}

func (x exchangeStore) State(ctx context.Context) (exchange.State, error) {
	st, err := x.store.ExchangeState(ctx)
	s := exchange.State{Now: st.Now, Closing: exchange.Epoch(st.Closing), Stored: exchange.Epoch(st.Stored)}
	for _, m := range st.Members {
		s.Members = append(s.Members, exchange.Member{Name: m.Name, Said: exchange.Epoch(m.Said)})
	}
	return s, err
}

func (x exchangeStore) SetClosing(ctx context.Context, e exchange.Epoch) error {
	return x.store.ExchangeProgress(ctx, int64(e), 0)
}

func (x exchangeStore) SetStored(ctx context.Context, e exchange.Epoch) error {
	return x.store.ExchangeProgress(ctx, 0, int64(e))
}

func (x exchangeStore) Epochs(ctx context.Context, after, upTo exchange.Epoch) ([]exchange.Epoch, error) {
	found, err := x.store.ExchangeEpochs(ctx, int64(after), int64(upTo))
	epochs := make([]exchange.Epoch, len(found))
	for i, e := range found {
		epochs[i] = exchange.Epoch(e)
	}
	return epochs, err
}

func (x exchangeStore) Records(ctx context.Context, e exchange.Epoch) ([]exchange.Record, error) {
	found, err := x.store.ExchangeRecords(ctx, int64(e))
	records := make([]exchange.Record, len(found))
	for i, r := range found {
		records[i] = exchange.Record{Replica: r.Replica, Record: journal.Record{
			Position: journal.Position(r.Position), Time: r.Received, Kind: r.Kind, Meta: r.Meta, Body: r.Body,
		}}
	}
	return records, err
}
