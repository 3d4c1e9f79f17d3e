package otlp

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// paths are where OTLP over HTTP is served; one trailing slash is ignored.
var paths = map[string]signal{"/v1/traces": traces, "/v1/metrics": metrics}

// mediaTypes are the content types of OTLP over HTTP.
var mediaTypes = map[string]Encoding{"application/x-protobuf": Protobuf, "application/json": JSON}

func (e Encoding) mediaType() string {
	if e == JSON {
		return "application/json"
	}
	return "application/x-protobuf"
}

// mediaType is the content type of a request without its parameters.
func mediaType(h http.Header) string {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// String is the encoding's metric label.
func (e Encoding) String() string {
	if e == JSON {
		return "json"
	}
	return "protobuf"
}

// serveHTTP answers a request at the HTTP door.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	retire(w, r)
	if s.cors(w, r) {
		return
	}
	// Who did not say what it speaks, such as a person with a browser, is answered in JSON.
	enc, label := JSON, "unknown"
	known, ok := mediaTypes[mediaType(r.Header)]
	if ok {
		enc, label = known, known.String()
	}
	p, err := s.exportHTTP(w, r, enc, ok)
	code := http.StatusOK
	if err == nil {
		s.answerHTTP(w, code, enc, p.marshal(enc))
	} else {
		code = s.refuseHTTP(w, enc, refusalOf(err))
	}
	s.metrics.answered(s.http, label, strconv.Itoa(code), time.Since(start))
}

// exportHTTP checks all that can be told from the header and exports the body. enc means nothing unless
// known.
func (s *Server) exportHTTP(w http.ResponseWriter, r *http.Request, enc Encoding, known bool) (partial, error) {
	sig, ok := paths[strings.TrimSuffix(r.URL.Path, "/")]
	if !ok {
		return partial{}, refuse(codes.NotFound, http.StatusNotFound, "no such path: OTLP over HTTP is taken at POST /v1/traces and POST /v1/metrics")
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return partial{}, refuse(codes.Unimplemented, http.StatusMethodNotAllowed, "method not allowed: use POST")
	}
	if !known {
		return partial{}, unsupported("unsupported Content-Type: use application/x-protobuf or application/json")
	}
	coding, ok := parseCoding(r.Header.Values("Content-Encoding"))
	if !ok {
		return partial{}, unsupported("unsupported Content-Encoding: use one of gzip, zstd, snappy, deflate or identity")
	}
	return s.export(r.Context(), call{
		signal: sig, encoding: enc, coding: coding, body: s.paced(w, r.Body), size: r.ContentLength, door: s.http,
	})
}

func unsupported(message string) *refusal {
	return refuse(codes.InvalidArgument, http.StatusUnsupportedMediaType, "%s", message)
}

// refuseHTTP answers with why the request is refused and returns the status.
func (s *Server) refuseHTTP(w http.ResponseWriter, enc Encoding, r *refusal) int {
	var wait time.Duration
	if r.retry() {
		wait = s.pace.wait(time.Now())
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	s.answerHTTP(w, r.http, enc, marshalStatus(r, wait, enc))
	return r.http
}

func (s *Server) answerHTTP(w http.ResponseWriter, code int, enc Encoding, body []byte) {
	w.Header().Set("Content-Type", enc.mediaType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) // whoever hung up does not read it
}
