package otlp

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"time"
)

// Config is the setting of the OTLP doors.
type Config struct {
	GRPCAddr    string       `yaml:"grpc_addr"`    // host:port of OTLP over gRPC
	HTTPAddr    string       `yaml:"http_addr"`    // host:port of OTLP over HTTP
	TLS         TLSConfig    `yaml:"tls"`          // both doors; plain text when empty
	CORSOrigins []string     `yaml:"cors_origins"` // pages that browsers may send from, as scheme://host[:port], or "*"; none by default
	Limits      Limits       `yaml:"limits"`
	Decode      DecodeConfig `yaml:"decode"`
}

// TLSConfig names the files of a certificate. They are read again when they change.
type TLSConfig struct {
	CertFile     string `yaml:"cert_file"`      // PEM, leaf first
	KeyFile      string `yaml:"key_file"`       // PEM
	ClientCAFile string `yaml:"client_ca_file"` // PEM; when set, only clients with a certificate signed by it are let in
}

// Limits bound what the doors take on, whoever sends.
type Limits struct {
	BodyBytes     int64 `yaml:"body_bytes"`      // one body, on the wire and again after decompression
	InFlightBytes int64 `yaml:"in_flight_bytes"` // memory of all requests being read and decoded, in which a body counts 7 times; 0 is a quarter of the memory limit, or 512 MiB without one
	HeaderBytes   int   `yaml:"header_bytes"`    // the header of one request
	Connections   int   `yaml:"connections"`     // open at once on each door; more wait to be accepted
	Streams       int   `yaml:"streams"`         // requests at once on one HTTP/2 connection

	HeaderTime time.Duration `yaml:"header_time"` // from the first byte of a request to the end of its header
	BodyTime   time.Duration `yaml:"body_time"`   // for a whole body
	BodyRate   int64         `yaml:"body_rate"`   // bytes per second that a body must average
	BodyStall  time.Duration `yaml:"body_stall"`  // how long a body may lag behind body_rate
	AnswerTime time.Duration `yaml:"answer_time"` // from the end of the body to the answer
	IdleTime   time.Duration `yaml:"idle_time"`   // between the requests of a connection
	DrainTime  time.Duration `yaml:"drain_time"`  // for requests in progress at shutdown

	ConnectionAge   time.Duration `yaml:"connection_age"`   // then a client is asked to connect anew, and so spreads over replicas
	ConnectionGrace time.Duration `yaml:"connection_grace"` // after connection_age, until the connection is cut
}

// DefaultConfig returns the defaults: plain text on the ports that OTLP is known for.
func DefaultConfig() Config {
	return Config{
		GRPCAddr: ":4317",
		HTTPAddr: ":4318",
		Limits: Limits{
			BodyBytes:   64 << 20,
			HeaderBytes: 32 << 10,
			Connections: 10_000,
			Streams:     1_000,

			HeaderTime: 5 * time.Second,
			BodyTime:   30 * time.Second,
			BodyRate:   1 << 10,
			BodyStall:  5 * time.Second,
			AnswerTime: 4 * time.Second, // common exporters give up after 5 s and send again
			IdleTime:   120 * time.Second,
			DrainTime:  10 * time.Second,

			ConnectionAge:   5 * time.Minute,
			ConnectionGrace: 30 * time.Second,
		},
		Decode: DefaultDecodeConfig(),
	}
}

// Validate reports every mistake in c.
func (c Config) Validate() error {
	var errs []error
	for _, a := range []struct{ key, addr string }{{"grpc_addr", c.GRPCAddr}, {"http_addr", c.HTTPAddr}} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			errs = append(errs, fmt.Errorf("%s must be host:port, such as :4317: %w", a.key, err))
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("tls.cert_file and tls.key_file must be set together"))
	}
	if c.TLS.ClientCAFile != "" && c.TLS.CertFile == "" {
		errs = append(errs, errors.New("tls.client_ca_file needs tls.cert_file and tls.key_file"))
	}
	for _, o := range c.CORSOrigins {
		_, host, ok := strings.Cut(o, "://")
		if o != "*" && (!ok || host == "" || strings.ContainsAny(host, "/*")) {
			errs = append(errs, fmt.Errorf("cors_origins: %q must be scheme://host[:port] without a path, or *", o))
		}
	}
	return errors.Join(append(errs, c.Limits.validate(), c.Decode.Validate())...)
}

func (l Limits) validate() error {
	var errs []error
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"body_bytes", l.BodyBytes}, {"header_bytes", int64(l.HeaderBytes)}, {"connections", int64(l.Connections)},
		{"streams", int64(l.Streams)}, {"header_time", int64(l.HeaderTime)}, {"body_time", int64(l.BodyTime)},
		{"body_rate", l.BodyRate}, {"body_stall", int64(l.BodyStall)}, {"answer_time", int64(l.AnswerTime)},
		{"idle_time", int64(l.IdleTime)}, {"drain_time", int64(l.DrainTime)},
		{"connection_age", int64(l.ConnectionAge)}, {"connection_grace", int64(l.ConnectionGrace)},
	} {
		if n.value <= 0 {
			errs = append(errs, fmt.Errorf("limits.%s must be positive", n.key))
		}
	}
	if l.InFlightBytes < 0 {
		errs = append(errs, errors.New("limits.in_flight_bytes must not be negative"))
	}
	return errors.Join(errs...)
}

// budgetWithoutLimit is the byte budget where neither the configuration nor the memory limit gives one.
const budgetWithoutLimit = 512 << 20

// inFlight is the byte budget of all requests being read and decoded.
func (l Limits) inFlight() int64 {
	if l.InFlightBytes > 0 {
		return l.InFlightBytes
	}
	const unlimited = 1 << 62 // the runtime reports "no limit" as the largest int64
	if limit := debug.SetMemoryLimit(-1); limit < unlimited {
		return limit / 4
	}
	return budgetWithoutLimit
}
