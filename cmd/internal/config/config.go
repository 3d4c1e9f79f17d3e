// Package config fills a plain struct from one YAML file, the environment and the command line, and says
// everything that is wrong with them at once.
//
// The struct is the whole schema: every field is named by a `yaml` (or `koanf`) tag, nested structs are
// sections, and the values already in it are the defaults. A later source wins over an earlier one: default, file, environment, flag.
// A key that the struct does not have is an error, whichever source names it.
//
// A key whose last word is password, token or secret holds a secret: it may also be given as <key>_file,
// the path of a file that holds it, and Print replaces it when asked to redact.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Sources is where the settings come from.
type Sources struct {
	File    string   // path of the YAML file; "" for none
	Environ []string // NAME=value, as os.Environ gives it
	Flags   []Flag   // flags given on the command line, in order; the last of two for one key wins
}

// Flag is one setting given on the command line.
type Flag struct {
	Name  string // as typed, such as "--listen"; for messages
	Key   string // such as "api.listen"
	Value string
}

// Key is one setting of a configuration struct.
type Key struct {
	Path   string // sections and name joined by dots, such as "clickhouse.retention.minute"
	Secret bool

	kind  reflect.Kind
	index []int // the field, for reflect.Value.FieldByIndex
}

// Kind is the kind of the key's type.
func (k Key) Kind() reflect.Kind { return k.kind }

// Variable is the environment variable that sets the key.
func (k Key) Variable() string { return variableOf(k.Path) }

func variableOf(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}

// Field is the field of t, a configuration struct, that holds the key: the struct it is declared in and its
// name there.
func (k Key) Field(t reflect.Type) (owner reflect.Type, name string) {
	owner = t
	if last := len(k.index) - 1; last > 0 {
		owner = t.FieldByIndex(k.index[:last]).Type
	}
	return owner, t.FieldByIndex(k.index).Name
}

// Default is the value of the key in cfg, as one would write it in the file.
func (k Key) Default(cfg any) string {
	return scalar(reflect.ValueOf(cfg).Elem().FieldByIndex(k.index))
}

// Keys lists the settings of cfg, a pointer to a configuration struct, in the order of its fields. It
// panics if a field has no tag: the schema would then have a key that nobody chose.
func Keys(cfg any) []Key {
	var keys []Key
	var walk func(t reflect.Type, path string, index []int)
	walk = func(t reflect.Type, path string, index []int) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, options := tag(f)
			at := append(append([]int{}, index...), i)
			switch {
			case name == "-" || !f.IsExported():
			case options == "inline":
				walk(f.Type, path, at)
			case name == "":
				panic(fmt.Sprintf("field %s.%s has no tag", t, f.Name))
			case isSection(f.Type):
				walk(f.Type, path+name+".", at)
			default:
				keys = append(keys, Key{Path: path + name, Secret: isSecret(name), kind: f.Type.Kind(), index: at})
			}
		}
	}
	walk(reflect.TypeOf(cfg).Elem(), "", nil)
	return keys
}

// tag is the key that a field's tag gives it, and what follows the comma.
func tag(f reflect.StructField) (name, options string) {
	t, ok := f.Tag.Lookup("yaml")
	if !ok {
		t = f.Tag.Get("koanf")
	}
	name, options, _ = strings.Cut(t, ",")
	return name, options
}

func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textUnmarshaler) && t != reflect.TypeFor[time.Time]()
}

func isSecret(name string) bool {
	word := name[strings.LastIndexByte(name, '_')+1:]
	return word == "password" || word == "token" || word == "secret"
}

// Load fills cfg, a pointer to a struct that holds the defaults, and validates it if it has a method
// Validate() error. The error lists every mistake, one per line, each with where it was made.
func Load(cfg any, from Sources) error {
	layers, errs := read(Keys(cfg), from)
	target := reflect.ValueOf(cfg).Elem()
	for _, l := range layers {
		for _, s := range l {
			if err := decode(s.value, target.FieldByIndex(s.key.index)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", s.where, s.key.Path, err))
			}
		}
	}
	if v, ok := cfg.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate()) // what could not be read has its default, with which nothing is wrong
	}
	return errors.Join(errs...)
}
