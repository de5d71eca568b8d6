package acctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"time"
)

// keyPair is a key with its certificate.
type keyPair struct {
	key *ecdsa.PrivateKey
	der []byte
}

// newKeyPair makes a certificate for an address or any other name, signed by a parent or, with none, by itself: then it may
// sign others.
func newKeyPair(name string, parent *keyPair) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	signer, signing := template, key
	if parent == nil {
		template.IsCA, template.KeyUsage = true, template.KeyUsage|x509.KeyUsageCertSign
	} else if signer, err = x509.ParseCertificate(parent.der); err != nil {
		return nil, err
	} else {
		signing = parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signing)
	if err != nil {
		return nil, err
	}
	return &keyPair{key: key, der: der}, nil
}

// certificate is the certificate as PEM text.
func (k *keyPair) certificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.der}))
}

// write puts certificate and key into a directory.
func (k *keyPair) write(dir workdir, name string) (certificate, key string, err error) {
	if certificate, err = dir.write(name+".crt", k.certificate()); err != nil {
		return "", "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return "", "", err
	}
	key, err = dir.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return certificate, key, err
}

// trusting returns a client that believes this authority alone.
func trusting(authority string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
}

// NewAuthority returns the PEM text of a certificate authority that signed nothing.
func NewAuthority() (string, error) {
	k, err := newKeyPair("authority of nobody", nil)
	if err != nil {
		return "", err
	}
	return k.certificate(), nil
}
