// Package glob matches the names of services and other nodes with patterns that people write: * is any text, ? one
// character, and [a-z] one of some.
//
// The package is pure.
package glob

import (
	"path"
	"strings"
)

// Valid reports whether a pattern can be read: a [ needs its ].
func Valid(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err == nil
}

// Match reports whether a pattern is about a name. Names are not paths: a / is a character as any other.
func Match(pattern, name string) bool {
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return err == nil && ok
}

// flat puts in place of a /, at which path.Match ends a *, what no name has.
var flat = strings.NewReplacer("/", "\x00")
