package sshclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// maxKey bounds a file with a key.
const maxKey = 1 << 20

// keys are what to prove with who we are, and what there is to say of them when the host wants none of them.
type keys struct {
	signers []ssh.Signer
	offered []string
	// locked are files with a key that needs a passphrase, useless the ones that cannot be read for another reason.
	locked, useless []string
	agent           io.Closer
}

func (k *keys) close() {
	if k.agent != nil {
		_ = k.agent.Close()
	}
}

// keys collects them in the order of ssh: keys of the agent that are also named as files, the agent's others, files.
func (s *Settings) keys(ctx context.Context) *keys {
	k := &keys{}
	var held []ssh.Signer
	if s.agent != "" {
		conn, err := dialAgent(ctx, s.agent)
		if err == nil {
			k.agent = conn
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			held, err = agent.NewClient(conn).Signers()
			stop()
		}
		if err != nil {
			k.useless = append(k.useless, "the agent at "+s.agent+" ("+err.Error()+")")
		}
	}
	var files []ssh.Signer
	var fileNames []string
	named := map[int]bool{}
	for _, path := range s.identities {
		public := publicKey(path)
		if i := indexOf(held, public); i >= 0 {
			k.offer(held[i], path+" of the agent")
			named[i] = true
			continue
		}
		signer, err := readKey(path)
		var locked *ssh.PassphraseMissingError
		switch {
		case errors.As(err, &locked):
			if i := indexOf(held, locked.PublicKey); i >= 0 {
				k.offer(held[i], path+" of the agent")
				named[i] = true
				continue
			}
			k.locked = append(k.locked, path)
		case errors.Is(err, os.ErrNotExist) && !s.chosen:
		case err != nil:
			k.useless = append(k.useless, fmt.Sprintf("%s (%s)", path, reason(err)))
		default:
			if i := indexOf(held, signer.PublicKey()); i >= 0 {
				k.offer(held[i], path+" of the agent")
				named[i] = true
				continue
			}
			if certified := certificate(path, signer); certified != nil {
				files, fileNames = append(files, certified), append(fileNames, path+"-cert.pub")
			}
			files, fileNames = append(files, signer), append(fileNames, path)
		}
	}
	if !s.identitiesOnly {
		for i, signer := range held {
			if !named[i] {
				k.offer(signer, ssh.FingerprintSHA256(signer.PublicKey())+" of the agent")
			}
		}
	}
	for i, signer := range files {
		k.offer(signer, fileNames[i])
	}
	return k
}

func (k *keys) offer(signer ssh.Signer, name string) {
	k.signers = append(k.signers, signer)
	k.offered = append(k.offered, name)
}

// refused is the error of a host that wants none of the keys.
func (k *keys) refused(s *Settings) error {
	e := &Error{Problem: fmt.Sprintf("the host refuses the user %s, who offered %s", s.user, list(k.offered, "no key"))}
	switch {
	case len(k.locked) > 0:
		e.Problem += "; " + list(k.locked, "") + " needs a passphrase"
		e.Next = "put the key into an agent (ssh-add " + k.locked[0] + ") whose address is in SSH_AUTH_SOCK"
	case len(k.useless) > 0:
		e.Problem += "; not usable: " + list(k.useless, "")
		e.Next = "mend that, or name another key by ssh_opts = [\"-i\", FILE]"
	case len(k.offered) == 0:
		e.Next = "put a key into an agent (ssh-add), or name its file by ssh_opts = [\"-i\", FILE]"
	default:
		e.Next = "check the user, and that one of these keys is in authorized_keys of that user on the host"
	}
	return e
}

func list(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

func reason(err error) string {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func readKey(path string) (ssh.Signer, error) {
	raw, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(raw)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it is
	}
	return signer, nil
}

// publicKey is the one beside a private key, or in its place where the agent alone has that; nil when there is none.
func publicKey(path string) ssh.PublicKey {
	for _, name := range []string{path + ".pub", path} {
		raw, err := readSmall(name)
		if err != nil {
			continue
		}
		if key, _, _, _, err := ssh.ParseAuthorizedKey(raw); err == nil {
			return key
		}
	}
	return nil
}

// certificate is the key with the certificate beside it, or nil.
func certificate(path string, signer ssh.Signer) ssh.Signer {
	raw, err := readSmall(path + "-cert.pub")
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(raw)
	if err != nil {
		return nil
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil
	}
	certified, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return nil
	}
	return certified
}

func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxKey))
}

func indexOf(signers []ssh.Signer, key ssh.PublicKey) int {
	if key == nil {
		return -1
	}
	for i, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			return i
		}
	}
	return -1
}
