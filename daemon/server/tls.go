package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles are the PEM files of TLS on TCP sockets.
type TLSFiles struct {
	// Cert and Key are the daemon's own; both or none.
	Cert, Key string
	// CA signs the clients that may connect. Needed with Verify.
	CA string
	// Verify demands a certificate of every client.
	Verify bool
}

// TLS returns the configuration for the files, nil when none are given and Verify is off. It is TLS 1.2 or later.
func TLS(files TLSFiles) (*tls.Config, error) {
	if files == (TLSFiles{}) {
		return nil, nil //nolint:nilnil // no TLS is a valid answer
	}
	if files.Cert == "" || files.Key == "" {
		return nil, errors.New("TLS needs both --tlscert and --tlskey")
	}
	if files.Verify && files.CA == "" {
		return nil, errors.New("--tlsverify needs --tlscacert: the authority that signs the clients' certificates")
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", files.Cert, files.Key, err)
	}
	cfg := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
	if files.CA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(files.CA)
	if err != nil {
		return nil, fmt.Errorf("TLS authority: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("TLS authority %s: no PEM certificate in it", files.CA)
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	if files.Verify {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}
