package tier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faultline/storage/clickhouse"
)

// migrateEvery is how long to wait between attempts while the database is away.
const migrateEvery = 5 * time.Second

// OpenStore opens the store that the settings name and brings its schema up to date, as soon as the
// database answers: ingest must be able to start, and to take spans in, without it. The store closes after
// all parts that were started later.
func (p *Process) OpenStore(ctx context.Context) (*clickhouse.Store, error) {
	if len(p.Config.ClickHouse.Addr) == 0 {
		return nil, errors.New("no ClickHouse server is given; name one with --clickhouse-addr host:port")
	}
	store, err := clickhouse.Open(ctx, p.Config.ClickHouse, p.Log, p.Registry)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	p.Parts.Close(ctx, "store", store.Close)
	switch err := migrate(ctx, store); {
	case errors.Is(err, errAway):
		p.Log.Warn("the database is away; its schema waits for it", "component", "proc", "err", err)
		p.Parts.Go(ctx, "migrate", func(ctx context.Context) error { return migrateWhenBack(ctx, store) })
	case err != nil:
		return nil, err
	}
	return store, nil
}

var errAway = errors.New("the database does not answer")

// migrate brings the schema up to date. It returns errAway if it could not because the database is away,
// which another attempt may cure, and another error if the database is there and it cannot be done.
func migrate(ctx context.Context, store *clickhouse.Store) error {
	err := store.Migrate(ctx)
	if err == nil {
		return nil
	}
	if store.Ping(ctx) != nil {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return fmt.Errorf("bring the schema up to date: %w", err)
}

func migrateWhenBack(ctx context.Context, store *clickhouse.Store) error {
	again := time.NewTicker(migrateEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
		if err := migrate(ctx, store); errors.Is(err, errAway) {
			continue
		} else if err != nil {
			return err
		}
		<-ctx.Done() // a part lives as long as the process
		return nil
	}
}
