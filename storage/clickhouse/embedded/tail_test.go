package embedded

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTail(t *testing.T) {
	long := strings.Repeat("x", 3*lineBytes)
	tests := map[string]struct {
		pieces []string
		want   []string
	}{
		"lines":            {[]string{"one\ntwo\n"}, []string{"one", "two"}},
		"in pieces":        {[]string{"o", "ne\nt", "wo"}, []string{"one", "two"}},
		"without noise":    {[]string{"Logging warning to f\n\n  \n12. ? @ 0x0000\nCode: 1. a\n"}, []string{"Code: 1. a"}},
		"long line is cut": {[]string{long, long, "\nnext\n"}, []string{long[:lineBytes], "next"}},
		"only the last":    {[]string{strings.Repeat("old\n", 50), strings.Repeat("new\n", tailLines)}, repeat("new", tailLines)},
		"nothing":          {nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			said := &tail{log: slog.New(slog.DiscardHandler)}
			for _, piece := range tt.pieces {
				if n, err := said.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Fatalf("write took %d of %d bytes: %v", n, len(piece), err)
				}
			}
			if diff := cmp.Diff(tt.want, said.lines()); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
		})
	}
}

func repeat(line string, n int) (lines []string) {
	for range n {
		lines = append(lines, line)
	}
	return lines
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("one\ntwo\n\n3. ? @ 0x1\nfour"), 3)
	f.Add([]byte(strings.Repeat("y", lineBytes+1)+"\n"), 1000)
	f.Fuzz(func(t *testing.T, output []byte, cut int) {
		whole, pieces := &tail{log: slog.New(slog.DiscardHandler)}, &tail{log: slog.New(slog.DiscardHandler)}
		whole.Write(output)
		cut = max(1, cut)
		for rest := output; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
			pieces.Write(rest[:min(cut, len(rest))])
		}
		want := whole.lines()
		if diff := cmp.Diff(want, pieces.lines()); diff != "" {
			t.Errorf("lines differ (-whole +pieces):\n%s", diff)
		}
		if len(want) > tailLines {
			t.Errorf("%d lines kept", len(want))
		}
		for _, line := range want {
			if len(line) > lineBytes {
				t.Errorf("a line of %d bytes kept", len(line))
			}
		}
	})
}
