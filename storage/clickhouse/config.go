package clickhouse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"faultline/graph"
)

// Config says where the database is and how long it keeps what.
type Config struct {
	Addr         []string      `yaml:"addr"`     // host:port of the native protocol; the first that answers is used
	Database     string        `yaml:"database"` // made when it is not there
	User         string        `yaml:"user"`     // who may create tables in the database and read and write them
	Password     string        `yaml:"password"` // of the user
	TLS          TLS           `yaml:"tls"`
	DialTimeout  time.Duration `yaml:"dial_timeout"`  // to open a connection
	WriteTimeout time.Duration `yaml:"write_timeout"` // one insert
	ReadTimeout  time.Duration `yaml:"read_timeout"`  // one question; the server stops working on it then, too
	MaxConns     int           `yaml:"max_conns"`     // connections open at once
	Retention    Retention     `yaml:"retention"`
}

// TLS is how to speak to a server that expects TLS.
type TLS struct {
	Enabled            bool   `yaml:"enabled"`              // whether the server expects TLS
	CAFile             string `yaml:"ca_file"`              // PEM; "" for the system's
	CertFile           string `yaml:"cert_file"`            // PEM, with key_file: the client's own certificate
	KeyFile            string `yaml:"key_file"`             // PEM, with cert_file
	ServerName         string `yaml:"server_name"`          // "" for the host of the address
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"` // take any certificate: for tests only
}

// Retention is how long buckets of each length are kept. A window that begins before the fine buckets do
// is answered from longer ones.
type Retention struct {
	Fine   time.Duration `yaml:"fine"`   // buckets of 10 s
	Minute time.Duration `yaml:"minute"` // buckets of 1 min
	Hour   time.Duration `yaml:"hour"`   // buckets of 1 h and 6 h, and nodes
	Traces time.Duration `yaml:"traces"` // traces kept as evidence
}

// DefaultConfig is a server on this machine that needs no password.
func DefaultConfig() Config {
	return Config{
		Addr:         []string{"127.0.0.1:9000"},
		Database:     "faultline",
		User:         "default",
		DialTimeout:  3 * time.Second,
		WriteTimeout: 30 * time.Second,
		ReadTimeout:  15 * time.Second,
		MaxConns:     16,
		Retention:    Retention{Fine: 48 * time.Hour, Minute: 14 * 24 * time.Hour, Hour: 400 * 24 * time.Hour, Traces: 72 * time.Hour},
	}
}

// identifier is what a database may be called: its name becomes part of statements.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Validate reports every mistake at once.
func (c Config) Validate() error {
	var errs []error
	require := func(ok bool, message string) {
		if !ok {
			errs = append(errs, errors.New(message))
		}
	}
	require(len(c.Addr) > 0, "clickhouse.addr must name at least one host:port")
	require(identifier.MatchString(c.Database), "clickhouse.database must be letters, digits and _, not beginning with a digit")
	require(c.User != "", "clickhouse.user must not be empty")
	require(c.DialTimeout > 0, "clickhouse.dial_timeout must be positive")
	require(c.WriteTimeout >= time.Second, "clickhouse.write_timeout must be at least 1s")
	require(c.ReadTimeout >= time.Second, "clickhouse.read_timeout must be at least 1s")
	require(c.MaxConns > 0, "clickhouse.max_conns must be positive")
	require((c.TLS.CertFile == "") == (c.TLS.KeyFile == ""), "clickhouse.tls.cert_file and key_file must be given together")
	r := c.Retention
	require(r.Fine >= time.Hour, "clickhouse.retention.fine must be at least 1h: shorter windows are read from it")
	require(r.Fine <= r.Minute && r.Minute <= r.Hour, "clickhouse.retention: fine must not exceed minute, nor minute exceed hour")
	require(r.Fine%graph.Step == 0 && r.Minute%time.Minute == 0 && r.Hour%time.Hour == 0,
		"clickhouse.retention: fine, minute and hour must be multiples of 10s, 1m and 1h")
	require(r.Traces >= time.Hour, "clickhouse.retention.traces must be at least 1h: the analysis points to traces of its last window")
	return errors.Join(errs...)
}

// load makes the TLS configuration of the client, nil when TLS is off.
func (t TLS) load() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read clickhouse.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("clickhouse.tls.ca_file %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load clickhouse.tls.cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}
