// Package analysistest feeds analyses, in tests, with what the product itself makes of telemetry: spans go
// through the decoder, the matcher and the folder of ingest, and come out as the rows that the analyses read.
package analysistest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"faultline/graph"
	"faultline/graph/match"
	"faultline/ingest/fold"
	"faultline/ingest/otlp"
)

// Tenant is whose rows folding makes.
const Tenant = fold.Tenant

// Request is the body of one export request, and Tables are the rows that storage would hold in the end.
type (
	Request = fold.Request
	Tables  = fold.Tables
)

// Fold takes export requests in, one after the other, and returns what storage would hold once all of them
// had been matched.
func Fold(cfg match.Config, requests iter.Seq[Request]) (Tables, error) {
	return fold.Requests(cfg, requests)
}

// Minutes yields the outcomes of each minute in turn.
func Minutes(rows []graph.OutcomeRow) iter.Seq[[]graph.OutcomeRow] {
	return func(yield func([]graph.OutcomeRow) bool) {
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].Bucket.Equal(rows[0].Bucket) {
				n++
			}
			if !yield(rows[:n:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// Recorded yields the requests of a file with one OTLP/JSON export request a line, compressed by gzip.
func Recorded(t testing.TB, file string) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReaderSize(z, 1<<20)
		for {
			line, err := lines.ReadBytes('\n')
			if len(bytes.TrimSpace(line)) > 0 && !yield(Request{Encoding: otlp.JSON, Body: line}) {
				return
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Data returns the path of a folder of recorded traces with known truth, which lie beside the repository. Where
// they do not, it skips the test.
func Data(t testing.TB, folder string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test does not run inside the repository")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", folder)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no recorded traces in %s", path)
	}
	return path
}
