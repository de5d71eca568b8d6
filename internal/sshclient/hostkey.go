package sshclient

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// known is what the files of known hosts say of a host.
type known struct {
	check ssh.HostKeyCallback
	// lookup is the name the host has in the files, with its port.
	lookup string
	s      *Settings
}

// hostKeys reads the files of known hosts, those that exist.
func (s *Settings) hostKeys() (*known, error) {
	files := slices.Concat(s.knownHosts, s.systemHosts)
	files = slices.DeleteFunc(files, func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.Mode().IsRegular()
	})
	check, err := knownhosts.New(files...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
	}
	lookup := net.JoinHostPort(strings.ToLower(s.address), s.port)
	if s.hostKeyAlias != "" {
		lookup = net.JoinHostPort(s.hostKeyAlias, defaultPort)
	}
	return &known{check: check, lookup: lookup, s: s}, nil
}

// algorithms are the kinds of key to ask the host for: those of the keys that are known come first, since a host has
// several and shows one. nil leaves the order to the library.
func (k *known) algorithms() []string {
	var wrong *knownhosts.KeyError
	if err := k.check(k.lookup, anywhere, noKey{}); !errors.As(err, &wrong) || len(wrong.Want) == 0 {
		return nil
	}
	all := ssh.SupportedAlgorithms().HostKeys
	var first []string
	for _, algorithm := range all {
		plain := strings.TrimSuffix(algorithm, "-cert-v01@openssh.com")
		if strings.HasPrefix(plain, "rsa-sha2-") {
			plain = ssh.KeyAlgoRSA
		}
		certificate := strings.Contains(algorithm, "-cert-")
		if !certificate && slices.ContainsFunc(wrong.Want, func(w knownhosts.KnownKey) bool { return w.Key.Type() == plain }) {
			first = append(first, algorithm)
		}
	}
	// A key that a line of @cert-authority has stands for the certificates it signed, of every kind.
	for _, algorithm := range all {
		if !slices.Contains(first, algorithm) {
			first = append(first, algorithm)
		}
	}
	return first
}

// verify is the callback of a handshake.
func (k *known) verify(_ string, remote net.Addr, key ssh.PublicKey) error {
	err := k.check(k.lookup, remote, key)
	var wrong *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	host := knownhosts.Normalize(k.lookup)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return &Error{
			Problem: fmt.Sprintf("the key of %s is revoked by %s line %d", host, revoked.Revoked.Filename, revoked.Revoked.Line),
			Next:    "the host needs a new key",
		}
	case !errors.As(err, &wrong):
		return &Error{Problem: "the key of " + host + " is not accepted: " + err.Error(), Next: "look at the host's certificate and @cert-authority in known_hosts"}
	case len(wrong.Want) > 0 && k.s.strict != "no":
		return k.changed(host, key, wrong)
	case len(wrong.Want) > 0:
		return nil // as ssh with StrictHostKeyChecking=no, where nothing is sent that a password could be
	case k.s.strict == "yes":
		return k.unknown(host, key)
	}
	return k.remember(key)
}

func (k *known) unknown(host string, key ssh.PublicKey) error {
	line := knownhosts.Line([]string{k.lookup}, key)
	e := &Error{Problem: fmt.Sprintf("the key of %s is not known: %s with fingerprint %s", host, key.Type(), ssh.FingerprintSHA256(key))}
	if len(k.s.knownHosts) == 0 {
		e.Next = "name a file with its key by UserKnownHostsFile in ssh_opts"
		return e
	}
	e.Next = fmt.Sprintf("when that is the host's (on it: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), add this line to %s: %s", k.s.knownHosts[0], line)
	return e
}

func (k *known) changed(host string, key ssh.PublicKey, wrong *knownhosts.KeyError) error {
	var have []string
	for _, w := range wrong.Want {
		have = append(have, fmt.Sprintf("%s in %s line %d", ssh.FingerprintSHA256(w.Key), w.Filename, w.Line))
	}
	return &Error{
		Problem: fmt.Sprintf("the key of %s has changed, or this is another host: %s %s, known is %s", host, key.Type(), ssh.FingerprintSHA256(key), strings.Join(have, ", ")),
		Next:    fmt.Sprintf("find out why; when it is right: ssh-keygen -R %s", strconv.Quote(host)),
	}
}

// remember adds a key that is taken on trust. That it cannot be written does not hold anybody up, as with ssh.
func (k *known) remember(key ssh.PublicKey) error {
	if len(k.s.knownHosts) == 0 {
		return nil
	}
	path := k.s.knownHosts[0]
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil // /dev/null
	}
	name := k.lookup
	if k.s.hashed {
		name = knownhosts.HashHostname(knownhosts.Normalize(name))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil //nolint:nilerr // see above
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	line := knownhosts.Line([]string{name}, key) + "\n"
	last := make([]byte, 1)
	if info, err := file.Stat(); err == nil && info.Size() > 0 {
		if _, err := file.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, _ = file.WriteString(line)
	_ = file.Close()
	return nil
}

// anywhere is the address for a question about a name alone.
var anywhere = &net.TCPAddr{IP: net.IPv4zero}

// noKey is a key no host has: asking for it tells which ones are known.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
