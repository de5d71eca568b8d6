//go:build linux

package bridge

import (
	"fmt"

	"github.com/cleat-dev/cleat/api/errs"
)

// kernelError is a refusal of the kernel. The error numbers of package syscall look like network errors to errs.Class,
// which would make "not permitted" a reason to try again later; this one says whose fault it is.
type kernelError struct {
	what string
	err  error
}

func (e *kernelError) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap makes the number of the error visible to errors.Is.
func (e *kernelError) Unwrap() []error { return []error{errs.ErrInternal, e.err} }

// kernel wraps an error of the kernel with what was tried; nil stays nil.
func kernel(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &kernelError{what: fmt.Sprintf(format, args...), err: err}
}
