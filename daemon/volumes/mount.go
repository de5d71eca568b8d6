//go:build linux

package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mount"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// lookupLimit bounds how long the name of an NFS server may take to resolve.
const lookupLimit = 10 * time.Second

// checkOptions refuses options the local driver does not know, and half of those it does.
func checkOptions(options map[string]string) error {
	for key, value := range options {
		switch key {
		case "type", "o", "device":
		case "size":
			return fmt.Errorf("quota size requested but no quota support: %w", errs.ErrInvalid)
		default:
			return fmt.Errorf("invalid option: %q: %w", key, errs.ErrInvalid)
		}
		if strings.IndexByte(value, 0) >= 0 {
			return fmt.Errorf("option %s: a zero byte: %w", key, errs.ErrInvalid)
		}
	}
	if len(options) == 0 {
		return nil
	}
	for _, needed := range []string{"device", "type"} {
		if options[needed] == "" {
			return fmt.Errorf("missing required option: %q: %w", needed, errs.ErrInvalid)
		}
	}
	return nil
}

// mount mounts what the options of a volume say, unless that is done or they say nothing.
func (s *Service) mount(r *record) error {
	if len(r.Options) == 0 {
		return nil
	}
	target := s.data(r.Name)
	mounted, err := mountinfo.Mounted(target)
	if err != nil {
		return fmt.Errorf("volume %q: %w", r.Name, err)
	}
	if mounted {
		return nil
	}
	options, err := s.resolveServer(r.Options["o"])
	if err == nil {
		err = mount.Mount(r.Options["device"], target, r.Options["type"], options)
	}
	if err != nil {
		return fmt.Errorf("error while mounting volume '%s': failed to mount local volume: %w", target, err)
	}
	return nil
}

// resolveServer replaces a host name in addr=, which the kernel does not resolve.
func (s *Service) resolveServer(options string) (string, error) {
	list := strings.Split(options, ",")
	i := slices.IndexFunc(list, func(o string) bool { return strings.HasPrefix(o, "addr=") })
	if i < 0 {
		return options, nil
	}
	host := strings.TrimPrefix(list[i], "addr=")
	if net.ParseIP(host) != nil {
		return options, nil
	}
	ctx, cancel := context.WithTimeout(s.base, lookupLimit)
	defer cancel()
	ip, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return "", fmt.Errorf("error resolving passed in network volume address: %w", err)
	}
	list[i] = "addr=" + ip[0].String()
	return strings.Join(list, ","), nil
}

// unmount unmounts what mount mounted.
func (s *Service) unmount(r *record) error {
	if len(r.Options) == 0 {
		return nil
	}
	if err := mount.Unmount(s.data(r.Name)); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("volume %q: %w", r.Name, err)
	}
	return nil
}

// erase removes a volume's folder. What is mounted there belongs to somebody else and is unmounted before; nothing is
// removed while it is not.
func (s *Service) erase(r *record) error {
	if err := s.unmount(r); err != nil {
		return err
	}
	mounted, err := mountinfo.Mounted(s.data(r.Name))
	if err == nil && mounted {
		return fmt.Errorf("%s is still a mount point: %w", s.data(r.Name), unix.EBUSY)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // names the path
	}
	return os.RemoveAll(s.dir(r.Name)) //nolint:wrapcheck // names the path
}

// size is how many bytes the files below a folder take, each counted once.
func size(ctx context.Context, dir string) (total int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			if seen[st.Ino] {
				return nil
			}
			seen[st.Ino] = true
		}
		total += info.Size()
		return nil
	})
	return total, err //nolint:wrapcheck // names the path
}
