package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

const prefix = "FAULTLINE_"

// setting is one value that a source gives to a key.
type setting struct {
	key   Key
	value any    // as the source has it: a string, or whatever the YAML says
	where string // the file, the variable or the flag; for messages
}

// reserved are variables with our prefix that are no settings: of commands that ask a running Faultline, and of where files are.
var reserved = []string{prefix + "URL", prefix + "CONFIG", prefix + "ENGINE_CACHE", prefix + "ENGINE_LIBRARY"}

// serviceLink matches what Kubernetes puts into the environment of every pod for a Service whose name
// begins with "faultline": FAULTLINE_API_SERVICE_HOST, FAULTLINE_PORT_8080_TCP_ADDR and so on.
var serviceLink = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

func isServiceLink(name, value string) bool {
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// read returns the settings of each source, weakest source first.
func read(keys []Key, from Sources) (layers [][]setting, errs []error) {
	s := newSchema(keys)
	if from.File != "" {
		layer, err := s.readFile(from.File, from.Environ)
		layers, errs = append(layers, layer), append(errs, err)
	}
	layer, err := s.readEnviron(from.Environ)
	layers, errs = append(layers, layer), append(errs, err)
	for _, f := range from.Flags {
		layer, err := s.readFlag(f)
		layers, errs = append(layers, layer), append(errs, err)
	}
	return layers, slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func (s *schema) readFile(path string, environ []string) ([]setting, error) {
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return nil, fmt.Errorf("read the configuration file %s: %w", path, err)
	}
	raw, unset := expand(k.Raw(), environ)
	settings, err := s.collect(raw, func(string) string { return path }, func(key string) string { return key })
	if len(unset) > 0 {
		err = errors.Join(err, fmt.Errorf("%s: uses variables that are not set: %s", path, strings.Join(unset, ", ")))
	}
	return settings, err
}

func (s *schema) readEnviron(environ []string) ([]setting, error) {
	k := koanf.New("__")
	err := k.Load(env.Provider("__", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" || slices.Contains(reserved, name) || isServiceLink(name, value) {
				return "", nil
			}
			return strings.ToLower(strings.TrimPrefix(name, prefix)), value
		},
	}), nil)
	if err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	return s.collect(k.Raw(), variableOf, variableOf)
}

func (s *schema) readFlag(f Flag) ([]setting, error) {
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(map[string]any{f.Key: f.Value}, "."), nil); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	return s.collect(k.Raw(), func(string) string { return f.Name }, func(key string) string { return key })
}

// schema knows which keys exist.
type schema struct {
	keys     map[string]Key
	sections map[string]bool
	paths    []string // of keys and sections, sorted
}

func newSchema(keys []Key) *schema {
	s := &schema{keys: map[string]Key{}, sections: map[string]bool{}}
	for _, k := range keys {
		s.keys[k.Path] = k
		for i, c := range k.Path {
			if c == '.' {
				s.sections[k.Path[:i]] = true
			}
		}
	}
	s.paths = slices.Sorted(maps.Keys(s.keys))
	s.paths = slices.AppendSeq(s.paths, maps.Keys(s.sections))
	slices.Sort(s.paths)
	return s
}

// collect turns one source's nested map into settings in the order of their keys. where says where a key
// was given, spell how this source spells one.
func (s *schema) collect(raw map[string]any, where, spell func(path string) string) ([]setting, error) {
	found := map[string]setting{}
	var errs []error
	var walk func(m map[string]any, path string)
	walk = func(m map[string]any, path string) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			at, value := path+name, m[name]
			nested, isMap := value.(map[string]any)
			secretOf, isFile := strings.CutSuffix(at, "_file")
			key, known := s.keys[at]
			switch {
			case known:
				if value != nil {
					found[at] = setting{key, value, where(at)}
				}
			case s.sections[at] && (isMap || value == nil):
				walk(nested, at+".")
			case s.sections[at]:
				errs = append(errs, fmt.Errorf("%s: %s is a section and cannot be set to a value", where(at), at))
			case isFile && s.keys[secretOf].Secret:
				if m[strings.TrimSuffix(name, "_file")] != nil {
					errs = append(errs, fmt.Errorf("%s: %s and %s are both set; keep one", where(at), secretOf, at))
				}
				secret, err := readSecret(value)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %s: %w", where(at), at, err))
				}
				found[secretOf] = setting{s.keys[secretOf], secret, where(at)}
			case len(nested) > 0 && Nearest(at, s.paths) == "":
				walk(nested, at+".") // no section is like this one, but one of its keys may be in place elsewhere
			default:
				errs = append(errs, s.unknown(at, where, spell))
			}
		}
	}
	walk(raw, "")
	settings := make([]setting, 0, len(found))
	for _, path := range slices.Sorted(maps.Keys(found)) {
		settings = append(settings, found[path])
	}
	return settings, errors.Join(errs...)
}

func (s *schema) unknown(at string, where, spell func(string) string) error {
	err := fmt.Errorf("%s: unknown key %s", where(at), at)
	if near := Nearest(at, s.paths); near != "" {
		err = fmt.Errorf("%w; did you mean %s?", err, spell(near))
	}
	return err
}
