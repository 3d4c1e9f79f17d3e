package tier

import "testing"

func TestFitMemory(t *testing.T) {
	tests := map[string]struct {
		limit                        int64
		spans, spilled, queued, rows int
	}{
		"no limit":            {0, 3_000_000, 12_000_000, 100_000, 1_000_000},
		"room for everything": {16 << 30, 3_000_000, 12_000_000, 100_000, 1_000_000},
		"half a gigabyte":     {512 << 20, 671_088, 4_473_924, 52_428, 52_428},
		"next to nothing":     {1 << 20, 1310, 8738, 1000, 1000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.fitMemory(test.limit)
			if in := c.Ingest; in.Match.MaxSpans != test.spans || in.Match.MaxSpilled != test.spilled || in.MaxQueued != test.queued || in.MaxRows != test.rows {
				t.Errorf("%d spans, %d spilled, %d queued, %d rows", in.Match.MaxSpans, in.Match.MaxSpilled, in.MaxQueued, in.MaxRows)
			}
		})
	}
}
