package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	mostAttempts = 12
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// countJSON counts the spans of a request in JSON.
func countJSON(body []byte) (n int, err error) {
	var req struct {
		ResourceSpans *[]struct {
			ScopeSpans []struct {
				Spans []json.RawMessage `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, fmt.Errorf("not an OTLP trace request: %w", err)
	}
	if req.ResourceSpans == nil {
		return 0, errors.New("an object without resourceSpans; expected an OTLP trace request")
	}
	for _, rs := range *req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			n += len(ss.Spans)
		}
	}
	return n, nil
}

// answer is what the server said of a request that it took.
type answer struct {
	rejected int64
	message  string
}

// sender posts requests to an OTLP/HTTP endpoint.
type sender struct {
	url    string
	client *http.Client
}

func newSender(endpoint string, connections int) *sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = connections
	transport.MaxConnsPerHost = connections
	url := strings.TrimSuffix(endpoint, "/")
	if !strings.HasSuffix(url, "/v1/traces") {
		url += "/v1/traces"
	}
	return &sender{url: url, client: &http.Client{Transport: transport, Timeout: 60 * time.Second}}
}

// send posts a body, again and again with pauses while the server asks for that or cannot be reached.
func (s *sender) send(ctx context.Context, body []byte, isJSON bool) (answer, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		a, wait, err := s.post(ctx, body, isJSON)
		var again *retryError
		if err == nil || !errors.As(err, &again) || attempt == mostAttempts {
			return a, err
		}
		pause = min(2*pause, longestPause)
		wait = max(wait, pause/2+rand.N(pause/2))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

// retryError is a failure that may pass.
type retryError struct{ err error }

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func (s *sender) post(ctx context.Context, body []byte, isJSON bool) (a answer, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return a, 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return a, 0, ctx.Err()
		}
		return a, 0, &retryError{err}
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return a, 0, &retryError{err}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		a, err = readAnswer(said, isJSON)
		return a, 0, err
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if secs, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			wait = time.Duration(secs) * time.Second
		}
		return a, wait, &retryError{fmt.Errorf("%s still answers %s", s.url, resp.Status)}
	default:
		return a, 0, fmt.Errorf("%s answers %s: %s", s.url, resp.Status, reason(said, isJSON))
	}
}

func readAnswer(said []byte, isJSON bool) (answer, error) {
	r := ptraceotlp.NewExportResponse()
	read := r.UnmarshalProto
	if isJSON {
		read = r.UnmarshalJSON
	}
	if len(said) > 0 {
		if err := read(said); err != nil {
			return answer{}, fmt.Errorf("the answer is not OTLP: %w", err)
		}
	}
	return answer{r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage()}, nil
}

// reason is the message of a google.rpc.Status, or the body as it is.
func reason(said []byte, isJSON bool) string {
	var status struct {
		Message string `json:"message"`
	}
	if isJSON && json.Unmarshal(said, &status) == nil && status.Message != "" {
		return status.Message
	}
	return strconv.QuoteToASCII(string(said[:min(len(said), 300)]))
}
