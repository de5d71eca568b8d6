package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"testing"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestClass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		class  error
		status int
	}{
		{nil, nil, 200},
		{errors.New("disk on fire"), errs.ErrInternal, 500},
		{fmt.Errorf("image %q: %w", "web", errs.ErrNotFound), errs.ErrNotFound, 404},
		{errors.Join(errors.New("also"), errs.ErrInvalid), errs.ErrInvalid, 400},
		{cerrdefs.ErrAlreadyExists, errs.ErrConflict, 409},
		{cerrdefs.ErrPermissionDenied, errs.ErrUnauthorized, 401},
		{cerrdefs.ErrResourceExhausted, errs.ErrUnavailable, 503},
		{fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), errs.ErrUnavailable, 503},
		{fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), errs.ErrUnavailable, 503},
		{fmt.Errorf("copy: %w", &fs.PathError{Op: "write", Path: "/f", Err: syscall.ENOSPC}), errs.ErrInternal, 500},
		{fmt.Errorf("mount: %w", syscall.EBUSY), errs.ErrInternal, 500},
		{context.DeadlineExceeded, errs.ErrUnavailable, 503},
		{context.Canceled, errs.ErrInternal, 500},
	} {
		if class, status := errs.Class(test.err), errs.Status(test.err); class != test.class || status != test.status { //nolint:errorlint // the class itself
			t.Errorf("%v: class %v, status %d, want %v, %d", test.err, class, status, test.class, test.status)
		}
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	err := errs.Errorf(errs.ErrConflict, "the name %q is taken", "web")
	if err.Error() != `the name "web" is taken` || !errors.Is(err, errs.ErrConflict) || errs.Status(err) != 409 {
		t.Errorf("%v, status %d", err, errs.Status(err))
	}
}
