//go:build linux

package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestBind(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	at := func(name string, flags uintptr) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(path, 0o700), unix.Mount(path, path, "", unix.MS_BIND, ""), unix.Mount("", path, "", flags, "")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		if err := os.Mkdir(filepath.Join(path, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shared, private := at("shared", unix.MS_SHARED), at("private", unix.MS_PRIVATE)
	for _, c := range []struct{ source, option, want string }{
		{shared, "rshared", ""}, {shared + "/sub", "shared", ""}, {shared, "rslave", ""}, {private, "rprivate", ""}, {private, "private", ""},
		{private, "rshared", "path " + private + " is mounted on " + private + " but it is not a shared mount"},
		{private + "/sub", "rslave", "path " + private + "/sub is mounted on " + private + " but it is not a shared or slave mount"},
	} {
		_, err := (&Kernel{}).Bind(specs.Mount{Source: c.source, Options: []string{"rbind", c.option}})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %s: %v", c.source, c.option, err)
		case c.want != "" && (!errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%s %s: %v, want %s", c.source, c.option, err, c.want)
		}
	}
}

func TestRecursiveReadOnly(t *testing.T) {
	t.Parallel()
	in := specs.Mount{Source: "/", Options: []string{"rbind", RecursiveReadOnly, "rprivate"}}
	for can, want := range map[bool][]string{true: {"rbind", "rro", "rprivate"}, false: {"rbind", "ro", "rprivate"}} {
		out, err := (&Kernel{RecursiveReadOnly: can}).Bind(in)
		if diff := cmp.Diff(want, out.Options); diff != "" || err != nil {
			t.Error(can, diff, err)
		}
	}
	if diff := cmp.Diff([]string{"rbind", "rro", "rprivate"}, in.Options); diff != "" {
		t.Errorf("what was handed in has changed: %s", diff)
	}
}
