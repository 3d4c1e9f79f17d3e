package tier

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The reference of metrics is made from where they are declared.
func TestMetricsAreDocumented(t *testing.T) {
	metrics := map[string]string{} // name → row
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.IsDir() || d.Name() == ".":
			return nil
		}
		for _, f := range parse(t, path) {
			if strings.HasSuffix(f.Name.Name, "_test") {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if name, kind, labels, help := metric(call); name != "" {
						metrics[name] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, kind, labels, help)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		table.WriteString(metrics[name])
	}
	inStep(t, root+"/docs/metrics.md",
		"<!-- metrics: made by go test ./cmd/internal/tier -run Documented -update -->\n", "<!-- end of metrics -->\n", table.String())
}

// metric reads a call such as NewCounterVec(prometheus.CounterOpts{Name: "faultline_…", Help: "…"}, labels).
// name is "" if the call is something else.
func metric(call *ast.CallExpr) (name, kind, labels, help string) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 || !strings.HasPrefix(f.Sel.Name, "New") {
		return "", "", "", ""
	}
	opts, ok := call.Args[0].(*ast.CompositeLit)
	if !ok {
		return "", "", "", ""
	}
	var names []string
	for _, e := range opts.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch fmt.Sprint(field.Key) {
		case "Name":
			name = text(field.Value)
		case "Help":
			help = text(field.Value)
		case "ConstLabels":
			names = append(names, keys(field.Value)...)
		}
	}
	if !strings.HasPrefix(name, "faultline_") {
		return "", "", "", ""
	}
	if len(call.Args) > 1 {
		if list, ok := call.Args[1].(*ast.CompositeLit); ok {
			for _, e := range list.Elts {
				names = append(names, text(e))
			}
		}
	}
	kind = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(f.Sel.Name, "New"), "Vec"), "Func"))
	return name, kind, strings.Join(names, ", "), help
}

// text is the value of a string literal, or of several that are added.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return s
		}
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return ""
}

func keys(e ast.Expr) (names []string) {
	if lit, ok := e.(*ast.CompositeLit); ok {
		for _, e := range lit.Elts {
			if field, ok := e.(*ast.KeyValueExpr); ok {
				names = append(names, text(field.Key))
			}
		}
	}
	return names
}
