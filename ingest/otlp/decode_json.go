package otlp

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
)

// toProtobuf rewrites a request from JSON to protobuf, so that there is one decoder and both forms of a
// request mean the same. It keeps the fields that m lists and passes over all others.
//
// It reads the JSON form of OTLP: names in lowerCamelCase, ids in hexadecimal digits of either case, whole
// numbers also as text, enums as numbers, null for what is not set. A body may hold several requests, one
// after the other with or without blanks between them (JSON lines): they are one request with all their
// elements. A body of nothing but blanks is an empty request.
func toProtobuf(body []byte, m *message) ([]byte, *fault) {
	t := transcoder{lexer: lexer{in: body}, out: make([]byte, 0, len(body)/2)}
	for t.peek() != 0 {
		if bad := t.message(m, 0); bad != nil {
			return nil, bad
		}
	}
	if t.pos < len(t.in) { // peek stopped at a byte 0
		return nil, t.expected("an object")
	}
	return t.out, nil
}

// transcoder writes protobuf while it reads JSON.
type transcoder struct {
	lexer
	out []byte
}

// message rewrites one JSON object, which stands at the cursor. values counts the attribute values around
// it.
func (t *transcoder) message(m *message, values int) *fault {
	if !t.take('{') {
		return t.expected("an object")
	}
	if t.take('}') {
		return nil
	}
	for {
		name, bad := t.fieldName()
		if bad != nil {
			return bad
		}
		switch f := m.field(name); {
		case f == nil:
			bad = t.skip()
		case f.repeated:
			bad = t.list(f, values)
		default:
			if bad = t.element(f, values); bad != nil {
				bad = bad.at(f.name)
			}
		}
		if bad != nil {
			return bad
		}
		if t.take('}') {
			return nil
		}
		if !t.take(',') {
			return t.expected("a comma or the end of the object")
		}
	}
}

// list rewrites an array as a repeated field.
func (t *transcoder) list(f *field, values int) *fault {
	if t.takeNull() {
		return nil
	}
	if !t.take('[') {
		return t.expected("an array").at(f.name)
	}
	if t.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if bad := t.element(f, values); bad != nil {
			return bad.in(f.name, i)
		}
		if t.take(']') {
			return nil
		}
		if !t.take(',') {
			return t.expected("a comma or the end of the array").at(f.name)
		}
	}
}

// element rewrites one value of a field. null leaves it unset.
func (t *transcoder) element(f *field, values int) *fault {
	if t.takeNull() {
		return nil
	}
	t.out = binary.AppendUvarint(t.out, f.number<<3|uint64(f.kind.wire()))
	switch f.kind {
	case kindMessage:
		return t.nested(f.message, values)
	case kindString:
		return t.text()
	case kindID:
		return t.id()
	case kindOpaque:
		t.out = append(t.out, 0)
		return t.skip()
	case kindBool:
		return t.truth()
	case kindEnum, kindInt64:
		n, bad := t.integer()
		t.out = binary.AppendUvarint(t.out, uint64(n))
		return bad
	case kindFixed32:
		n, bad := t.unsigned(32)
		t.out = binary.LittleEndian.AppendUint32(t.out, uint32(n))
		return bad
	case kindFixed64:
		n, bad := t.unsigned(64)
		t.out = binary.LittleEndian.AppendUint64(t.out, n)
		return bad
	default:
		n, bad := t.double()
		t.out = binary.LittleEndian.AppendUint64(t.out, math.Float64bits(n))
		return bad
	}
}

func (t *transcoder) nested(m *message, values int) *fault {
	start := t.open()
	defer t.close(start)
	if m == anyValueMessage {
		if values++; values > maxValueDepth {
			return t.skip() // the empty value in its place tells the decoder that something was here
		}
	}
	return t.message(m, values)
}

// open begins a field of bytes whose length is not yet known; close, given what open returned, ends it.
func (t *transcoder) open() (start int) {
	t.out = append(t.out, 0)
	return len(t.out)
}

func (t *transcoder) close(start int) {
	n := len(t.out) - start
	if n < 0x80 {
		t.out[start-1] = byte(n)
		return
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(length[:], uint64(n))
	t.out = append(t.out, length[:size-1]...) // room; what it holds is overwritten
	copy(t.out[start+size-1:], t.out[start:start+n])
	copy(t.out[start-1:], length[:size])
}

func (t *transcoder) text() *fault {
	start := t.open()
	defer t.close(start)
	var bad *fault
	t.out, bad = t.str(t.out)
	return bad
}

// id rewrites an id. One that is no hexadecimal number becomes one of a wrong length: its span is rejected
// and the others are not.
func (t *transcoder) id() *fault {
	start := t.open()
	defer t.close(start)
	var bad *fault
	if t.out, bad = t.str(t.out); bad != nil {
		return bad
	}
	n, err := hex.Decode(t.out[start:], t.out[start:])
	if err != nil {
		t.out[start], n = 0xff, 1
	}
	t.out = t.out[:start+n]
	return nil
}

func (t *transcoder) truth() *fault {
	switch string(t.word()) {
	case "true":
		t.out = append(t.out, 1)
	case "false":
		t.out = append(t.out, 0)
	default:
		return t.expected("true or false")
	}
	return nil
}

// integer reads a whole number, also one written as text or with an exponent.
func (t *transcoder) integer() (int64, *fault) {
	s, bad := t.number()
	if bad != nil {
		return 0, bad
	}
	n, err := strconv.ParseInt(view(s), 10, 64)
	if err != nil {
		x, err := strconv.ParseFloat(view(s), 64)
		if n = int64(x); err != nil || float64(n) != x || math.Abs(x) >= 1<<63 {
			return 0, t.expected("a whole number (names of enum values are not allowed in OTLP/JSON)")
		}
	}
	return n, nil
}

// unsigned reads a whole number that is not negative, also one written as text or with an exponent.
func (t *transcoder) unsigned(bits int) (uint64, *fault) {
	s, bad := t.number()
	if bad != nil {
		return 0, bad
	}
	n, err := strconv.ParseUint(view(s), 10, bits)
	if err != nil {
		x, err := strconv.ParseFloat(view(s), 64)
		if n = uint64(x); err != nil || x < 0 || x >= math.Ldexp(1, bits) || float64(n) != x {
			return 0, t.expected("a whole number of at most " + strconv.Itoa(bits) + " bits")
		}
	}
	return n, nil
}

func (t *transcoder) double() (float64, *fault) {
	s, bad := t.number()
	if bad != nil {
		return 0, bad
	}
	x, err := strconv.ParseFloat(view(s), 64) // reads NaN and Infinity too
	if err != nil {
		return 0, t.expected("a number")
	}
	return x, nil
}
