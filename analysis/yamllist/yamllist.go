// Package yamllist reads the plain lists that people write in YAML, such as objectives: every item a flat record
// of texts and numbers. It says every mistake at once, with its line and with what is right.
package yamllist

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Item is one item of a list, with the line that it begins on.
type Item[T any] struct {
	Line  int
	Value T
	wrong map[string]bool
}

// Wrong reports whether the value of a key was not understood, which has been said.
func (i Item[T]) Wrong(key string) bool { return i.wrong[key] }

// Errorf is a mistake in the item.
func (i Item[T]) Errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", i.Line, fmt.Errorf(format, args...))
}

// Read reads a list of T, a struct whose fields are strings and float64s with yaml tags. Items with mistakes are
// returned as far as they were understood.
func Read[T any](text []byte) (items []Item[T], err error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the file is empty: write a list, each item beginning with a dash")
	}
	list := root.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: not a list: let each item begin with a dash", list.Line)
	}
	if len(list.Content) == 0 {
		return nil, fmt.Errorf("line %d: the list is empty", list.Line)
	}
	var errs []error
	for _, n := range list.Content {
		item := Item[T]{Line: n.Line, wrong: map[string]bool{}}
		errs = append(errs, fill(n, reflect.ValueOf(&item.Value).Elem(), item.wrong)...)
		items = append(items, item)
	}
	return items, errors.Join(errs...)
}

// fill puts the keys of a mapping into the fields of a record, and notes those whose value it does not understand.
func fill(n *yaml.Node, record reflect.Value, wrong map[string]bool) (errs []error) {
	if n.Kind != yaml.MappingNode {
		return []error{fmt.Errorf("line %d: an item must be keys with values: %s", n.Line, strings.Join(keys(record.Type()), ", "))}
	}
	given := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, known := fieldOf(record, key.Value)
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("line %d: there is no key %q; there are %s", key.Line, key.Value, strings.Join(keys(record.Type()), ", ")))
		case given[key.Value]:
			errs = append(errs, fmt.Errorf("line %d: %s is given twice", key.Line, key.Value))
		case value.Kind != yaml.ScalarNode || value.Decode(field.Addr().Interface()) != nil:
			what := "text"
			if field.Kind() == reflect.Float64 {
				what = "a number"
			}
			wrong[key.Value] = true
			errs = append(errs, fmt.Errorf("line %d: %s must be %s", value.Line, key.Value, what))
		}
		given[key.Value] = true
	}
	return errs
}

func fieldOf(record reflect.Value, key string) (reflect.Value, bool) {
	for i, k := range keys(record.Type()) {
		if k == key {
			return record.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keys are the keys of a record in the order of its fields.
func keys(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("yaml"))
	}
	return names
}
