package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	moby "github.com/moby/moby/client"
)

// tlsSource is the material of a TLS connection before it is checked.
type tlsSource struct {
	// on says that the connection is TLS, with or without material.
	on bool
	// attribute the material came from, for messages.
	attribute     string
	ca, cert, key []byte
	skipVerify    bool
}

// chooseTLS applies the order: material, directory, context, environment.
func chooseTLS(cfg Config, fromContext *tlsSource) (tlsSource, error) {
	switch {
	case cfg.CAMaterial != "" || cfg.CertMaterial != "" || cfg.KeyMaterial != "":
		return tlsFromMaterial(cfg)
	case cfg.CertPath != "":
		return tlsFromDir("cert_path", cfg.CertPath, false)
	case fromContext != nil:
		return *fromContext, nil
	}
	verify := os.Getenv(moby.EnvTLSVerify) != ""
	if dir := os.Getenv(moby.EnvOverrideCertPath); dir != "" {
		return tlsFromDir(moby.EnvOverrideCertPath, dir, !verify)
	}
	if verify { // docker's own default directory
		return tlsFromDir(moby.EnvTLSVerify, configDir(), false)
	}
	return tlsSource{}, nil
}

func tlsFromMaterial(cfg Config) (tlsSource, error) {
	source := tlsSource{on: true, attribute: "cert_material"}
	for _, part := range []struct {
		attribute, value string
		to               *[]byte
	}{
		{"ca_material", cfg.CAMaterial, &source.ca},
		{"cert_material", cfg.CertMaterial, &source.cert},
		{"key_material", cfg.KeyMaterial, &source.key},
	} {
		switch {
		case part.value == "":
		case strings.Contains(part.value, "-----BEGIN"):
			*part.to = []byte(part.value)
		case len(part.value) > 4096 || strings.Contains(part.value, "\n"):
			// Too long for a path: it is meant to be PEM. It may be a key, so it is not shown.
			return source, invalid(part.attribute, "neither PEM text nor the path of a PEM file")
		default:
			pem, err := os.ReadFile(part.value)
			if err != nil {
				return source, invalid(part.attribute, "neither PEM text nor the path of a readable PEM file: %w", cause(err))
			}
			*part.to = pem
		}
	}
	return source, nil
}

// tlsFromDir reads a directory as docker lays it out. cert.pem and key.pem may both be missing.
func tlsFromDir(attribute, dir string, skipVerify bool) (tlsSource, error) {
	source := tlsSource{on: true, attribute: attribute, skipVerify: skipVerify}
	if info, err := os.Stat(dir); err != nil {
		return source, invalid(attribute, "directory %s: %w", dir, cause(err))
	} else if !info.IsDir() {
		return source, invalid(attribute, "%s is not a directory; want one with ca.pem, cert.pem and key.pem", dir)
	}
	for _, part := range []struct {
		name     string
		to       *[]byte
		optional bool
	}{{"ca.pem", &source.ca, skipVerify}, {"cert.pem", &source.cert, true}, {"key.pem", &source.key, true}} {
		pem, err := os.ReadFile(filepath.Join(dir, part.name))
		if err != nil && (!part.optional || !errors.Is(err, fs.ErrNotExist)) {
			return source, invalid(attribute, "%s: %w", filepath.Join(dir, part.name), cause(err))
		}
		*part.to = pem
	}
	return source, nil
}

// cause drops the path of a file error, which may be key material given in the wrong attribute, and is said already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// config checks the material. It is nil when the connection is plain.
func (s *tlsSource) config(serverName string) (*tls.Config, error) {
	if !s.on {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	// Asked for by the environment or the context, as docker does without DOCKER_TLS_VERIFY.
	config.InsecureSkipVerify = s.skipVerify
	if len(s.ca) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(s.ca) {
			return nil, invalid(s.attribute, "the CA is not a PEM certificate")
		}
	}
	if (len(s.cert) > 0) != (len(s.key) > 0) {
		return nil, invalid(s.attribute, "a client certificate needs both certificate and key")
	}
	if len(s.cert) > 0 {
		pair, err := tls.X509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, invalid(s.attribute, "client certificate and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
