package ingest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"faultline/ingest/journal"
	"faultline/ingest/otlp"
)

// The kinds of records in the journal. Their numbers never change.
const (
	recordBody  uint8 = 1 // the body of a request, as it came
	recordTick  uint8 = 2 // time has passed and nothing came
	recordSpans uint8 = 3 // the spans of a request, packed
)

// batchMeta is what the journal keeps beside a body.
type batchMeta struct {
	tenant   string
	encoding otlp.Encoding
	coding   string
	hash     otlp.Hash
}

// appendMeta writes m: hash, encoding, length of the tenant, tenant, coding.
func appendMeta(b []byte, m batchMeta) []byte {
	b = append(b, m.hash[:]...)
	b = append(b, byte(m.encoding), byte(len(m.tenant)))
	b = append(b, m.tenant...)
	return append(b, m.coding...)
}

func parseMeta(b []byte) (m batchMeta, ok bool) {
	const fixed = len(m.hash) + 2
	if len(b) < fixed || len(b) < fixed+int(b[fixed-1]) {
		return batchMeta{}, false
	}
	copy(m.hash[:], b)
	m.encoding = otlp.Encoding(b[len(m.hash)])
	m.tenant = string(b[fixed : fixed+int(b[fixed-1])])
	m.coding = string(b[fixed+int(b[fixed-1]):])
	return m, true
}

// recordOf is the record that keeps b. It is valid until done is called. A body that is compressed is kept as it came: it
// is small already.
func recordOf(b *otlp.Batch) (r journal.Record, done func()) {
	r = journal.Record{
		Kind: recordBody, Time: b.Body.Received, Body: b.Body.Wire,
		Meta: appendMeta(nil, batchMeta{b.Tenant, b.Body.Encoding, b.Body.Coding, b.Body.Hash}),
	}
	if b.Body.Coding != "" {
		return r, func() {}
	}
	buf := packed.Get().(*[]byte)
	*buf = otlp.Pack((*buf)[:0], b.Spans)
	r.Kind, r.Body = recordSpans, *buf
	return r, func() {
		if cap(*buf) <= mostPacked {
			packed.Put(buf)
		}
	}
}

// packed are buffers for packed spans. Large ones are rare and not kept.
var packed = sync.Pool{New: func() any { return new([]byte) }}

const mostPacked = 1 << 20

// batchOf decodes the batch in r; nil if r holds none.
func (s *Service) batchOf(r *journal.Record) (*otlp.Batch, error) {
	if r.Kind == recordTick {
		return nil, nil
	}
	m, ok := parseMeta(r.Meta)
	if !ok || r.Kind != recordBody && r.Kind != recordSpans {
		return nil, fmt.Errorf("record %d is of a form that this release does not know", r.Position)
	}
	s.seen.add(m.hash, r.Time)
	if r.Kind == recordSpans {
		return s.decoder.Unpack(m.tenant, r.Body)
	}
	return s.decoder.Decode(m.tenant, otlp.Body{Received: r.Time, Encoding: m.encoding, Coding: m.coding, Wire: r.Body}, s.cfg.Journal.MaxBytes)
}

// checkpoint says how far the rows are stored. Before a block is sent, its end is put down as Cut, so that
// after a crash the block is cut at the same place, and so has the same rows and the same token.
type checkpoint struct {
	Replica string           `json:"replica"` // names this journal for ever
	Stored  journal.Position `json:"stored"`  // rows up to here are stored
	Time    time.Time        `json:"time"`    // of that record
	Cut     journal.Position `json:"cut"`     // end of the block that was being stored; Stored if none was
}

func (s *Service) saveCheckpoint(c checkpoint) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := s.journal.SetCheckpoint(text); err != nil {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	return nil
}

// loadCheckpoint returns the checkpoint of an earlier run, or a new one.
func (s *Service) loadCheckpoint() (c checkpoint, err error) {
	text, err := s.journal.Checkpoint()
	if err != nil {
		return c, fmt.Errorf("load the checkpoint: %w", err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &c); err != nil {
			return c, fmt.Errorf("load the checkpoint: %w", err)
		}
		return c, nil
	}
	// No checkpoint: nothing is known to be stored, and what is in the journal was never sent under this name.
	c = checkpoint{Replica: newReplica()}
	return c, s.saveCheckpoint(c)
}
