package clickhouse

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestExchange(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	st, err := s.ExchangeState(ctx)
	if err != nil || len(st.Members) != 0 || st.Closing != 0 || st.Stored != 0 || time.Since(st.Now).Abs() > time.Minute {
		t.Fatalf("a new exchange is %+v, %v", st, err)
	}
	// The latest word of a member counts, and it lives as long as its lease.
	for member, said := range map[string][]int64{"b": {5, 7, 6}, "a": {3}} {
		for _, e := range said {
			if _, err := s.ExchangeBeat(ctx, member, e, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.ExchangeBeat(ctx, "dead", 1, -time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ExchangeBeat(ctx, "gone", 1<<63-1, time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]int64{{4, 0}, {0, 3}, {2, 1}} {
		if err := s.ExchangeProgress(ctx, p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	st, err = s.ExchangeState(ctx)
	if err != nil || st.Closing != 4 || st.Stored != 3 || len(st.Members) != 2 || st.Members[0].Name != "a" || st.Members[1].Said != 7 {
		t.Errorf("state %+v, %v", st, err)
	}

	// Records come back by replica and position, once for each token.
	epoch := st.Now.Unix() / 2
	record := func(replica string, position int64) ExchangeRecord {
		return ExchangeRecord{
			Replica: replica, Position: position, Received: st.Now.Add(time.Duration(position)), Kind: 1,
			Meta: []byte{0, '\n', 0xff}, Body: bytes.Repeat([]byte{byte(position), 0, 0xfe}, 1000),
		}
	}
	until := st.Now.Add(time.Minute)
	publish := func(token string, epoch int64, until time.Time, records ...ExchangeRecord) error {
		return s.ExchangePublish(ctx, token, epoch, until, 10*time.Second, records)
	}
	for range 2 {
		if err := publish("y-2", epoch, until, record("y", 1), record("y", 2)); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish("x-1", epoch, until, record("x", 1)); err != nil {
		t.Fatal(err)
	}
	if err := publish("x-2", epoch+2, until, record("x", 2)); err != nil {
		t.Fatal(err)
	}
	got, err := s.ExchangeRecords(ctx, epoch)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, want := range []ExchangeRecord{record("x", 1), record("y", 1), record("y", 2)} {
		if g := got[i]; g.Replica != want.Replica || g.Position != want.Position || !g.Received.Equal(want.Received) || !bytes.Equal(g.Meta, want.Meta) || !bytes.Equal(g.Body, want.Body) {
			t.Errorf("record %d is %s %d", i, g.Replica, g.Position)
		}
	}
	epochs, err := s.ExchangeEpochs(ctx, epoch-1, epoch+1)
	if err != nil || len(epochs) != 1 || epochs[0] != epoch {
		t.Errorf("epochs %v, %v", epochs, err)
	}
	// A block whose time is over is refused by the server.
	if err := publish("z-1", epoch, st.Now.Add(-time.Second), record("z", 1)); !errors.Is(err, ErrStale) {
		t.Errorf("a late block: %v, want ErrStale", err)
	}
	if got, _ := s.ExchangeRecords(ctx, epoch); len(got) != 3 {
		t.Errorf("%d records after a late block", len(got))
	}
}
