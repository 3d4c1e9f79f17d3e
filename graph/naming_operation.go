package graph

import "strings"

// variable stands for the part of a path that differs from call to call.
const variable = "{}"

// unnamed is the operation of a span that has neither a name nor attributes that give it one.
const unnamed = "(unnamed)"

// operationOf returns a name that is the same for all calls of one operation: the span's own name, unless
// it is no more than an HTTP method or holds a raw path. Then it is the method with the route, else with
// the template, else with the path in which variable parts are replaced by {}.
func operationOf(name, protocol string, a *Attributes) string {
	if name = cleanName(name); name == "" {
		name = nameFromAttributes(protocol, a)
	}
	method, path, ok := splitOperation(name)
	if !ok {
		return name
	}
	collapsed := collapsePath(path)
	if path != "" && collapsed == path {
		return name
	}
	if given := a.first(httpRequestMethod, httpMethod); isMethod(given) {
		method = given
	}
	target := cleanName(a.first(httpRoute, urlTemplate))
	if target == "" {
		target = collapsed
	}
	if target == "" {
		target = collapsePath(cleanName(pathOf(a)))
	}
	switch {
	case target == "":
		return name
	case method == "":
		return cleanName(target)
	}
	return cleanName(method + " " + target)
}

// nameFromAttributes makes a name for a span that has none.
func nameFromAttributes(protocol string, a *Attributes) string {
	var name string
	switch {
	case a.has(rpcMethod):
		if name = a.Text(rpcMethod); !strings.Contains(name, "/") && a.has(rpcService) {
			name = a.Text(rpcService) + "/" + name
		}
	case a.has(dbQuerySummary):
		name = a.Text(dbQuerySummary)
	case a.has(dbOperationName) || a.has(dbOperation):
		name = a.first(dbOperationName, dbOperation) + " " +
			a.first(dbCollectionName, dbSQLTable, dbMongoDBCollection, dbCassandraTable)
	case a.has(messagingSystem):
		name = a.first(messagingOperationType, messagingOperation) + " " + destinationOf(protocol, a)
	case a.has(httpRequestMethod) || a.has(httpMethod):
		name = a.first(httpRequestMethod, httpMethod)
	default:
		name = protocol
	}
	if name = cleanName(name); name == "" {
		return unnamed
	}
	return name
}

// splitOperation takes a name apart that is "GET", "HTTP GET", "GET /path", "/path" or a URL. The path is
// "" if the name is only a method. ok is false for every other name.
func splitOperation(name string) (method, path string, ok bool) {
	rest := name
	if rest == "HTTP" {
		return "", "", true
	}
	rest = strings.TrimPrefix(rest, "HTTP ")
	if word, after, found := strings.Cut(rest, " "); isMethod(word) {
		if method = word; !found {
			return method, "", true
		}
		rest = strings.TrimLeft(after, " ")
	}
	if strings.HasPrefix(rest, "/") || isURL(rest) {
		return method, rest, true
	}
	return "", "", false
}

func isMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY":
		return true
	}
	return false
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// pathOf returns the raw path of an HTTP request, from whichever attribute has it.
func pathOf(a *Attributes) string { return a.first(urlPath, httpTarget, urlFull, httpURL) }

// collapsePath returns the path of s, which is a path or a URL, with the parts that vary replaced. It
// returns s itself if there is nothing to replace.
func collapsePath(s string) string {
	if isURL(s) {
		_, rest, _ := strings.Cut(s, "://")
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/"
		}
		s = rest[slash:]
	}
	if end := strings.IndexAny(s, "?#;"); end >= 0 {
		s = s[:end]
	}
	var buf [MaxName + 1]byte
	var b []byte // what s becomes, once something was replaced
	for start := 0; start < len(s); {
		end := start
		for end < len(s) && s[end] != '/' {
			end++
		}
		next := min(end+1, len(s)) // past the slash
		switch {
		case isVariable(s[start:end]):
			if b == nil {
				b = append(buf[:0], s[:start]...)
			}
			b = append(append(b, variable...), s[end:next]...)
		case b != nil:
			b = append(b, s[start:next]...)
		}
		start = next
	}
	if b != nil {
		return string(b)
	}
	return s
}

// isVariable reports whether a part of a path is a number (also one with separators, such as a date), a
// UUID, 8 or more hexadecimal digits or an e-mail address, rather than a word.
func isVariable(part string) bool {
	digits, letters, separators, other := 0, 0, 0, 0 // letters: a to f
	at := 0
	for i := range len(part) {
		switch c := part[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
			letters++
		case strings.IndexByte("-.,:_+", c) >= 0:
			separators++
		default:
			other++
			if c == '@' || c == '%' && strings.HasPrefix(part[i:], "%40") {
				at = i
			}
		}
	}
	switch {
	case other > 0:
		return at > 0 && strings.IndexByte(part[at:], '.') > 0
	case letters == 0:
		return digits > 0
	case separators == 0:
		return digits+letters >= 8
	}
	return len(part) == 36 && digits+letters == 32 && part[8] == '-' && part[13] == '-' && part[18] == '-' && part[23] == '-'
}
