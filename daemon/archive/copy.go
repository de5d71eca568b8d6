//go:build linux

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Copy copies what is in a folder of one file system into a folder of another: content, owners, modes, times,
// attributes and hard links, and of the folder itself owner, mode and time. It is how a volume gets what the image has
// at its place. Errors as in [Root.Tar] and [Root.Untar].
func Copy(ctx context.Context, from *Root, source string, to *Root, target string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := from.Tar(ctx, source+"/", TarOptions{Name: "./", Exact: true}, w)
		_ = w.CloseWithError(err) // never fails
		written <- err
	}()
	err := to.Untar(ctx, target, r, UntarOptions{})
	_ = r.CloseWithError(errDone) // never fails; the writer stops when we have
	if werr := <-written; werr != nil && !errors.Is(werr, errDone) {
		err = werr // what the reader says is only its consequence
	}
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", source, target, err)
	}
	return nil
}

// errDone tells the writing side of a pipe that nobody reads any more.
var errDone = errors.New("nobody reads any more")
