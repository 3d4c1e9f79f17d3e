package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/analysis/doctor"
	"faultline/graph"
	"faultline/web/api/gen"
)

// silentAfter is how old the last report of a replica is when it counts as silent.
const silentAfter = time.Minute

// GetPipeline answers GET /api/v1/pipeline.
func (a *API) GetPipeline(c *gin.Context, p gen.GetPipelineParams) {
	err := known(c, p)
	limit := 500
	if p.Limit != nil {
		if limit = *p.Limit; limit < 1 || limit > 10_000 {
			err = errors.Join(err, badRequestError("limit must be 1 to 10000"))
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	w, err := a.window(p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	g, _, err := a.read(c.Request.Context(), question(p.From, p.To), w)
	if err != nil {
		a.fail(c, err)
		return
	}
	var rows []graph.PipelineRow
	var halves []graph.HalfRow
	var of graph.Window
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		if rows, err = a.reader.Pipeline(ctx, w); err != nil {
			return err
		}
		halves, of, err = a.reader.Halves(ctx, tenant, w)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	until := w // of a window in the past, what counts is who was silent at its end
	if now := a.now(); now.Before(w.To) {
		until.To = now
	}
	replicas, total := pipelineOf(rows, until)
	c.JSON(http.StatusOK, gen.Pipeline{
		Window: wireWindow(w, graph.Step), Replicas: replicas, Total: total, Doctor: wireDoctor(&g, halves, of, limit),
	})
}

// gauges are the values that are not counters. A name that this release does not know is a counter until it
// falls without a restart.
var gauges = map[string]bool{
	"waiting_halves": true, "remembered_spans": true, "pending_rows": true, "journal_bytes": true, "journal_max_bytes": true,
	"journal_lag_ms": true, "store_lag_ms": true, "memory_bytes": true,
}

// longestOf are the gauges of which the largest counts for all replicas together, not the sum.
var longestOf = map[string]bool{"journal_lag_ms": true, "store_lag_ms": true}

// history is what one replica reported in a window, oldest first.
type history []graph.PipelineRow

// fresh reports whether the process of the first report started within the window, so that all it counted is of
// the window.
func (h history) fresh(from time.Time) bool {
	return !h[0].Started.Before(from) && !h[0].Started.After(h[0].At)
}

// since is from when on the growth of counters is known.
func (h history) since(from time.Time) time.Time {
	if h.fresh(from) {
		return h[0].Started
	}
	return h[0].At
}

// growth is by how much a counter grew since then. A process that started anew began at zero.
func (h history) growth(name string, from time.Time) int64 {
	var sum, last int64
	if !h.fresh(from) {
		last = h[0].Values[name]
	}
	for i := range h {
		v := h[i].Values[name]
		if v < last || i > 0 && !h[i].Started.Equal(h[i-1].Started) {
			last = 0
		}
		sum += v - last
		last = v
	}
	return sum
}

// falls reports whether a value went down while the process lived on.
func (h history) falls(name string) bool {
	for i := 1; i < len(h); i++ {
		if h[i].Started.Equal(h[i-1].Started) && h[i].Values[name] < h[i-1].Values[name] {
			return true
		}
	}
	return false
}

// pipelineOf returns how every replica fares at the end of the window, and all together.
func pipelineOf(rows []graph.PipelineRow, w graph.Window) ([]gen.Replica, gen.Measures) {
	histories := map[string]history{}
	isGauge := maps.Clone(gauges)
	for _, r := range rows {
		histories[r.Replica] = append(histories[r.Replica], r)
	}
	for _, h := range histories {
		slices.SortStableFunc(h, func(a, b graph.PipelineRow) int { return a.At.Compare(b.At) })
		for name := range h[len(h)-1].Values {
			if !isGauge[name] && h.falls(name) {
				isGauge[name] = true
			}
		}
	}
	replicas := []gen.Replica{}
	total := gen.Measures{}
	grown := map[string]int64{}
	var first, last time.Time // between which the rates of all together are averages
	for _, name := range slices.Sorted(maps.Keys(histories)) {
		h := histories[name]
		now, since := &h[len(h)-1], h.since(w.From)
		if first.IsZero() || since.Before(first) {
			first = since
		}
		if now.At.After(last) {
			last = now.At
		}
		state := gen.Reporting
		if w.To.Sub(now.At) > silentAfter {
			state = gen.Silent
		}
		values := gen.Measures{}
		for name, v := range now.Values {
			m := gen.Measure{Kind: gen.Counter, Value: v}
			all := total[name]
			if isGauge[name] {
				m.Kind = gen.Gauge
				switch {
				case state == gen.Silent: // what it holds is not known
				case longestOf[name]:
					all.Value = max(all.Value, v)
				default:
					all.Value += v
				}
			} else {
				n := h.growth(name, w.From)
				m.PerSecond = perSecond(n, now.At.Sub(since))
				all.Value += v
				grown[name] += n
			}
			all.Kind = m.Kind
			values[name], total[name] = m, all
		}
		replicas = append(replicas, gen.Replica{
			Name: name, Version: now.Version, Started: now.Started.UTC(), Reported: now.At.UTC(), State: state, Values: values,
		})
	}
	for name, n := range grown {
		m := total[name]
		m.PerSecond = perSecond(n, last.Sub(first))
		total[name] = m
	}
	return replicas, total
}

// perSecond is a rate, nil over no time.
func perSecond(n int64, d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	v := float64(n) / d.Seconds()
	return &v
}

func wireDoctor(g *graph.Graph, halves []graph.HalfRow, of graph.Window, limit int) gen.Doctor {
	report := doctor.Diagnose(g, halves)
	nodes := make(map[graph.NodeID]graph.Node, len(g.Nodes))
	for i := range g.Nodes {
		nodes[g.Nodes[i].ID()] = g.Nodes[i].Node
	}
	paired := report.Fates[graph.FatePaired]
	out := gen.Doctor{
		Window: wireWindow(of, graph.OutcomeStep), Halves: report.Halves, Paired: paired, Other: report.Fates.Sum() - paired,
		Unaccounted: report.Unaccounted, Fates: wireFates(report.Fates), TotalServices: len(report.Services), Services: []gen.DoctorService{},
	}
	if len(report.Services) > limit {
		report.Services, out.TruncatedBy = report.Services[:limit], "limit"
	}
	for i := range report.Services {
		s := &report.Services[i]
		service := gen.DoctorService{Node: identity(s.ID, s.Node), Sides: []gen.DoctorSide{}, Findings: []gen.DoctorFinding{}}
		for _, side := range []struct {
			side   gen.Side
			counts doctor.Counts
		}{{gen.SideClient, s.Client}, {gen.SideServer, s.Server}} {
			if n := side.counts.Sum(); n > 0 {
				service.Sides = append(service.Sides, gen.DoctorSide{Side: side.side, Halves: n, Fates: wireFates(side.counts)})
			}
		}
		for _, f := range s.Findings {
			finding := gen.DoctorFinding{
				Reason: gen.DoctorFindingReason(f.Reason), Severity: gen.Severity(f.Severity), Side: gen.DoctorFindingSide(cmp.Or(string(f.Side), "both")),
				Halves: f.Halves, Share: f.Share, Cause: f.Cause, Repair: f.Repair, Beside: []gen.NodeIdentity{},
			}
			for _, id := range f.Beside {
				finding.Beside = append(finding.Beside, identity(id, nodes[id]))
			}
			service.Findings = append(service.Findings, finding)
		}
		out.Services = append(out.Services, service)
	}
	return out
}

func wireFates(c doctor.Counts) gen.Fates {
	return gen.Fates{
		Paired: c[graph.FatePaired], Inferred: c[graph.FateInferred], Root: c[graph.FateRoot], Inner: c[graph.FateInner],
		Waiting: c[graph.FateWaiting], ClientWithoutPeer: c[graph.FateNoPeer], PartnerNotSeen: c[graph.FateNoPartner], OverLimit: c[graph.FateLimit],
	}
}
