// Package declare reads and writes what people and other tools say about dependencies: whether a caller is meant
// to survive the failure of a callee. It knows a plain list, in YAML, JSON or CSV, and the dependencies of AWS Resilience Hub.
//
// The package is pure.
package declare

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"faultline/analysis/glob"
	"faultline/analysis/yamllist"
)

// Declaration is what somebody says about one dependency. Callers and callees are named by their name, by a pattern with * and ?,
// or by the host that is part of the name of a database or an external service.
type Declaration struct {
	Caller      string `yaml:"caller" json:"caller"`
	Operation   string `yaml:"operation" json:"operation"` // the caller's; "": all
	Callee      string `yaml:"callee" json:"callee"`
	Criticality string `yaml:"criticality" json:"criticality"` // hard, soft or partial, in any case; unknown: nothing is said
	Basis       string `yaml:"basis" json:"basis"`             // declared, the default, or imported
	Comment     string `yaml:"comment" json:"comment"`         // why
	By          string `yaml:"by" json:"by"`                   // who says so
}

// The words of a Declaration, after Parse.
const (
	Hard    = "hard"
	Soft    = "soft"
	Partial = "partial"
	Unknown = "unknown"

	Declared = "declared"
	Imported = "imported"
)

// fields are the columns of a CSV, in the order in which they are written.
var fields = []string{"caller", "operation", "callee", "criticality", "basis", "comment", "by"}

func (d *Declaration) column(name string) *string {
	return []*string{&d.Caller, &d.Operation, &d.Callee, &d.Criticality, &d.Basis, &d.Comment, &d.By}[slices.Index(fields, name)]
}

// Parse reads declarations: a list in YAML or JSON, a CSV that begins with the names of its columns, or what
// ListDependencies of AWS Resilience Hub answers. The error names every mistake. What nothing is said about is left out.
func Parse(text []byte) ([]Declaration, error) {
	read := fromList
	switch start := bytes.TrimSpace(text); {
	case bytes.HasPrefix(start, []byte("{")):
		read = fromHub
	case isCSV(start):
		read = fromCSV
	}
	items, err := read(text)
	errs := []error{err}
	kept := make([]Declaration, 0, len(items))
	seen := map[[3]string]int{}
	for i := range items {
		d, where := &items[i].Value, items[i]
		errs = append(errs, d.normalize(where))
		if k := [3]string{d.Caller, d.Operation, d.Callee}; seen[k] != 0 {
			errs = append(errs, where.Errorf("the same dependency is declared on line %d: keep one", seen[k]))
		} else {
			seen[k] = max(items[i].Line, 1)
		}
		if d.Criticality != Unknown {
			kept = append(kept, *d)
		}
	}
	return kept, errors.Join(errs...)
}

type item = yamllist.Item[Declaration]

// normalize brings the words of a declaration to one form and reports its mistakes.
func (d *Declaration) normalize(where item) error {
	var errs []error
	for key, name := range map[string]string{"caller": d.Caller, "callee": d.Callee} {
		if name == "" && !where.Wrong(key) {
			errs = append(errs, where.Errorf("%s is missing", key))
		} else if !glob.Valid(name) {
			errs = append(errs, where.Errorf("%s %q is no pattern: a [ needs its ]", key, name))
		}
	}
	d.Criticality, d.Basis = strings.ToLower(d.Criticality), strings.ToLower(d.Basis)
	if !slices.Contains([]string{Hard, Soft, Partial, Unknown}, d.Criticality) && !where.Wrong("criticality") {
		errs = append(errs, where.Errorf("criticality is %q and must be hard, soft, partial or unknown", d.Criticality))
	}
	switch d.Basis {
	case "":
		d.Basis = Declared
	case "inferred": // by another Faultline
		d.Basis = Imported
	case Declared, Imported:
	default:
		errs = append(errs, where.Errorf("basis is %q and must be declared or imported", d.Basis))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func fromList(text []byte) ([]item, error) { return yamllist.Read[Declaration](text) }

func isCSV(text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("\n"))
	return !bytes.HasPrefix(text, []byte("-")) && !bytes.HasPrefix(text, []byte("[")) && bytes.ContainsRune(head, ',') && bytes.Contains(head, []byte("caller"))
}

func fromCSV(text []byte) (items []item, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range head {
		if !slices.Contains(fields, name) {
			errs = append(errs, fmt.Errorf("line 1: there is no column %q; there are %s", name, strings.Join(fields, ", ")))
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return items, errors.Join(errs...)
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			errs = append(errs, fmt.Errorf("line %d: %d values for %d columns", line, len(row), len(head)))
			continue
		}
		if err != nil {
			return items, errors.Join(append(errs, err)...)
		}
		line, _ := r.FieldPos(0)
		i := item{Line: line}
		for column, value := range row {
			*i.Value.column(head[column]) = value
		}
		items = append(items, i)
	}
}

// WriteCSV writes declarations as Parse reads them.
func WriteCSV(w io.Writer, list []Declaration) error {
	c := csv.NewWriter(w)
	rows := [][]string{fields}
	for i := range list {
		row := make([]string, 0, len(fields))
		for _, name := range fields {
			row = append(row, *list[i].column(name))
		}
		rows = append(rows, row)
	}
	return c.WriteAll(rows)
}

// WriteJSON writes declarations as Parse reads them.
func WriteJSON(w io.Writer, list []Declaration) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// Speaks reports whether d is about the calls that an operation of a caller makes to a callee, named by their names.
func (d *Declaration) Speaks(caller, operation, callee string) bool {
	return (d.Operation == "" || d.Operation == operation) && names(d.Caller, caller) && names(d.Callee, callee)
}

// names reports whether a pattern names a node by its name or by the host in it: "shop @ db.example:5432".
func names(pattern, name string) bool {
	if glob.Match(pattern, name) || pattern == name {
		return true
	}
	host := name
	if i := strings.LastIndex(host, " @ "); i >= 0 {
		host = host[i+len(" @ "):]
	}
	if h, _, found := strings.Cut(host, ":"); found {
		host = h
	}
	return glob.Match(pattern, host)
}

// Of finds what is declared about the calls of an operation to a callee: first by what is about the operation, then by
// what comes first.
func Of(list []Declaration, caller, operation, callee string) (Declaration, bool) {
	for _, one := range []bool{true, false} {
		for i := range list {
			if d := &list[i]; (d.Operation != "") == one && d.Speaks(caller, operation, callee) {
				return *d, true
			}
		}
	}
	return Declaration{}, false
}
