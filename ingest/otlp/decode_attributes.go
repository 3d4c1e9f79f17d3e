package otlp

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"faultline/graph"
)

// attribute reads one attribute into s.attributes or s.held, if it is one that naming reads. count is the number of
// attributes that its owner had so far; over the limit they are not looked at.
func (s *scan) attribute(data []byte, count *int, mended *repairs) *fault {
	if *count++; *count > s.cfg.MaxAttributes {
		*mended |= truncated
		return nil
	}
	var v value
	key, usual := v.usualPair(data)
	if !usual {
		var bad *fault
		if key, bad = v.pair(data); bad != nil {
			return bad
		}
		if v.nested {
			*mended |= nestedValue
		}
	}
	if len(key) > s.cfg.MaxKeyBytes || len(v.text) > s.cfg.MaxValueBytes {
		*mended |= truncated
	}
	k, known := graph.KeyOf(view(key))
	switch {
	case !known || len(key) > s.cfg.MaxKeyBytes:
	case !s.ofSpan:
		s.set(k, &v, mended)
	case k.Varies():
		s.note(k, &v)
		s.set(k, &v, mended)
	default:
		s.hold(k, &v)
	}
	return nil
}

// pair reads an attribute, however it is written, and returns its key.
func (v *value) pair(data []byte) (key []byte, bad *fault) {
	*v = value{}
	f := fields{in: data}
	for f.next() {
		switch f.number {
		case 1:
			key = f.bytes()
		case 2:
			if f.is(wireBytes) {
				if bad := v.read(f.data(), 1); bad != nil {
					return nil, bad
				}
			}
		}
	}
	return key, f.fault
}

// The tags of an attribute of a span, of its key and its value, and of a text or whole number therein.
const (
	attributeTag = 9<<3 | byte(wireBytes)
	keyTag       = 1<<3 | byte(wireBytes)
	valueTag     = 2<<3 | byte(wireBytes)
	textTag      = 1<<3 | byte(wireBytes)
	intTag       = 3<<3 | byte(wireVarint)
)

// usualPair reads an attribute that is written as nearly all are: a key and one text or whole number, in
// this order or, as the Collector writes them, in the other. All else is left to pair, which would read
// these the same and takes several times as long.
func (v *value) usualPair(data []byte) (key []byte, ok bool) {
	from, to := shortField(data, 0)
	from2, to2 := shortField(data, to)
	if to2 != len(data) || to == 0 {
		return nil, false
	}
	tag, tag2 := data[0], data[to]
	if tag == valueTag {
		tag, from, to, tag2, from2, to2 = tag2, from2, to2, tag, from, to
	}
	if tag != keyTag || tag2 != valueTag || from2 == to2 {
		return nil, false
	}
	key, in := data[from:to:to], data[from2:to2:to2]
	switch in[0] {
	case textTag:
		from, to = shortField(in, 0)
		if to != len(in) {
			return nil, false
		}
		v.form, v.text = textValue, in[from:]
		return key, true
	case intTag:
		number, n := binary.Uvarint(in[1:])
		v.form, v.number = intValue, int64(number)
		return key, n > 0 && n == len(in)-1
	}
	return nil, false
}

func (s *scan) set(k graph.Key, v *value, mended *repairs) {
	switch v.form {
	case textValue:
		s.attributes.SetText(k, s.text(v.text, s.cfg.MaxValueBytes, mended))
	case intValue:
		s.attributes.SetInt(k, v.number)
	case doubleValue:
		if x := v.double; x == math.Trunc(x) && math.Abs(x) < 1<<53 { // some tracers know no other numbers
			s.attributes.SetInt(k, int64(x))
		} else {
			s.attributes.SetText(k, strconv.FormatFloat(x, 'g', -1, 64))
		}
	case boolValue:
		s.attributes.SetBool(k, v.number != 0)
	}
}

// text returns b as a text of at most limit bytes in valid UTF-8.
func (s *scan) text(b []byte, limit int, mended *repairs) string {
	t := view(b)
	if len(t) > limit {
		t = graph.Cut(t, limit)
		*mended |= truncated
	}
	if !utf8.ValidString(t) {
		t = graph.Cut(strings.ToValidUTF8(t, "\uFFFD"), limit)
		*mended |= invalidUTF8
	}
	return t
}

// value is an attribute's value. Of a list it is the first element; maps and bytes have no use here.
type value struct {
	form   valueForm
	text   []byte
	number int64 // of a bool: 0 or 1
	double float64
	nested bool // something lay too deep to be looked at
}

type valueForm uint8

const (
	noValue valueForm = iota
	textValue
	boolValue
	intValue
	doubleValue
)

// read reads a value that is the level-th one around itself.
func (v *value) read(data []byte, level int) *fault {
	if level > maxValueDepth {
		v.nested = true
		return nil
	}
	f := fields{in: data}
	for f.next() {
		switch f.number {
		case 1:
			v.form, v.text = textValue, f.bytes()
		case 2:
			v.form, v.number = boolValue, int64(min(f.uint(wireVarint), 1))
		case 3:
			v.form, v.number = intValue, int64(f.uint(wireVarint))
		case 4:
			v.form, v.double = doubleValue, math.Float64frombits(f.uint(wireFixed64))
		case 5:
			if f.is(wireBytes) {
				v.form = noValue
				if bad := v.list(f.data(), level); bad != nil {
					return bad
				}
			}
		case 6:
			if f.is(wireBytes) {
				v.form = noValue
				if bad := v.entries(f.data(), level); bad != nil {
					return bad
				}
			}
		case 7:
			v.form = noValue
			f.is(wireBytes)
		}
	}
	return f.fault
}

func (v *value) list(data []byte, level int) *fault {
	f := fields{in: data}
	for first := true; f.next(); {
		if f.number != 1 || !f.is(wireBytes) {
			continue
		}
		var element value
		if bad := element.read(f.data(), level+1); bad != nil {
			return bad
		}
		if first {
			element.nested = element.nested || v.nested
			*v, first = element, false
		} else {
			v.nested = v.nested || element.nested
		}
	}
	return f.fault
}

func (v *value) entries(data []byte, level int) *fault {
	f := fields{in: data}
	for f.next() {
		if f.number != 1 || !f.is(wireBytes) {
			continue
		}
		e := fields{in: f.data()}
		for e.next() {
			if e.number != 2 || !e.is(wireBytes) {
				continue
			}
			var element value
			if bad := element.read(e.data(), level+1); bad != nil {
				return bad
			}
			v.nested = v.nested || element.nested
		}
		if e.fault != nil {
			return e.fault
		}
	}
	return f.fault
}

// event remembers where the attributes of the last exception are: they tell why the span failed.
func (s *scan) event(data []byte) *fault {
	if s.span.events++; s.span.events > s.cfg.MaxEvents {
		s.span.mended |= truncated
		return nil
	}
	f := fields{in: data}
	for f.next() {
		if f.number == 2 && f.is(wireBytes) && string(f.data()) == "exception" {
			s.span.exception = data
		}
	}
	return f.fault
}

// exceptionAttributes reads what the event in s.span.exception says of the exception.
func (s *scan) exceptionAttributes() *fault {
	f := fields{in: s.span.exception}
	for count := 0; f.next(); {
		if f.number != 3 || !f.is(wireBytes) {
			continue
		}
		a := fields{in: f.data()}
		for a.next() {
			if a.number != 1 || !a.is(wireBytes) {
				continue
			}
			if k, _ := graph.KeyOf(view(a.data())); k == graph.ExceptionType || k == graph.ExceptionMessage {
				if bad := s.attribute(f.data(), &count, &s.span.mended); bad != nil {
					return bad
				}
			}
		}
		if a.fault != nil {
			return a.fault
		}
	}
	return f.fault
}

func (s *scan) link(data []byte) {
	if len(s.links) == s.cfg.MaxLinks {
		s.span.mended |= truncated
		return
	}
	s.links = append(s.links, data)
}

// readLinks returns the links of the span at hand. One without valid ids names nothing and is left out.
func (s *scan) readLinks() []graph.Link {
	if len(s.links) == 0 {
		return nil
	}
	if s.room.links == nil {
		s.room.links = linkRooms.get(len(s.links))
	}
	first := len(s.room.links) // when it grows, the links of earlier spans stay where they are
	for _, data := range s.links {
		var trace, id []byte
		f := fields{in: data}
		for f.next() {
			switch f.number {
			case 1:
				trace = f.bytes()
			case 2:
				id = f.bytes()
			}
		}
		of, traced := traceID(trace)
		to, named := spanID(id)
		if f.fault != nil || !traced || !named {
			s.span.mended |= invalidLink
			continue
		}
		s.room.links = append(s.room.links, graph.Link{Trace: of, ID: to})
	}
	return s.room.links[first:len(s.room.links):len(s.room.links)]
}

func (s *scan) status(data []byte) *fault {
	f := fields{in: data}
	for f.next() {
		switch f.number {
		case 2:
			s.span.message = f.bytes()
		case 3:
			s.span.code = f.uint(wireVarint)
		}
	}
	return f.fault
}
