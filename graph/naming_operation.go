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
	collapsed := collapsePath(path, a)
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
		target = collapsePath(cleanName(pathOf(a)), a)
	}
	switch {
	case target == "":
		return name
	case method == "":
		return cleanName(target)
	}
	return cleanName(a.join(method, " ", target))
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
// returns a part of s itself if there is nothing to replace.
func collapsePath(s string, a *Attributes) string {
	if isURL(s) {
		_, rest, _ := strings.Cut(s, "://")
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/"
		}
		s = rest[slash:]
	}
	var b []byte // what s becomes, once something was replaced
	start := 0   // of the part at hand
	var seen class
	for i := 0; i <= len(s); i++ {
		c := endOfPath
		if i < len(s) {
			c = classOf[s[i]]
		}
		if c&(slash|endOfPath) == 0 {
			seen |= c
			continue
		}
		if c&endOfPath != 0 {
			s = s[:i]
		}
		next := min(i+1, len(s)) // past the slash
		switch {
		case isVariable(s[start:i], seen):
			if b == nil {
				b = append(a.made.buf[:0], s[:start]...)
			}
			b = append(append(b, variable...), s[i:next]...)
		case b != nil:
			b = append(b, s[start:next]...)
		}
		start, seen = next, 0
	}
	if b != nil {
		return a.keep(b)
	}
	return s
}

// class is what a byte is in a path, or what several are.
type class uint8

const (
	digit class = 1 << iota
	hexLetter
	separator
	at // @, or % as in %40
	slash
	endOfPath
	other // none of the first three
)

var classOf = func() (classes [256]class) {
	for i := range classes {
		switch c := byte(i); {
		case '0' <= c && c <= '9':
			classes[i] = digit
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
			classes[i] = hexLetter
		case strings.IndexByte("-.,:_+", c) >= 0:
			classes[i] = separator
		case c == '@' || c == '%':
			classes[i] = at | other
		case c == '/':
			classes[i] = slash
		case c == '?' || c == '#' || c == ';':
			classes[i] = endOfPath
		default:
			classes[i] = other
		}
	}
	return classes
}()

// isVariable reports whether a part of a path, which has bytes of the classes seen, is a number (also one
// with separators, such as a date), a UUID, 8 or more hexadecimal digits or an e-mail address, rather than
// a word.
func isVariable(part string, seen class) bool {
	switch {
	case seen&other != 0:
		return seen&at != 0 && isMail(part)
	case seen&hexLetter == 0:
		return seen&digit != 0
	case seen&separator == 0:
		return len(part) >= 8
	}
	if len(part) != 36 {
		return false
	}
	for i := range len(part) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (classOf[part[i]] == separator) || dash && part[i] != '-' {
			return false
		}
	}
	return true
}

// isMail reports whether a part of a path has an @ within and a dot behind the last one.
func isMail(part string) bool {
	at := max(strings.LastIndexByte(part, '@'), strings.LastIndex(part, "%40"))
	return at > 0 && strings.IndexByte(part[at:], '.') > 0
}
