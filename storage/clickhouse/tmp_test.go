package clickhouse
import ("testing";"time";"context";"faultline/graph")
func BenchmarkTmp(b *testing.B) {
	s := open(b); fill(b, s, 1000, 5000)
	to := t0.Add(time.Hour - 17*time.Minute - 20*time.Second)
	for _, d := range []time.Duration{15*time.Minute, 24*time.Hour} {
	w,_,_ := s.plan(graph.Window{From: to.Add(-d), To: to})
	p := coverParams(tenant, cover(w))
	b.Run("edges"+d.String(), func(b *testing.B){ for b.Loop() { s.edges(context.Background(), p) } })
	b.Run("served"+d.String(), func(b *testing.B){ for b.Loop() { s.served(context.Background(), p) } })
	b.Run("nodes"+d.String(), func(b *testing.B){ for b.Loop() { s.nodes(context.Background(), tenant) } })
	}
}
