package main_test

import (
	"bytes"
	bin "encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// The floor of the cost of ingest is a server that does what every one must: take the body from the same
// transport, decompress it, and look at each field of each span once. It keeps nothing.

// playFloor is the main function of the floor's process. It prints its addresses.
func playFloor() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grpc := r.ProtoMajor == 2
		size := r.ContentLength
		if grpc {
			var prefix [5]byte
			if _, err := io.ReadFull(r.Body, prefix[:]); err != nil {
				panic(err)
			}
			size = int64(bin.BigEndian.Uint32(prefix[1:]))
		}
		buf := floorBodies.Get().(*[]byte)
		defer floorBodies.Put(buf)
		*buf = grown(*buf, int(size))
		if _, err := io.ReadFull(r.Body, *buf); err != nil {
			panic(err)
		}
		body := *buf
		if coding := r.Header.Get("Content-Encoding"); coding != "" {
			plain := floorBodies.Get().(*[]byte)
			defer floorBodies.Put(plain)
			*plain = floorUnpack(coding, body, *plain)
			body = *plain
		}
		touched := walk(body, exportMessage)
		if touched == 0 {
			panic("no field found")
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		if grpc {
			w.Write(make([]byte, 5))
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		}
	})
	var addrs []any
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		s := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetUnencryptedHTTP2(true)
		go s.Serve(l)
		addrs = append(addrs, l.Addr())
	}
	fmt.Println(addrs...)
	select {}
}

var floorBodies = sync.Pool{New: func() any { return new([]byte) }}

func grown(b []byte, n int) []byte {
	if cap(b) < n {
		b = make([]byte, n)
	}
	return b[:n]
}

var (
	floorGzip    = sync.Pool{New: func() any { return new(gzip.Reader) }}
	floorZstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
)

func floorUnpack(coding string, wire, into []byte) []byte {
	var err error
	switch coding {
	case "gzip":
		z := floorGzip.Get().(*gzip.Reader)
		defer floorGzip.Put(z)
		if err = z.Reset(bytes.NewReader(wire)); err == nil {
			into = grown(into, int(bin.LittleEndian.Uint32(wire[len(wire)-4:])))
			_, err = io.ReadFull(z, into)
		}
	case "zstd":
		into, err = floorZstd.DecodeAll(wire, into[:0])
	case "snappy":
		into, err = snappy.Decode(into[:cap(into)], wire)
	}
	if err != nil {
		panic(err)
	}
	return into
}

// nested says which fields of a message are messages, and of what type.
type nested [17]*nested

var (
	leaf            = &nested{}
	keyValueMessage = &nested{2: leaf}
	spanMessage     = &nested{9: keyValueMessage, 11: {3: keyValueMessage}, 13: leaf, 15: leaf}
	exportMessage   = &nested{1: {1: {1: keyValueMessage}, 2: {2: spanMessage}}}
)

// walk reads every field of a message and of those within. It returns a sum, so that nothing is left out.
func walk(b []byte, m *nested) (sum uint64) {
	for len(b) > 0 {
		tag, n := bin.Uvarint(b)
		b = b[n:]
		switch tag & 7 {
		case 0:
			v, n := bin.Uvarint(b)
			sum, b = sum+v, b[n:]
		case 1:
			sum, b = sum+bin.LittleEndian.Uint64(b), b[8:]
		case 5:
			sum, b = sum+uint64(bin.LittleEndian.Uint32(b)), b[4:]
		case 2:
			size, n := bin.Uvarint(b)
			data := b[n : n+int(size)]
			b = b[n+int(size):]
			if number := tag >> 3; number < uint64(len(m)) && m[number] != nil {
				sum += walk(data, m[number])
			} else if size > 0 {
				sum += uint64(data[0])
			}
		}
	}
	return sum
}
