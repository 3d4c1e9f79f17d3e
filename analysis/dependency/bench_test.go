package dependency

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

// busyMinute is a minute in which every one of n call sites has traffic, four to an operation, and one in
// fifty a failure.
func busyMinute(n int) []graph.OutcomeRow {
	r := rand.New(rand.NewPCG(1, 1))
	rows := make([]graph.OutcomeRow, 0, n+n/4)
	for op := range n / 4 {
		row := graph.OutcomeRow{Caller: graph.NodeID(op/25 + 1), Operation: fmt.Sprintf("GET /items/%d", op%25), Version: "1.2.3"}
		row.Requests, row.Clean = 600, 590
		row.CleanFailed = r.Int64N(2)
		row.Failed = row.CleanFailed
		rows = append(rows, row)
		for range 4 {
			row.OutcomeStats = graph.OutcomeStats{
				Requests: 600, Calls: 600, Attempts: 610, OnPath: 400,
				Time: r.Int64N(1e8), Duration: r.Int64N(1e9), TimeTime: r.Int64N(1e10), TimeDur: r.Int64N(1e11), DurDur: r.Int64N(1e12),
			}
			row.Callee = graph.NodeID(1e6 + r.Int64N(1e9))
			if r.IntN(50) == 0 {
				if n := 1 + r.Int64N(10); op%3 == 0 {
					row.TotalSurvived = n
				} else {
					row.TotalFatal = n
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func at(rows []graph.OutcomeRow, bucket time.Time) []graph.OutcomeRow {
	for i := range rows {
		rows[i].Bucket = bucket
	}
	return rows
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMinute takes in a minute and judges what it changed: at one million call sites it must take less
// than a second.
func BenchmarkMinute(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("sites=", n), func(b *testing.B) {
			rows := busyMinute(n)
			before := heap()
			j := New(DefaultConfig(), Knowledge{})
			minute := noon
			add := func() {
				minute = minute.Add(time.Minute)
				if err := j.Add(minute, at(rows, minute)); err != nil {
					b.Fatal(err)
				}
				for range j.Updated(minute) {
					continue
				}
			}
			for range min(40, 10_000_000/n) { // until minutes become final
				add()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				add()
			}
			b.ReportMetric((float64(heap())-float64(before))/float64(n), "heap-B/site")
			runtime.KeepAlive(j)
			runtime.KeepAlive(rows)
		})
	}
}

// BenchmarkJudgements judges all call sites, of which one in fifty has failures: at one million it must take
// less than ten seconds.
func BenchmarkJudgements(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("sites=", n), func(b *testing.B) {
			rows := busyMinute(n)
			j := New(DefaultConfig(), Knowledge{})
			for i := range 5 {
				minute := noon.Add(time.Duration(i) * time.Minute)
				if err := j.Add(minute, at(rows, minute)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				count := 0
				for range j.Judgements(noon.Add(time.Hour)) {
					count++
				}
				if count != j.Sites() {
					b.Fatal(count)
				}
			}
			runtime.KeepAlive(rows)
		})
	}
}

func BenchmarkEdges(b *testing.B) {
	rows := busyMinute(100_000)
	j := New(DefaultConfig(), Knowledge{})
	if err := j.Add(noon, at(rows, noon)); err != nil {
		b.Fatal(err)
	}
	sites := slices.Collect(j.Judgements(noon))
	b.ReportAllocs()
	for b.Loop() {
		Edges(sites)
	}
}
