package tier

import "testing"

func TestFitMemory(t *testing.T) {
	tests := map[string]struct {
		limit               int64
		spans, queued, rows int
	}{
		"no limit":            {0, 3_000_000, 400_000, 1_000_000},
		"room for everything": {16 << 30, 3_000_000, 400_000, 1_000_000},
		"half a gigabyte":     {512 << 20, 671_088, 52_428, 52_428},
		"next to nothing":     {1 << 20, 1310, 1000, 1000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.fitMemory(test.limit)
			if in := c.Ingest; in.Match.MaxSpans != test.spans || in.MaxQueued != test.queued || in.MaxRows != test.rows {
				t.Errorf("%d spans, %d queued, %d rows", in.Match.MaxSpans, in.MaxQueued, in.MaxRows)
			}
		})
	}
}
