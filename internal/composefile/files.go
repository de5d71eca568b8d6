package composefile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	secretsDir = "/run/secrets"
	configsDir = "/"
)

// File is a config or secret as a container of a service sees it.
type File struct {
	// Target is its path in the container.
	Target string
	// Source is the file of the host that is mounted there; "" when Content is to be put into the container.
	Source   string
	Content  string
	Mode     int64
	UID, GID int
}

// Files are the configs and secrets of a service. The error names the key at fault: content cannot be put into a container
// that is read-only.
func Files(p *types.Project, s types.ServiceConfig) ([]File, error) {
	var all []File
	for i, c := range s.Configs {
		f, err := file(p, types.FileReferenceConfig(c), types.FileObjectConfig(p.Configs[c.Source]), configsDir)
		if err == nil && s.ReadOnly && f.Source == "" {
			err = errReadOnly
		}
		if err != nil {
			return nil, fmt.Errorf("services.%s.configs[%d]: config %q: %w", s.Name, i, c.Source, err)
		}
		all = append(all, f)
	}
	for i, c := range s.Secrets {
		f, err := file(p, types.FileReferenceConfig(c), types.FileObjectConfig(p.Secrets[c.Source]), secretsDir)
		if err == nil && s.ReadOnly && f.Source == "" {
			err = errReadOnly
		}
		if err != nil {
			return nil, fmt.Errorf("services.%s.secrets[%d]: secret %q: %w", s.Name, i, c.Source, err)
		}
		all = append(all, f)
	}
	return all, nil
}

var errReadOnly = errs.Errorf(errs.ErrInvalid, "the service is read_only, and its containers can only be given what is in a file: use file")

func file(p *types.Project, ref types.FileReferenceConfig, object types.FileObjectConfig, dir string) (File, error) {
	f := File{Target: ref.Target, Mode: 0o444}
	if f.Target == "" {
		f.Target = ref.Source
	}
	if !path.IsAbs(f.Target) {
		f.Target = path.Join(dir, f.Target)
	}
	var err error
	if f.UID, err = owner(ref.UID); err != nil {
		return f, fmt.Errorf("uid: %w", err)
	}
	if f.GID, err = owner(ref.GID); err != nil {
		return f, fmt.Errorf("gid: %w", err)
	}
	if ref.Mode != nil {
		f.Mode = int64(*ref.Mode)
	}
	switch {
	case object.File != "":
		f.Source = object.File
	case object.Content != "":
		f.Content = object.Content
	case object.Environment != "":
		value, set := p.Environment[object.Environment]
		if !set {
			return f, errs.Errorf(errs.ErrInvalid, "environment variable %q is not set", object.Environment)
		}
		f.Content = value
	}
	return f, nil
}

func owner(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, errs.Errorf(errs.ErrInvalid, "%q is not a number", s)
	}
	return n, nil
}

// contentHash is a hash of what is put into the containers of a service, "" when nothing is. It begins with the service's
// own hash, so that equal contents of two services do not look equal.
func contentHash(service string, files []File) string {
	h := sha256.New()
	any := false
	fmt.Fprintf(h, "%s\n", service)
	for _, f := range files {
		if f.Source == "" {
			any = true
			fmt.Fprintf(h, "%q %o %d %d %d\n%s", f.Target, f.Mode, f.UID, f.GID, len(f.Content), f.Content)
		}
	}
	if !any {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}
