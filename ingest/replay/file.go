package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// request is one ExportTraceServiceRequest as it stands in a file.
type request struct {
	body  []byte
	json  bool
	where string // file and number of the request, for messages
}

// Recorded is one export request of a file.
type Recorded struct {
	Body []byte
	JSON bool // else protobuf
}

// Requests gives the export requests of files to f, in order, until f returns an error.
func Requests(files []string, f func(Recorded) error) error {
	for _, file := range files {
		err := each(file, func(r request) error {
			if err := f(Recorded{Body: r.body, JSON: r.json}); err != nil {
				return fmt.Errorf("%s: %w", r.where, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// FileError says what is wrong with a file, and where.
type FileError struct {
	File string
	Line int // 0 when there are no lines, as in protobuf
	Err  error
}

func (e *FileError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.File, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// each gives the requests of a file to f, in order, until f returns an error. What the file holds is told by
// its content: gzip or plain; JSON, as one request a line or any other sequence of JSON objects; or a single
// request in protobuf.
func each(file string, f func(request) error) error {
	h, err := os.Open(file)
	if err != nil {
		return &FileError{File: file, Err: err}
	}
	defer h.Close()
	r, err := plain(h)
	if err != nil {
		return &FileError{File: file, Err: err}
	}
	first, err := firstByte(r)
	switch {
	case errors.Is(err, io.EOF):
		return &FileError{File: file, Err: errors.New("the file is empty")}
	case err != nil:
		return &FileError{File: file, Err: err}
	case first == '{':
		return eachJSON(file, r, f)
	case first == '[':
		return &FileError{File: file, Line: 1, Err: errors.New("a JSON array; expected OTLP: objects with resourceSpans, one on each line")}
	default:
		return eachProtobuf(file, r, f)
	}
}

// plain undoes gzip if the content is gzipped.
func plain(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<20)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil //nolint:nilerr // shorter than two bytes: not gzip, and what it is shows later
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("it starts like gzip, but is not: %w", err)
	}
	return bufio.NewReaderSize(z, 1<<20), nil
}

// firstByte returns the first byte that is not white space and leaves everything unread: protobuf begins
// with what JSON would take for a newline.
func firstByte(r *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		head, err := r.Peek(n)
		if len(head) < n {
			return 0, err
		}
		if c := head[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, nil
		}
	}
}

func eachJSON(file string, r io.Reader, f func(request) error) error {
	lines := &lineCounter{r: r}
	d := json.NewDecoder(lines)
	for {
		var body json.RawMessage
		err := d.Decode(&body)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			at := lines.read // the end, for a value that is cut off
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = syntax.Offset
			}
			return &FileError{File: file, Line: lines.at(at), Err: fmt.Errorf("not a JSON object of OTLP: %w", err)}
		}
		where := fmt.Sprintf("%s:%d", file, lines.at(d.InputOffset()))
		if err := f(request{body: body, json: true, where: where}); err != nil {
			return err
		}
	}
}

func eachProtobuf(file string, r io.Reader, f func(request) error) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return &FileError{File: file, Err: err}
	}
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto(body); err != nil {
		return &FileError{File: file, Err: fmt.Errorf("neither OTLP/JSON nor an OTLP protobuf request: %w", err)}
	}
	return f(request{body: body, where: file})
}

// lineCounter tells on which line an offset lies. Offsets are asked for in ascending order.
type lineCounter struct {
	r       io.Reader
	read    int64
	pending []int64 // offsets of newlines not yet passed
	line    int
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, rest := 0, p[:n]; ; {
		j := bytes.IndexByte(rest, '\n')
		if j < 0 {
			break
		}
		l.pending = append(l.pending, l.read+int64(i+j))
		i += j + 1
		rest = rest[j+1:]
	}
	l.read += int64(n)
	return n, err
}

// at returns the line, from 1, of the byte before offset.
func (l *lineCounter) at(offset int64) int {
	passed := 0
	for passed < len(l.pending) && l.pending[passed] < offset-1 {
		passed++
	}
	l.line += passed
	l.pending = append(l.pending[:0], l.pending[passed:]...)
	return l.line + 1
}
