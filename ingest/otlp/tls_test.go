package otlp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// authority signs certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool(), pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// issue returns a certificate of 127.0.0.1 and its key in PEM form.
func (a *authority) issue(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tlsFiles writes a certificate signed by a into a directory of its own.
func tlsFiles(t *testing.T, a *authority) TLSConfig {
	t.Helper()
	dir := t.TempDir()
	files := TLSConfig{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
	cert, key := a.issue(t, 2)
	writeFile(t, files.CertFile, cert)
	writeFile(t, files.KeyFile, key)
	return files
}

// over sends one request by HTTP with the given TLS configuration and returns the serial number of the
// server's certificate.
func over(t *testing.T, s *running, config *tls.Config, protocol int) (serial int64, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == 1)
	transport.Protocols.SetHTTP2(protocol == 2)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest("POST", "https://"+s.HTTPAddr().String()+"/v1/traces", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	r, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, err
	}
	r.Body.Close()
	if r.StatusCode != 200 || r.ProtoMajor != protocol {
		t.Errorf("got %s over %s", r.Status, r.Proto)
	}
	return r.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	consumer := &sink{}
	s := start(t, consumer, func(c *Config) { c.TLS = tlsFiles(t, a) })
	for _, protocol := range []int{1, 2} {
		if _, err := over(t, s, &tls.Config{RootCAs: a.pool}, protocol); err != nil {
			t.Error(err)
		}
	}
	if _, err := over(t, s, &tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, 1); err == nil {
		t.Error("TLS 1.1 was let in")
	}
	body, answer := protobufOf(t, request(2)), []byte(nil)
	cc, err := grpc.NewClient("passthrough:///"+s.GRPCAddr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	if err := cc.Invoke(context.Background(), tracesMethod, &body, &answer); err != nil || consumer.count() != 2 {
		t.Errorf("gRPC: %v, %d spans", err, consumer.count())
	}
	err = dial(t, s.GRPCAddr()).Invoke(context.Background(), tracesMethod, &body, &answer)
	if status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: %v", err)
	}
}

func TestClientCertificates(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	s := start(t, &sink{}, func(c *Config) {
		c.TLS = tlsFiles(t, a)
		c.TLS.ClientCAFile = filepath.Join(t.TempDir(), "ca.crt")
		writeFile(t, c.TLS.ClientCAFile, a.pem)
	})
	pair := func(a *authority) tls.Certificate {
		cert, err := tls.X509KeyPair(a.issue(t, 7))
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	if _, err := over(t, s, &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{pair(a)}}, 2); err != nil {
		t.Errorf("a known client: %v", err)
	}
	if _, err := over(t, s, &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{pair(stranger)}}, 2); err == nil {
		t.Error("a stranger was let in")
	}
	if _, err := over(t, s, &tls.Config{RootCAs: a.pool}, 1); err == nil {
		t.Error("a client without a certificate was let in")
	}
}

// A certificate that changes on disk is used from the next connection on; one that cannot be used is not,
// and the log says so once.
func TestCertificateRotation(t *testing.T) {
	a := newAuthority(t)
	files := tlsFiles(t, a)
	s := start(t, &sink{}, func(c *Config) { c.TLS = files })
	serial := func() int64 {
		t.Helper()
		n, err := over(t, s, &tls.Config{RootCAs: a.pool}, 2)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := serial(); n != 2 {
		t.Fatalf("serial number %d", n)
	}
	cert, key := a.issue(t, 3)
	writeFile(t, files.CertFile, append(cert, '\n')) // another size, so that the change shows whatever the clock's grain
	if n := serial(); n != 2 {
		t.Errorf("serial number %d while the key is still the old one", n)
	}
	serial()
	if n := strings.Count(s.logs.String(), "changed certificate not used"); n != 1 {
		t.Errorf("logged %d times: %s", n, s.logs)
	}
	writeFile(t, files.KeyFile, append(key, '\n'))
	if n := serial(); n != 3 {
		t.Errorf("serial number %d after the change", n)
	}
	if err := os.Remove(files.CertFile); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 3 {
		t.Errorf("serial number %d after the file is gone", n)
	}
}

func TestTLSMistakes(t *testing.T) {
	a := newAuthority(t)
	good := tlsFiles(t, a)
	notPEM := filepath.Join(t.TempDir(), "ca.crt")
	writeFile(t, notPEM, []byte("not a certificate"))
	tests := map[string]struct {
		files TLSConfig
		want  string
	}{
		"no key":         {TLSConfig{CertFile: good.CertFile}, "must be set together"},
		"no such file":   {TLSConfig{CertFile: good.CertFile, KeyFile: "nowhere.key"}, "load certificate"},
		"no client CA":   {TLSConfig{CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: "nowhere.crt"}, "load client CA"},
		"CA without one": {TLSConfig{CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: notPEM}, "holds no certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.TLS = tt.files
			if _, err := New(c, &sink{}, slog.Default(), prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
