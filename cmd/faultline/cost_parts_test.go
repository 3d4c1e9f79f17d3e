package main_test

import (
	"os"
	"testing"
	"time"

	"faultline/graph/match"
	"faultline/graph/rollup"
	"faultline/ingest/otlp"
)

// BenchmarkParts is what a span of the load of the cost of ingest (-services) costs in the parts behind the doors, without
// sockets and the journal: decoding, and decoding, matching and folding together, with as many spans remembered as may be.
func BenchmarkParts(b *testing.B) {
	t := newTopology(*costServices)
	var all []*template
	for i := range templates {
		all = append(all, t.newTemplate(i))
	}
	decoder := otlp.NewDecoder(otlp.DefaultDecodeConfig())
	round := uint64(0)
	now := time.Now()
	// next returns a request that came 1/800 s after the one before: 400,000 spans a second.
	next := func() *template {
		x := all[round%templates]
		round++
		now = now.Add(time.Second / 800)
		x.renew(x.body, round, now)
		return x
	}
	decode := func(b *testing.B, x *template) *otlp.Batch {
		batch, err := decoder.Decode("default", otlp.Body{Received: now, Encoding: otlp.Protobuf, Wire: x.body}, 1<<30)
		if err != nil {
			b.Fatal(err)
		}
		return batch
	}
	// measure reports the processor time a span of f, which returns how many spans it took.
	measure := func(b *testing.B, f func() int) {
		spans, before := 0, used(b, os.Getpid()).cpu
		for b.Loop() {
			spans += f()
		}
		b.ReportMetric(float64((used(b, os.Getpid()).cpu-before).Nanoseconds())/float64(spans), "cpu-ns/span")
	}
	b.Run("make", func(b *testing.B) { measure(b, func() int { return next().spans }) })
	b.Run("decode", func(b *testing.B) {
		measure(b, func() int {
			batch := decode(b, next())
			defer batch.Release()
			return len(batch.Spans)
		})
	})
	b.Run("match", func(b *testing.B) {
		cfg := match.DefaultConfig()
		cfg.Limits.Nodes = max(cfg.Limits.Nodes, 2**costServices)
		names := match.NewNames(cfg.Limits)
		folder := rollup.New(rollup.DefaultConfig(), names)
		m := match.New(cfg, names, folder)
		add := func() int {
			batch := decode(b, next())
			m.Advance(now)
			for i := range batch.Spans {
				m.Add("default", &batch.Spans[i])
			}
			defer batch.Release()
			return len(batch.Spans)
		}
		for n := 0; n < cfg.MaxSpans+100_000; {
			n += add()
			if round%1600 == 0 {
				folder.Flush()
			}
		}
		measure(b, func() int {
			if round%1600 == 0 {
				folder.Flush()
			}
			return add()
		})
	})
}
