package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// Position is the number of a record: 1 for the first ever, and one more for each that follows.
type Position int64

// Record is what is kept.
type Record struct {
	Position Position
	Time     time.Time // given by whoever appends
	Kind     uint8     // the appender's business, like Meta and Body
	Meta     []byte    // at most 64 KiB
	Body     []byte    // at most 1 GiB
}

// A segment is a file: its header, and records one behind the other.
//
//	header   magic 8 · position of the first record 8 · salt 8
//	record   checksum 4 · bytes of the body 4 · bytes of the meta 2 · kind 1 · 0 · position 8 · Unix ns 8 · meta · body
//
// Numbers are little-endian. The checksum is CRC-32C over the salt and all of the record behind it. A file may
// have had an earlier life, whose records are still in it; the salt, which is random, makes them unsound, and
// also whatever a sender put into a body to look like a record.
const (
	segmentHeader = 24
	recordHeader  = 28
	maxMeta       = 1<<16 - 1
	maxBody       = 1 << 30
)

var (
	magic      = [8]byte{'F', 'L', 'W', 'A', 'L', 0, 2, '\n'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// head is a record's header.
type head struct {
	sum        uint32
	body, meta int
	kind       uint8
	position   Position
	time       int64
}

func (h *head) size() int64 { return recordHeader + int64(h.meta) + int64(h.body) }

// newSegmentHeader is the header of a segment that begins at first, with a salt of its own.
func newSegmentHeader(first Position) (b [segmentHeader]byte) {
	copy(b[:], magic[:])
	binary.LittleEndian.PutUint64(b[8:], uint64(first))
	_, _ = rand.Read(b[16:]) // it never fails
	return b
}

// seedOf is where checksums in a segment start, from its header.
func seedOf(header []byte) uint32 { return crc32.Checksum(header[16:segmentHeader], castagnoli) }

// appendHeader writes the header of r.
func appendHeader(b []byte, seed uint32, r *Record) []byte {
	at := len(b)
	b = append(b, make([]byte, recordHeader)...)
	h := b[at:]
	binary.LittleEndian.PutUint32(h[4:], uint32(len(r.Body)))
	binary.LittleEndian.PutUint16(h[8:], uint16(len(r.Meta)))
	h[10] = r.Kind
	binary.LittleEndian.PutUint64(h[12:], uint64(r.Position))
	binary.LittleEndian.PutUint64(h[20:], uint64(r.Time.UnixNano()))
	sum := crc32.Update(seed, castagnoli, h[4:])
	sum = crc32.Update(sum, castagnoli, r.Meta)
	sum = crc32.Update(sum, castagnoli, r.Body)
	binary.LittleEndian.PutUint32(h, sum)
	return b
}

func parseHeader(b []byte) head {
	return head{
		sum: binary.LittleEndian.Uint32(b), body: int(binary.LittleEndian.Uint32(b[4:])), meta: int(binary.LittleEndian.Uint16(b[8:])),
		kind: b[10], position: Position(binary.LittleEndian.Uint64(b[12:])), time: int64(binary.LittleEndian.Uint64(b[20:])),
	}
}

// errDamaged says that the bytes at a place are no record.
var errDamaged = errors.New("damaged record")

// checksum is that of a record whose bytes, without the checksum itself, are given in two parts.
func checksum(seed uint32, header, rest []byte) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, header[4:recordHeader]), castagnoli, rest)
}
