package errs

import "errors"

// forbidden marks an error.
type forbidden struct{ error }

func (f forbidden) Unwrap() error { return f.error }

// Forbid marks an error as telling of what nobody may do, or not while somebody is in the way: a reply with status 403
// where engines have that, whatever the class of the error is. nil stays nil.
func Forbid(err error) error {
	if err == nil {
		return nil
	}
	return forbidden{err}
}

// Forbidden reports whether an error is marked so.
func Forbidden(err error) bool {
	var f forbidden
	return errors.As(err, &f)
}
