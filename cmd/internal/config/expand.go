package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// reference matches ${VAR}, ${VAR:-default} and the escape $${.
var reference = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expand replaces ${VAR} and ${VAR:-default} in every string of a parsed file. It works on values rather
// than on the file's text, so that no variable can change the structure of the file. unset are the
// variables that are needed and not there.
func expand(raw map[string]any, environ []string) (expanded map[string]any, unset []string) {
	variables := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		variables[name] = value
	}
	missing := map[string]bool{}
	var visit func(v any) any
	visit = func(v any) any {
		switch v := v.(type) {
		case string:
			return reference.ReplaceAllStringFunc(v, func(ref string) string {
				if ref == "$${" {
					return "${"
				}
				m := reference.FindStringSubmatch(ref)
				value, ok := variables[m[1]]
				switch {
				case value != "":
				case m[2] != "":
					value = m[3]
				case !ok:
					missing[m[1]] = true
				}
				return value
			})
		case map[string]any:
			out := make(map[string]any, len(v))
			for key, value := range v {
				out[key] = visit(value)
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = visit(v[i])
			}
			return out
		}
		return v
	}
	expanded, _ = visit(raw).(map[string]any)
	return expanded, slices.Sorted(maps.Keys(missing))
}

// readSecret reads the file that a <key>_file names. One newline at its end is not part of the secret.
func readSecret(value any) (string, error) {
	path, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("is the path of a file, not %v", value)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}
