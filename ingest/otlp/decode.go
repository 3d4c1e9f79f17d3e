package otlp

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Decoder turns the bodies of export requests into spans. It is safe for concurrent use.
type Decoder struct {
	cfg    DecodeConfig
	known  resources
	shapes shapes
	scans  sync.Pool // of *scan
}

// NewDecoder returns a Decoder with the given limits, which must be valid.
func NewDecoder(cfg DecodeConfig) *Decoder {
	d := &Decoder{cfg: cfg}
	d.known.begin(resourceBuckets, maxResourceBytes)
	d.shapes.begin(shapeBuckets, maxShapeBytes)
	d.scans.New = func() any { return &scan{ofSpan: true} }
	return d
}

// Traces decodes the body of a trace export request that arrived at now. A span that cannot be used is
// rejected by itself and counted in the batch; the others are kept. The error is a *BadDataError and means
// that the body is no such request at all.
//
// Strings in the batch are views of body, which must not be changed afterwards. The Tenant is left to the
// caller.
//
// The time and memory that decoding takes are linear in len(body), whatever it holds.
func (d *Decoder) Traces(body []byte, enc Encoding, now time.Time) (*Batch, error) {
	b, _, err := d.traces(body, enc, now)
	return b, err
}

// traces also returns the memory of the batch's spans, to be freed when they are no longer used.
func (d *Decoder) traces(body []byte, enc Encoding, now time.Time) (*Batch, room, error) {
	size := len(body)
	if enc == JSON {
		var bad *fault
		if body, bad = toProtobuf(body, traceSchema); bad != nil {
			return nil, room{}, bad.asError()
		}
	}
	s := d.scans.Get().(*scan)
	defer d.scans.Put(s)
	s.begin(d, now, body)
	defer s.end()
	if bad := s.request(body); bad != nil {
		s.room.free()
		return nil, room{}, bad.asError()
	}
	b, r := s.batch()
	b.Bytes = size
	return b, r, nil
}

// Decode decodes a body that Traces has accepted before, within most bytes after decompression. The batch may be
// released.
func (d *Decoder) Decode(tenant string, body Body, most int64) (*Batch, error) {
	data := body.Wire
	if c := coding(body.Coding); c != identity && len(data) > 0 {
		r, release, err := open(c, data)
		if err != nil {
			return nil, fmt.Errorf("decompress a body: %w", err)
		}
		defer release()
		if data, err = io.ReadAll(io.LimitReader(r, most+1)); err != nil {
			return nil, fmt.Errorf("decompress a body: %w", err)
		}
		if int64(len(data)) > most {
			return nil, fmt.Errorf("decompress a body: it holds more than %d bytes", most)
		}
	}
	b, room, err := d.traces(data, body.Encoding, body.Received)
	if err != nil {
		return nil, err
	}
	b.Tenant, b.Body, b.Release = tenant, body, room.free
	return b, nil
}

// Metrics checks the body of a metrics export request and returns how many data points it holds. The error
// is a *BadDataError.
func (d *Decoder) Metrics(body []byte, enc Encoding) (points int, err error) {
	var bad *fault
	if enc == JSON {
		if body, bad = toProtobuf(body, metricsSchema); bad != nil {
			return 0, bad.asError()
		}
	}
	if points, bad = countPoints(body, metricsSchema); bad != nil {
		return 0, bad.asError()
	}
	return points, nil
}
