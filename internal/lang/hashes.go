package lang

import (
	"crypto/md5" //nolint:gosec // the language has it
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the language has it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net"

	"golang.org/x/crypto/ssh"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// digest is one hash and how its result is written.
type digest struct {
	name   string
	hash   func() hash.Hash
	encode func([]byte) string
}

func digests() []digest {
	return []digest{
		{"md5", md5.New, hex.EncodeToString},
		{"sha1", sha1.New, hex.EncodeToString},
		{"sha256", sha256.New, hex.EncodeToString},
		{"sha512", sha512.New, hex.EncodeToString},
		{"base64sha256", sha256.New, base64.StdEncoding.EncodeToString},
		{"base64sha512", sha512.New, base64.StdEncoding.EncodeToString},
	}
}

func (d digest) sum(content []byte) cty.Value {
	h := d.hash()
	h.Write(content)
	return cty.StringVal(d.encode(h.Sum(nil)))
}

// hashes are the hash functions of strings.
func hashes() map[string]function.Function {
	all := map[string]function.Function{}
	for _, d := range digests() {
		all[d.name] = text(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
			return d.sum([]byte(args[0])), nil
		})
	}
	return all
}

// rsaDecryptFunc decrypts with a private key in PEM (PKCS #1, PKCS #8 or OpenSSH). Errors name neither.
var rsaDecryptFunc = text(cty.String, []string{"ciphertext", "privatekey"}, func(args []string) (cty.Value, error) {
	raw, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the ciphertext is not base64")
	}
	parsed, err := ssh.ParseRawPrivateKey([]byte(args[1]))
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "the private key is not an unencrypted key in PEM")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return cty.NilVal, function.NewArgErrorf(1, "the private key is %T, want an RSA key", parsed)
	}
	//lint:ignore SA1019 the language defines PKCS #1 v1.5
	out, err := rsa.DecryptPKCS1v15(nil, key, raw)
	if err != nil {
		return cty.NilVal, errors.New("decryption error: the ciphertext was not made for this key")
	}
	return cty.StringVal(string(out)), nil
})

// cidrNetmaskFunc is the mask of an IPv4 prefix in dotted form.
var cidrNetmaskFunc = text(cty.String, []string{"prefix"}, func(args []string) (cty.Value, error) {
	_, network, err := net.ParseCIDR(args[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, fmt.Errorf("invalid CIDR expression: %w", err))
	}
	if network.IP.To4() == nil {
		return cty.NilVal, function.NewArgErrorf(0, "IPv6 addresses cannot have a netmask: %s", args[0])
	}
	return cty.StringVal(net.IP(network.Mask).String()), nil
})
