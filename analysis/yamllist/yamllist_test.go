package yamllist

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type drink struct {
	Name  string  `yaml:"name"`
	Price float64 `yaml:"price"`
}

func TestRead(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		want   []Item[drink]
		errors []string
	}{
		"items":          {"- {name: tea, price: 2}\n- name: 42\n", []Item[drink]{{Line: 1, Value: drink{"tea", 2}}, {Line: 2, Value: drink{Name: "42"}}}, nil},
		"nothing":        {"# later\n", nil, []string{"the file is empty"}},
		"an empty list":  {"[]", nil, []string{"line 1: the list is empty"}},
		"no list":        {"name: tea\n", nil, []string{"line 1: not a list"}},
		"not YAML":       {"- {name: tea\n", nil, []string{"line"}},
		"an item is not": {"- tea\n", []Item[drink]{{Line: 1}}, []string{"line 1: an item must be keys with values: name, price"}},
		"every mistake": {
			"- nam: tea\n  price: much\n- name: [a]\n- name: tea\n  name: mint\n",
			[]Item[drink]{{Line: 1}, {Line: 3}, {Line: 4, Value: drink{Name: "tea"}}},
			[]string{`line 1: there is no key "nam"; there are name, price`, "line 2: price must be a number", "line 3: name must be text", "line 5: name is given twice"},
		},
	} {
		got, err := Read[drink]([]byte(tt.text))
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Item[drink]{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		var lines []string
		if err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		if len(lines) != len(tt.errors) {
			t.Fatalf("%s: errors %q, want %q", name, lines, tt.errors)
		}
		for i := range lines {
			if !strings.HasPrefix(lines[i], tt.errors[i]) {
				t.Errorf("%s: error %q, want %q", name, lines[i], tt.errors[i])
			}
		}
	}
}
