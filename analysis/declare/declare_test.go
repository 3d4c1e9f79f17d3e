package declare

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hub = `{"dependencySummaries": [
  {"serviceArn": "arn:aws:resiliencehub:us-east-1:123456789012:service/checkout:abc123", "dependencyId": "11111111-1111-4111-8111-111111111111",
   "dependencyName": "Pay", "dnsName": "api.pay.example", "criticality": "HARD", "comment": "no money, no order", "lastDetectedTime": 1},
  {"serviceArn": "arn:aws:resiliencehub:us-east-1:123456789012:service/checkout:abc123", "dependencyId": "22222222-2222-4222-8222-222222222222",
   "dependencyName": "stats", "dnsName": "stats.example", "criticality": "UNKNOWN"}], "nextToken": "x"}`

func TestParse(t *testing.T) {
	soft := Declaration{Caller: "web", Callee: "recommendation", Criticality: Soft, Basis: Declared, Comment: "a default list", By: "team web"}
	for name, tt := range map[string]struct {
		text   string
		want   []Declaration
		errors []string
	}{
		"YAML":                       {"- {caller: web, callee: recommendation, criticality: SOFT, comment: a default list, by: team web}\n", []Declaration{soft}, nil},
		"JSON":                       {`[{"caller":"web","callee":"recommendation","criticality":"soft","basis":"","comment":"a default list","by":"team web","operation":""}]`, []Declaration{soft}, nil},
		"CSV":                        {"caller,callee,criticality,comment,by\nweb,recommendation,soft,a default list,team web\n", []Declaration{soft}, nil},
		"what another one inferred":  {"- {caller: a, callee: b, criticality: hard, basis: inferred}\n", []Declaration{{Caller: "a", Callee: "b", Criticality: Hard, Basis: Imported}}, nil},
		"nothing is said about it":   {"- {caller: a, callee: b, criticality: UNKNOWN}\n", []Declaration{}, nil},
		"Resilience Hub":             {hub, []Declaration{{Caller: "checkout", Callee: "api.pay.example", Criticality: Hard, Basis: Imported, Comment: "no money, no order", By: "AWS Resilience Hub"}}, nil},
		"an object that is not that": {`{"dependencies": []}`, []Declaration{}, []string{"no dependencySummaries"}},
		"every mistake": {
			"- {caler: a, callee: '[', criticality: strong}\n- {caller: a, callee: b, criticality: soft, basis: guess}\n- {caller: a, callee: b, criticality: hard}\n", nil,
			[]string{`line 1: there is no key "caler"`, "line 1: caller is missing", `line 1: callee "[" is no pattern`, `line 1: criticality is "strong"`, `line 2: basis is "guess"`, "line 3: the same dependency is declared on line 2"},
		},
		"every mistake in a CSV": {"caller,callee,criticality\nweb,a\nweb,b,odd\n", nil, []string{"line 2: 2 values for 3 columns", `line 3: criticality is "odd"`}},
		"an unknown column":      {"caller,calee\n", []Declaration{}, []string{`line 1: there is no column "calee"`}},
	} {
		got, err := Parse([]byte(tt.text))
		if (err != nil) != (tt.errors != nil) {
			t.Errorf("%s: error %v", name, err)
		}
		for _, want := range tt.errors {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: without %q: %v", name, want, err)
			}
		}
		if diff := cmp.Diff(tt.want, got); tt.want != nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is written can be read again.
func TestWrite(t *testing.T) {
	list := []Declaration{
		{Caller: "a", Operation: `GET "/x", y`, Callee: "b", Criticality: Hard, Basis: Declared, Comment: "line\nbreak", By: "sue"},
		{Caller: "a", Callee: "c", Criticality: Partial, Basis: Imported},
	}
	var j, c bytes.Buffer
	if err := WriteJSON(&j, list); err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(&c, list); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"JSON": j.Bytes(), "CSV": c.Bytes()} {
		got, err := Parse(text)
		if diff := cmp.Diff(list, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	var requests bytes.Buffer
	n, err := WriteHub(&requests, []byte(hub), []Declaration{{Caller: "checkout", Callee: "api.pay.example", Criticality: Partial, Comment: "7 of 9"}})
	want := `{"serviceArn":"arn:aws:resiliencehub:us-east-1:123456789012:service/checkout:abc123","dependencyId":"11111111-1111-4111-8111-111111111111","criticality":"HARD","comment":"7 of 9"}` + "\n"
	if err != nil || n != 1 || requests.String() != want {
		t.Errorf("%d requests, %v:\n%s", n, err, requests.String())
	}
}

func TestOf(t *testing.T) {
	list := []Declaration{
		{Caller: "web", Callee: "*", Criticality: Soft}, {Caller: "web", Operation: "POST /", Callee: "db*", Criticality: Hard}, {Caller: "pay", Callee: "api.pay.example", Criticality: Partial},
	}
	for call, want := range map[[3]string]string{
		{"web", "GET /", "db1"}: Soft, {"web", "POST /", "db1"}: Hard, {"web", "POST /", "cache"}: Soft, {"app", "GET /", "db1"}: "",
		{"pay", "x", "api.pay.example:443"}: Partial, {"pay", "x", "v1 @ api.pay.example:443"}: Partial, {"pay", "x", "other"}: "",
		{"web", "GET /", "vault/eu"}: Soft,
	} {
		if d, _ := Of(list, call[0], call[1], call[2]); d.Criticality != want {
			t.Errorf("%v: %q, want %q", call, d.Criticality, want)
		}
	}
}
