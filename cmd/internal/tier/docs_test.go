package tier

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"faultline/cmd/internal/config"
)

var update = flag.Bool("update", false, "rewrite the tables in docs/configuration.md and docs/metrics.md")

const (
	root      = "../../.."
	reference = root + "/docs/configuration.md"
	begin     = "<!-- settings: made by go test ./cmd/internal/tier -run Documented -update -->\n"
	end       = "<!-- end of settings -->\n"
)

// The reference is made from the fields' comments, so that there is one place to describe a setting.
func TestSettingsAreDocumented(t *testing.T) {
	inStep(t, reference, begin, end, tables(t))
}

// inStep compares what a page holds between two marks with what it should, or puts it there.
func inStep(t *testing.T, page, begin, end, table string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks the marks %q and %q", page, begin, end)
	}
	want := before + begin + table + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("%s is not in step with the code; run this test with -update (-want +got):\n%s", page, diff)
	}
}

// tables is one table for each section of the settings.
func tables(t *testing.T) string {
	t.Helper()
	flags := map[string]string{}
	for _, f := range Flags {
		flags[f.Key] = "`--" + f.Name + "`"
	}
	defaults := DefaultConfig()
	sections := map[string][]string{}
	var order []string
	for _, k := range config.Keys(&defaults) {
		section, _, nested := strings.Cut(k.Path, ".")
		if !nested {
			section = "general"
		}
		if sections[section] == nil {
			order = append(order, section)
		}
		value := k.Default(&defaults)
		if value != "" {
			value = "`" + value + "`"
		}
		flag := flags[k.Path]
		delete(flags, k.Path)
		if k.Secret {
			flag = flags[k.Path+"_file"]
			delete(flags, k.Path+"_file")
		}
		sections[section] = append(sections[section],
			fmt.Sprintf("| `%s`<br>`%s` | %s | %s | %s |\n", k.Path, k.Variable(), flag, value, comment(t, k)))
	}
	if len(flags) > 0 {
		t.Errorf("flags for keys that do not exist: %v", slices.Sorted(maps.Keys(flags)))
	}
	var out strings.Builder
	slices.SortStableFunc(order, func(a, b string) int { return bool2int(b == "general") - bool2int(a == "general") })
	for _, section := range order {
		fmt.Fprintf(&out, "\n### %s\n\n| key, variable | flag | default | meaning |\n| --- | --- | --- | --- |\n", section)
		out.WriteString(strings.Join(sections[section], ""))
	}
	out.WriteString("\n")
	return out.String()
}

func bool2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

// comment is the comment of the field behind a key, from its source.
func comment(t *testing.T, k config.Key) string {
	t.Helper()
	owner, field := k.Field(reflect.TypeFor[Config]())
	dir := filepath.Join(root, strings.TrimPrefix(owner.PkgPath(), "faultline/"))
	for _, f := range parse(t, dir) {
		var found string
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != owner.Name() {
				return true
			}
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				if len(f.Names) > 0 && f.Names[0].Name == field {
					found = strings.TrimSpace(f.Doc.Text() + f.Comment.Text())
				}
			}
			return false
		})
		if found != "" {
			return strings.NewReplacer("\n", " ", "|", `\|`).Replace(found)
		}
	}
	t.Errorf("%s: the field %s.%s has no comment to make the reference from", k.Path, owner, field)
	return ""
}

var parsed = map[string][]*ast.File{}

func parse(t *testing.T, dir string) []*ast.File {
	t.Helper()
	if parsed[dir] == nil {
		paths, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed[dir] = append(parsed[dir], f)
		}
	}
	return parsed[dir]
}
