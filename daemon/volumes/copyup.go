//go:build linux

package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cleat-dev/cleat/daemon/archive"
)

// CopyUp fills a volume with what the image has at its place: content, owners, modes, times, attributes, and owner and
// mode of the folder itself. A volume that has content is left alone. source is the image's folder on the host, below
// which links are not followed; nothing writes to it.
//
// No container can start with the volume meanwhile ([Service.Path] waits), and what a crash or an error leaves of a
// copy is removed.
func (s *Service) CopyUp(ctx context.Context, name, source string) error {
	e, err := s.work(ctx, name)
	if err != nil {
		return err
	}
	defer e.give()
	r := e.rec.Load()
	if len(r.Running) > 0 {
		return nil // somebody writes to it
	}
	if err := s.mount(r); err != nil {
		return err
	}
	err = s.fill(ctx, e, r.clone(), source)
	if len(r.Options) > 0 {
		err = errors.Join(err, s.unmount(r))
	}
	if err != nil {
		return fmt.Errorf("volume %q: %w", name, err)
	}
	return nil
}

// fill copies, with a note in the record as long as that lasts.
func (s *Service) fill(ctx context.Context, e *entry, r *record, source string) error {
	content := s.data(r.Name)
	if hasContent, err := occupied(content); err != nil || hasContent {
		return err
	}
	hasContent, err := occupied(source)
	if err != nil {
		return err
	}
	if hasContent {
		r.Filling = true
		if err := s.change(e, r); err != nil {
			return err
		}
	}
	err = copyTree(ctx, source, content)
	if !hasContent { // only the folder's owner and mode, which may be set twice
		return err
	}
	if err != nil {
		err = errors.Join(err, empty(content))
	}
	r = r.clone()
	r.Filling = false
	return errors.Join(err, s.change(e, r))
}

func copyTree(ctx context.Context, source, target string) error {
	from, err := archive.Open(archive.Config{Dir: source})
	if err != nil {
		return fmt.Errorf("copy the image's content: %w", err)
	}
	defer from.Close()
	to, err := archive.Open(archive.Config{Dir: target})
	if err != nil {
		return fmt.Errorf("copy the image's content: %w", err)
	}
	defer to.Close()
	if err := archive.Copy(ctx, from, "", to, "/"); err != nil {
		return fmt.Errorf("copy the image's content: %w", err)
	}
	return nil
}

// occupied reports whether there is anything in a folder.
func occupied(dir string) (bool, error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err //nolint:wrapcheck // names the path
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err //nolint:wrapcheck // names the path
}

// empty removes what is in a folder.
func empty(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	for _, one := range list {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, one.Name())))
	}
	return err
}
