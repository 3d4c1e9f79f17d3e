package otlp

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// lexer reads JSON from front to back. It never descends by recursion and never reads a byte twice, so that
// its cost is linear in the input, whatever the input is.
//
// It checks what it is asked to read and no more: inside a value that is passed over it minds only texts
// and brackets.
type lexer struct {
	in   []byte
	pos  int
	name []byte // of the last field, where it could not be a view of in
}

// expected is the fault of finding something else at the cursor.
func (l *lexer) expected(what string) *fault {
	found := "the end of the body"
	if l.pos < len(l.in) {
		found = strconv.Quote(string(bytes.ToValidUTF8(l.in[l.pos:min(l.pos+20, len(l.in))], []byte("�"))))
	}
	return &fault{what: "expected " + what + " at byte " + strconv.Itoa(l.pos) + ", found " + found}
}

// at places a fault in a field.
func (f *fault) at(name string) *fault {
	if f.path != "" {
		name += "." + f.path
	}
	return &fault{path: name, what: f.what}
}

// peek returns the first byte of the next token, 0 at the end.
func (l *lexer) peek() byte {
	for ; l.pos < len(l.in); l.pos++ {
		switch c := l.in[l.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take steps over c if it is next.
func (l *lexer) take(c byte) bool {
	if l.peek() != c {
		return false
	}
	l.pos++
	return true
}

func (l *lexer) takeNull() bool {
	if l.peek() != 'n' || !bytes.HasPrefix(l.in[l.pos:], []byte("null")) {
		return false
	}
	l.pos += len("null")
	return true
}

// fieldName reads the name of an object's field and the colon after it. It is valid until the next call.
func (l *lexer) fieldName() (name []byte, bad *fault) {
	if l.peek() != '"' {
		return nil, l.expected("the name of a field")
	}
	if end := bytes.IndexByte(l.in[l.pos+1:], '"'); end >= 0 && bytes.IndexByte(l.in[l.pos+1:l.pos+1+end], '\\') < 0 {
		name = l.in[l.pos+1 : l.pos+1+end]
		l.pos += end + 2
	} else {
		if l.name, bad = l.str(l.name[:0]); bad != nil {
			return nil, bad
		}
		name = l.name
	}
	if !l.take(':') {
		return nil, l.expected("a colon")
	}
	return name, nil
}

// str reads a text and appends what it says to dst.
func (l *lexer) str(dst []byte) ([]byte, *fault) {
	if l.peek() != '"' {
		return dst, l.expected("a text in double quotes")
	}
	start := l.pos
	l.pos++
	for quote := 0; ; { // where the text ends, unless a backslash before it says that it goes on
		if quote < l.pos {
			n := bytes.IndexByte(l.in[l.pos:], '"')
			if n < 0 {
				l.pos = start
				return dst, l.expected("a text that ends")
			}
			quote = l.pos + n
		}
		n := bytes.IndexByte(l.in[l.pos:quote], '\\')
		if n < 0 {
			dst = append(dst, l.in[l.pos:quote]...)
			l.pos = quote + 1
			return dst, nil
		}
		dst = append(dst, l.in[l.pos:l.pos+n]...)
		l.pos += n + 1
		var ok bool
		if dst, ok = l.escape(dst); !ok {
			l.pos--
			return dst, l.expected("an escape sequence of JSON")
		}
	}
}

// escape reads what follows a backslash. A half of a surrogate pair alone is no character and becomes
// U+FFFD.
func (l *lexer) escape(dst []byte) ([]byte, bool) {
	if l.pos == len(l.in) {
		return dst, false
	}
	c := l.in[l.pos]
	l.pos++
	switch c {
	case '"', '\\', '/':
		return append(dst, c), true
	case 'b':
		return append(dst, '\b'), true
	case 'f':
		return append(dst, '\f'), true
	case 'n':
		return append(dst, '\n'), true
	case 'r':
		return append(dst, '\r'), true
	case 't':
		return append(dst, '\t'), true
	case 'u':
		r, ok := l.hex4()
		if !ok {
			return dst, false
		}
		if utf16.IsSurrogate(r) && bytes.HasPrefix(l.in[l.pos:], []byte(`\u`)) {
			before := l.pos
			l.pos += 2
			low, ok := l.hex4()
			if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), true
			}
			l.pos = before
		}
		return utf8.AppendRune(dst, r), true
	}
	return dst, false
}

func (l *lexer) hex4() (rune, bool) {
	if len(l.in)-l.pos < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(view(l.in[l.pos:l.pos+4]), 16, 16)
	l.pos += 4
	return rune(n), err == nil
}

// number returns the digits of a number, which may stand in quotes.
func (l *lexer) number() (digits []byte, bad *fault) {
	if l.peek() != '"' {
		return l.word(), nil
	}
	end := bytes.IndexByte(l.in[l.pos+1:], '"')
	if end < 0 {
		return nil, l.expected("a text that ends")
	}
	digits = l.in[l.pos+1 : l.pos+1+end]
	l.pos += end + 2
	return digits, nil
}

// word returns what stands at the cursor up to the next blank or punctuation: a number, or true or false.
func (l *lexer) word() []byte {
	l.peek()
	start := l.pos
	for l.pos < len(l.in) && !isPunctuation(l.in[l.pos]) {
		l.pos++
	}
	return l.in[start:l.pos]
}

func isPunctuation(c byte) bool {
	switch c {
	case ',', ':', '{', '}', '[', ']', '"', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// skip passes over one value, however deep.
func (l *lexer) skip() *fault {
	for depth := 0; ; {
		switch c := l.peek(); c {
		case 0:
			return l.expected("a value")
		case '{', '[':
			l.pos++
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return l.expected("a value")
			}
			l.pos++
		case '"':
			if bad := l.skipText(); bad != nil {
				return bad
			}
		case ',', ':':
			if depth == 0 {
				return l.expected("a value")
			}
			l.pos++
			continue
		default:
			l.word()
		}
		if depth == 0 {
			return nil
		}
	}
}

func (l *lexer) skipText() *fault {
	for i := l.pos + 1; i < len(l.in); i++ {
		switch l.in[i] {
		case '"':
			l.pos = i + 1
			return nil
		case '\\':
			i++
		}
	}
	return l.expected("a text that ends")
}
