package ingest

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sgRequests = "traces_service_graph_request_total"
	sgFailed   = "traces_service_graph_request_failed_total"
	sgClient   = "traces_service_graph_request_client_seconds"
	sgServer   = "traces_service_graph_request_server_seconds"
	sgUnpaired = "traces_service_graph_unpaired_spans_total"
	sgDropped  = "traces_service_graph_dropped_spans_total"
)

// sgSnapshot is what was counted up to a moment.
type sgSnapshot struct {
	edges             []sgEdge
	unpaired, dropped float64
}

type sgEdge struct {
	sgKey
	sgSeries
}

// snapshot copies what was counted, so that nobody who counts waits until it is written out. Series idle for 15 minutes are
// dropped.
func (g *serviceGraph) snapshot() sgSnapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	s := sgSnapshot{make([]sgEdge, 0, len(g.series)), g.unpaired, g.dropped}
	for k, series := range g.series {
		s.edges = append(s.edges, sgEdge{k, *series})
	}
	return s
}

// WriteTo writes the family in Prometheus' text format, version 0.0.4, by the names of the ends. Ten thousand edges make
// 380,000 lines: as objects of a registry they would take a hundred megabytes for each reading.
func (g *serviceGraph) WriteTo(to io.Writer) (int64, error) {
	now := g.snapshot()
	slices.SortFunc(now.edges, func(a, b sgEdge) int {
		return cmp.Or(
			cmp.Compare(a.client, b.client), cmp.Compare(a.server, b.server), cmp.Compare(a.connection, b.connection),
			cmp.Compare(a.clientNamespace, b.clientNamespace), cmp.Compare(a.serverNamespace, b.serverNamespace))
	})
	counted := &countingWriter{to: to}
	t := sgText{Writer: bufio.NewWriterSize(counted, 64<<10)}
	t.family(sgUnpaired, "counter", "Spans whose other half did not come within the wait.")
	t.line(sgUnpaired, nil, now.unpaired)
	t.family(sgDropped, "counter", "Spans forgotten before their wait was over, for want of room.")
	t.line(sgDropped, nil, now.dropped)
	t.family(sgRequests, "counter", "Calls between two nodes, weighted by their sampling probability.")
	for i := range now.edges {
		t.line(sgRequests, t.braced(&now.edges[i]), now.edges[i].requests)
	}
	t.family(sgFailed, "counter", "Failed calls between two nodes, weighted likewise.")
	for i := range now.edges {
		t.line(sgFailed, t.braced(&now.edges[i]), now.edges[i].failed)
	}
	t.family(sgClient, "histogram", "Duration of calls as the client measured it.")
	for i := range now.edges {
		t.histogram(sgClient, &now.edges[i], &now.edges[i].clientTimes)
	}
	t.family(sgServer, "histogram", "Duration of calls as the server measured it.")
	for i := range now.edges {
		t.histogram(sgServer, &now.edges[i], &now.edges[i].serverTimes)
	}
	err := t.Flush()
	return counted.n, err
}

// countingWriter counts what goes through.
type countingWriter struct {
	to io.Writer
	n  int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.n += int64(n)
	return n, err
}

// sgText writes lines. Its errors show when it is flushed.
type sgText struct {
	*bufio.Writer
	labels []byte // scratch
}

func (t *sgText) family(name, kind, help string) {
	for _, s := range [...]string{"# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"} {
		_, _ = t.WriteString(s)
	}
}

func (t *sgText) line(name string, labels []byte, value float64) {
	_, _ = t.WriteString(name)
	_, _ = t.Write(labels)
	_ = t.WriteByte(' ')
	_, _ = t.Write(strconv.AppendFloat(t.AvailableBuffer(), value, 'g', -1, 64))
	_ = t.WriteByte('\n')
}

// braced are the labels of an edge as they stand behind a name, until it is called again.
func (t *sgText) braced(e *sgEdge) []byte {
	t.labels = append(appendLabels(append(t.labels[:0], '{'), e), '}')
	return t.labels
}

func appendLabels(b []byte, e *sgEdge) []byte {
	for i, l := range [...]struct{ name, value string }{
		{"client", e.client}, {"client_service_namespace", e.clientNamespace}, {"connection_type", e.connection},
		{"server", e.server}, {"server_service_namespace", e.serverNamespace},
	} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, l.name...)
		b = append(b, `="`...)
		b = append(b, sgEscape.Replace(strings.ToValidUTF8(l.value, "\uFFFD"))...)
		b = append(b, '"')
	}
	return b
}

var sgEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (t *sgText) histogram(name string, e *sgEdge, h *sgHistogram) {
	t.labels = appendLabels(t.labels[:0], e)
	count := func(below string, n float64) {
		_, _ = t.WriteString(name)
		_, _ = t.WriteString("_bucket{")
		_, _ = t.Write(t.labels)
		_, _ = t.WriteString(below)
		_, _ = t.Write(strconv.AppendUint(t.AvailableBuffer(), uint64(n), 10))
		_ = t.WriteByte('\n')
	}
	var n float64
	for i, below := range sgBelow {
		n += h.counts[i]
		count(below, n)
	}
	count(`,le="+Inf"} `, h.n)
	labels := t.braced(e)
	t.line(name+"_sum", labels, h.sum)
	t.line(name+"_count", labels, float64(uint64(h.n)))
}

// sgBelow is what stands behind the labels in the line of a bucket.
var sgBelow = func() (below [len(sgBuckets)]string) {
	for i, le := range sgBuckets {
		below[i] = `,le="` + strconv.FormatFloat(le, 'g', -1, 64) + `"} `
	}
	return below
}()
