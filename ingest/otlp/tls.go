package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates is the TLS configuration of files that may change while it is used.
type certificates struct {
	files TLSConfig
	log   *slog.Logger

	mu     sync.Mutex
	stamps [3]stamp
	config *tls.Config
}

// stamp tells one content of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

func loadCertificates(files TLSConfig, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log, stamps: stampsOf(files)}
	var err error
	c.config, err = files.load()
	return c, err
}

// forClient returns the configuration for one handshake. The files are looked at each time, which costs
// little beside a handshake. Files that cannot be used leave the old certificate in place.
func (c *certificates) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	stamps := stampsOf(c.files)
	c.mu.Lock()
	defer c.mu.Unlock()
	if stamps != c.stamps {
		c.stamps = stamps
		if config, err := c.files.load(); err != nil {
			c.log.Warn("changed certificate not used, keeping the old one", "err", err)
		} else {
			c.config = config
			c.log.Info("certificate read again", "file", c.files.CertFile)
		}
	}
	return c.config, nil
}

func stampsOf(files TLSConfig) (s [3]stamp) {
	for i, name := range []string{files.CertFile, files.KeyFile, files.ClientCAFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

func (f TLSConfig) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{cert},
	}
	if f.ClientCAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("load client CA: %w", err)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("load client CA: " + f.ClientCAFile + " holds no certificate in PEM form")
	}
	return config, nil
}
