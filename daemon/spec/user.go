//go:build linux

package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// userFileLimit bounds /etc/passwd and /etc/group of an image, which anybody may have written.
const userFileLimit = 16 << 20

// ResolveUser finds "name|uid[:group|gid]" in the files of a mounted root file system. "" is root. Numbers need no
// entry. Errors are errs.ErrInvalid.
func ResolveUser(rootfs, spec string, groups []string) (specs.User, error) {
	passwd, err := openIn(rootfs, "/etc/passwd")
	if err != nil {
		return specs.User{}, err
	}
	defer passwd.Close()
	group, err := openIn(rootfs, "/etc/group")
	if err != nil {
		return specs.User{}, err
	}
	raw, err := io.ReadAll(group)
	_ = group.Close()
	if err != nil {
		return specs.User{}, fmt.Errorf("/etc/group of the image: %w", err)
	}
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, passwd, strings.NewReader(string(raw)))
	if err != nil {
		return specs.User{}, errs.Errorf(errs.ErrInvalid, "%s", userProblem(spec, err)) // clients read it, without its class
	}
	more, err := user.GetAdditionalGroups(groups, strings.NewReader(string(raw)))
	if err != nil {
		return specs.User{}, fmt.Errorf("GroupAdd: %w: %w", err, errs.ErrInvalid)
	}
	u := specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)} //nolint:gosec // the library bounds them
	seen := map[int]bool{}
	for _, gid := range append(append([]int{found.Gid}, found.Sgids...), more...) {
		if !seen[gid] {
			seen[gid] = true
			u.AdditionalGids = append(u.AdditionalGids, uint32(gid)) //nolint:gosec // as above
		}
	}
	return u, nil
}

func userProblem(spec string, err error) string {
	if errors.Is(err, user.ErrNoPasswdEntries) || errors.Is(err, user.ErrNoGroupEntries) {
		return err.Error() // "unable to find user nobody: no matching entries in passwd file"
	}
	return fmt.Sprintf("user %q: %v", spec, err)
}

// openIn opens a file below root, whatever links it passes. A file that is not there is empty.
func openIn(root, path string) (io.ReadCloser, error) {
	handle, err := pathrs.OpenInRoot(root, path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s of the image: %w", path, err)
	}
	defer handle.Close()
	info, err := handle.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s of the image: %w", path, err)
	}
	if !info.Mode().IsRegular() { // a fifo would block, a device do worse
		return nil, fmt.Errorf("%s of the image is no regular file: %w", path, errs.ErrInvalid)
	}
	file, err := pathrs.Reopen(handle, 0)
	if err != nil {
		return nil, fmt.Errorf("%s of the image: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, userFileLimit), file}, nil
}
