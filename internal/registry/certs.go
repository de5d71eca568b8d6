package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// Authority is who vouches for a registry's certificate.
type Authority struct {
	// File is the path of PEM text, read when the registry is first asked; Material is that text itself.
	File, Material string
}

// read returns the PEM text.
func (a Authority) read() ([]byte, error) {
	if a.File == "" {
		return []byte(a.Material), nil
	}
	return os.ReadFile(a.File)
}

// tls reads the certificates there are for a host.
func (c *Client) tls(host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, base := range c.config.CertsDirs {
		dir := filepath.Join(base, filepath.Base(host))
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("certificates of registry %s: %w", host, err)
		}
		for _, entry := range entries {
			if err := addCertificate(config, dir, entry.Name()); err != nil {
				return nil, fmt.Errorf("certificates of registry %s: %w", host, err)
			}
		}
	}
	name := strings.ToLower(host)
	if name == hubHost {
		name = hubName
	}
	if authority, ok := c.config.Authorities[name]; ok {
		pem, err := authority.read()
		if err == nil {
			err = addAuthority(config, pem, "the authority given")
		}
		if err != nil {
			return nil, fmt.Errorf("certificate authority of registry %s: %w: %w", name, err, errs.ErrInvalid)
		}
	}
	return config, nil
}

func addCertificate(config *tls.Config, dir, name string) error {
	path := filepath.Join(dir, name)
	stem, extension, _ := strings.Cut(name, ".")
	switch extension {
	case "crt":
		pem, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return addAuthority(config, pem, path)
	case "cert":
		pair, err := tls.LoadX509KeyPair(path, filepath.Join(dir, stem+".key"))
		if err != nil {
			return err
		}
		config.Certificates = append(config.Certificates, pair)
	}
	return nil
}

// addAuthority adds PEM text to what the machine trusts. from says whose text it is.
func addAuthority(config *tls.Config, pem []byte, from string) error {
	if config.RootCAs == nil {
		var err error
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			return err
		}
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s has no certificate", from)
	}
	return nil
}
