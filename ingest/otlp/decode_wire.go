package otlp

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// fault says what is wrong with a body, and where.
type fault struct {
	path string // such as resourceSpans[0].scopeSpans[2]; "" for the request itself
	what string
}

// in places a fault inside element i of a list.
func (f *fault) in(list string, i int) *fault {
	path := fmt.Sprintf("%s[%d]", list, i)
	if f.path != "" {
		path += "." + f.path
	}
	return &fault{path: path, what: f.what}
}

// asError is f as the package's callers see it.
func (f *fault) asError() error {
	if f.path == "" {
		return &BadDataError{Detail: f.what}
	}
	return &BadDataError{Detail: f.path + ": " + f.what}
}

// wireType is how a field's value is written in protobuf.
type wireType uint8

const (
	wireVarint     wireType = 0
	wireFixed64    wireType = 1
	wireBytes      wireType = 2
	wireStartGroup wireType = 3
	wireEndGroup   wireType = 4
	wireFixed32    wireType = 5
)

// fields walks over the fields of one protobuf message:
//
//	for f := (fields{in: message}); f.next(); {
//		switch f.number { … }
//	}
//	if f.fault != nil { … }
//
// It does not descend: a nested message is the data of a field. It holds positions rather than slices of
// the message, since it is most of what a decoder does and pointers cost more to write.
type fields struct {
	in     []byte
	pos    int // of what was not yet read
	number uint64
	typ    wireType
	value  uint64 // of a varint, fixed64 or fixed32
	from   int    // where the data of a field of bytes is
	to     int
	fault  *fault
}

// next steps to the next field. It is false at the end of the message and after a fault.
func (f *fields) next() bool {
	b, at := f.in, f.pos
	if at >= len(b) {
		return false
	}
	// Nearly every field has a number below 16 and is short.
	if tag := b[at]; tag > 7 && tag < 0x80 && at+1 < len(b) {
		switch tag & 7 {
		case byte(wireBytes):
			if from, to := shortField(b, at); to > 0 {
				f.number, f.typ, f.from, f.to, f.pos = uint64(tag>>3), wireBytes, from, to, to
				return true
			}
		case byte(wireVarint):
			if v := b[at+1]; v < 0x80 {
				f.number, f.typ, f.value, f.pos = uint64(tag>>3), wireVarint, uint64(v), at+2
				return true
			}
		case byte(wireFixed64):
			if len(b)-at > 8 {
				f.number, f.typ, f.value, f.pos = uint64(tag>>3), wireFixed64, binary.LittleEndian.Uint64(b[at+1:]), at+9
				return true
			}
		}
	}
	tag, ok := f.varint()
	if !ok {
		return false
	}
	f.number, f.typ = tag>>3, wireType(tag&7)
	if f.number == 0 || f.number >= 1<<29 {
		return f.fail("field number %d does not exist", f.number)
	}
	return f.read()
}

// shortField returns where the data is of the field that begins at at, if that is one of bytes whose
// length is written in one or two bytes. Else both are 0. It takes the tag on trust.
func shortField(b []byte, at int) (from, to int) {
	if from = at + 2; from > len(b) {
		return 0, 0
	}
	n := int(b[from-1])
	if n >= 0x80 {
		if from == len(b) || b[from] >= 0x80 {
			return 0, 0
		}
		n = n&0x7f | int(b[from])<<7
		from++
	}
	if to = from + n; to > len(b) {
		return 0, 0
	}
	return from, to
}

// read reads the value of the current field.
func (f *fields) read() (ok bool) {
	switch f.typ {
	case wireVarint:
		f.value, ok = f.varint()
		return ok
	case wireFixed64:
		if len(f.in)-f.pos < 8 {
			return f.short()
		}
		f.value = binary.LittleEndian.Uint64(f.in[f.pos:])
		f.pos += 8
		return true
	case wireFixed32:
		if len(f.in)-f.pos < 4 {
			return f.short()
		}
		f.value = uint64(binary.LittleEndian.Uint32(f.in[f.pos:]))
		f.pos += 4
		return true
	case wireBytes:
		n, ok := f.varint()
		if !ok {
			return false
		}
		if n > uint64(len(f.in)-f.pos) {
			return f.short()
		}
		f.from, f.to = f.pos, f.pos+int(n)
		f.pos = f.to
		return true
	case wireStartGroup:
		return f.skipGroup()
	}
	return f.fail("field %d has the wire type %d, which does not belong here", f.number, f.typ)
}

// skipGroup passes over a group. Groups nest; none is part of OTLP.
func (f *fields) skipGroup() bool {
	for depth := 1; depth > 0; {
		tag, ok := f.varint()
		if !ok {
			return false
		}
		switch f.number, f.typ = tag>>3, wireType(tag&7); f.typ {
		case wireStartGroup:
			if depth++; depth > maxGroupDepth {
				return f.fail("groups nest deeper than %d levels", maxGroupDepth)
			}
		case wireEndGroup:
			depth--
		default:
			if !f.read() {
				return false
			}
		}
	}
	f.number = 0 // no field of any schema
	return true
}

func (f *fields) varint() (uint64, bool) {
	if f.pos < len(f.in) && f.in[f.pos] < 0x80 {
		f.pos++
		return uint64(f.in[f.pos-1]), true
	}
	v, n := binary.Uvarint(f.in[f.pos:])
	if n < 0 {
		return 0, f.fail("a number is longer than 64 bits")
	}
	if n == 0 {
		return 0, f.short()
	}
	f.pos += n
	return v, true
}

func (f *fields) short() bool {
	return f.fail("a field runs past the end of its message: the body is cut off or is no protobuf")
}

// fail ends the walk.
func (f *fields) fail(format string, args ...any) bool {
	f.pos = len(f.in)
	f.fault = &fault{what: fmt.Sprintf(format, args...)}
	return false
}

// data is the value of the current field, which must be one of bytes: a view into the message.
func (f *fields) data() []byte { return f.in[f.from:f.to:f.to] }

// is reports whether the current field, which the schema knows, is written as the schema says; it is a
// fault if not.
func (f *fields) is(t wireType) bool { return f.typ == t || f.isNot(t) }

func (f *fields) isNot(t wireType) bool {
	return f.fail("field %d has the wire type %d and should have %d", f.number, f.typ, t)
}

// bytes returns the value of a field of bytes.
func (f *fields) bytes() []byte {
	f.is(wireBytes)
	return f.data()
}

// uint returns the value of a field of one of the other types.
func (f *fields) uint(t wireType) uint64 {
	f.is(t)
	return f.value
}

// view returns b as a string without a copy. b must not be changed from then on.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
