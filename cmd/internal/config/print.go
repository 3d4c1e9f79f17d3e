package config

import (
	"encoding"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const redacted = "<redacted>"

// Print writes cfg, a pointer to a configuration struct, as a YAML file that Load would read, in the order
// of its fields. With redact, secrets and the passwords in URLs are replaced.
func Print(w io.Writer, cfg any, redact bool) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": root}
	var section func(path string) *yaml.Node
	section = func(path string) *yaml.Node {
		if n := sections[path]; n != nil {
			return n
		}
		parent, name := split(path)
		n := &yaml.Node{Kind: yaml.MappingNode}
		in := section(parent)
		in.Content = append(in.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, n)
		sections[path] = n
		return n
	}
	for _, k := range Keys(cfg) {
		value := reflect.ValueOf(cfg).Elem().FieldByIndex(k.index)
		n := &yaml.Node{}
		if err := n.Encode(plainValue(value, redact, k.Secret)); err != nil {
			return fmt.Errorf("print %s: %w", k.Path, err)
		}
		parent, name := split(k.Path)
		in := section(parent)
		in.Content = append(in.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, n)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return e.Close()
}

func split(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}

// plainValue is v as YAML should show it.
func plainValue(v reflect.Value, redact, secret bool) any {
	if redact && secret && !v.IsZero() {
		return redacted
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return duration(x)
	case encoding.TextMarshaler:
		return scalar(v)
	case string:
		return redactURL(x, redact)
	}
	if v.Kind() == reflect.Slice {
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plainValue(v.Index(i), redact, secret)
		}
		return items
	}
	return v.Interface()
}

func redactURL(s string, redact bool) string {
	u, err := url.Parse(s)
	if !redact || err != nil || u.User == nil {
		return s
	}
	return u.Redacted()
}

// scalar is v as one would write it in a file or a variable.
func scalar(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return fmt.Sprint(x)
		}
		return string(b)
	case time.Duration:
		return duration(x)
	case []string:
		return strings.Join(x, ",")
	}
	return fmt.Sprint(v.Interface())
}

// duration is d without the zero units that Go adds: 48h rather than 48h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
