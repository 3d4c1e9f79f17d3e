package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// data is the folder of recorded traces with known truth, beside the repository.
const data = "../../../shared/data"

// truth is an edges.json: what a file must come out as.
type truth struct {
	Files map[string]struct {
		Edges    []trueEdge
		Spans    int
		Services map[string]struct {
			Orphans int64 `json:"orphan_spans"` // that name a parent which is not there
		}
	}
	Union struct{ Edges []trueEdge }
}

type trueEdge struct {
	Caller, Callee string
	Calls          int64
	Requests       int64 // of the caller with a call on the edge
}

func calls(edges []trueEdge) map[pair]int64 {
	out := map[pair]int64{}
	for _, e := range edges {
		out[pair{e.Caller, e.Callee}] += e.Calls
	}
	return out
}

// variants are ways to send the same spans that must not change a single count. Each rewrites requests.
var variants = map[string]func(requests [][]byte) [][]byte{
	"as recorded": func(r [][]byte) [][]byte { return r },
	"shuffled": func(r [][]byte) [][]byte {
		r = slices.Clone(r)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(r), func(i, j int) { r[i], r[j] = r[j], r[i] })
		return r
	},
	"every request twice": func(r [][]byte) [][]byte { return slices.Concat(r, r) },
	"a request for each span": func(r [][]byte) [][]byte {
		var out [][]byte
		for _, req := range r {
			out = append(out, single(req)...)
		}
		return out
	},
}

// single splits a request into one request for each span.
func single(req []byte) (out [][]byte) {
	var body struct {
		ResourceSpans []struct {
			Resource   json.RawMessage `json:"resource"`
			ScopeSpans []struct {
				Spans []json.RawMessage `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	}
	if err := json.Unmarshal(req, &body); err != nil {
		panic(err)
	}
	for _, rs := range body.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				out = append(out, fmt.Appendf(nil, `{"resourceSpans":[{"resource":%s,"scopeSpans":[{"spans":[%s]}]}]}`, rs.Resource, s))
			}
		}
	}
	return out
}

// TestExact replays recorded traces through the built binary and compares every service → service edge of
// the API with the truth. It takes one small file of each folder, of two in every variant: spans without kinds and with
// all that there is; and the folders whole as far as time allows. EXACT=all takes everything.
func TestExact(t *testing.T) {
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the recorded traces are not here: %v", err)
	}
	all := os.Getenv("EXACT") == "all"
	small := map[string]string{
		"nezha-ob":                "ob-08-22-0509-checkoutservice-return.otlp.jsonl.gz",
		"nezha-tt":                "tt-01-29-1020-ts-travel-service-exception.otlp.jsonl.gz",
		"nezha-tt-derived-errors": "tt-01-29-1020-ts-travel-service-exception.derr.otlp.jsonl.gz",
		"hotrod-live":             "hr-route-down.otlp.jsonl.gz",
	}
	for _, folder := range []string{"nezha-ob", "nezha-tt", "nezha-tt-derived-errors", "hotrod-live"} {
		t.Run(folder, func(t *testing.T) {
			var want truth
			if err := json.Unmarshal(read(t, filepath.Join(data, folder, "edges.json")), &want); err != nil {
				t.Fatal(err)
			}
			for variant, rewrite := range variants {
				for file, truth := range want.Files {
					if !all && (file != small[folder] || variant != "as recorded" && folder != "nezha-tt" && folder != "hotrod-live") {
						continue
					}
					t.Run(variant+"/"+file, func(t *testing.T) {
						exact(t, calls(truth.Edges), rewrite, filepath.Join(data, folder, file))
					})
				}
				if !all && (variant != "as recorded" || folder == "nezha-ob") {
					continue
				}
				t.Run(variant+"/union", func(t *testing.T) {
					var files []string
					for file := range want.Files {
						files = append(files, filepath.Join(data, folder, file))
					}
					slices.Sort(files)
					exact(t, calls(want.Union.Edges), rewrite, files...)
				})
			}
		})
	}
}

func exact(t *testing.T, want map[pair]int64, rewrite func([][]byte) [][]byte, files ...string) {
	var requests [][]byte
	for _, f := range files {
		requests = append(requests, lines(t, f)...)
	}
	input := filepath.Join(t.TempDir(), "requests.otlp.jsonl")
	if err := os.WriteFile(input, bytes.Join(rewrite(requests), []byte("\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := up(t)
	t.Log(run(t, "replay", "--endpoint", p.http, input))

	const window = "from=now-3d&to=now"
	eventually(t, time.Minute, func() error {
		g, err := p.graph(window)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, g.calls(), cmp.AllowUnexported(pair{})); diff != "" {
			return fmt.Errorf("service → service calls (-want +got):\n%s", diff)
		}
		return nil
	})
	// They must stay what they are when the waits of all halves are over.
	if os.Getenv("EXACT") == "all" && len(files) > 1 {
		eventually(t, time.Minute, func() error { return p.metric("faultline_match_waiting_spans", 0) })
		g, err := p.graph(window)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, g.calls(), cmp.AllowUnexported(pair{})); diff != "" {
			t.Errorf("after all waits (-want +got):\n%s", diff)
		}
	}
}

// TestExactOutcomes compares the requests of each call site, added up by edge, with the truth. That counts
// calls under an orphan as a request of their own; how such a request ended nobody knows, so it is no outcome.
func TestExactOutcomes(t *testing.T) {
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the recorded traces are not here: %v", err)
	}
	const folder, file = "hotrod-live", "hr-route-down.otlp.jsonl.gz"
	var want truth
	if err := json.Unmarshal(read(t, filepath.Join(data, folder, "edges.json")), &want); err != nil {
		t.Fatal(err)
	}
	p := up(t)
	run(t, "replay", "--endpoint", p.http, filepath.Join(data, folder, file))
	requests := map[pair]int64{}
	for _, e := range want.Files[file].Edges {
		requests[pair{e.Caller, e.Callee}] = e.Requests
	}
	const window = "from=now-3d&to=now"
	eventually(t, time.Minute, func() error {
		g, err := p.graph(window)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, n := range g.Nodes {
			if n.Type == "service" {
				names[n.ID] = n.Name
			}
		}
		got := map[pair]int64{}
		for id, name := range names {
			var answer struct {
				AsCaller []struct {
					Callee   string
					Requests int64
				} `json:"as_caller"`
			}
			if err := p.get("/api/v1/nodes/"+id+"/outcomes?"+window, &answer); err != nil {
				return err
			}
			for _, site := range answer.AsCaller {
				if callee, ok := names[site.Callee]; ok {
					got[pair{name, callee}] += site.Requests
				}
			}
		}
		for edge, n := range requests {
			if orphans := want.Files[file].Services[edge.caller].Orphans; got[edge] > n || got[edge] < n-orphans {
				return fmt.Errorf("%v: %d requests with a call on the edge, want %d, at most %d less", edge, got[edge], n, orphans)
			}
		}
		return nil
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines reads the requests of a gzipped file, one on each line.
func lines(t *testing.T, path string) (out [][]byte) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(z)
	for {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, line)
		}
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
