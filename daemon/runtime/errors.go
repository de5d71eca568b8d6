//go:build linux

package runtime

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A Kind says why a command could not be started.
type Kind string

// Kinds of failed starts.
const (
	// NotFound: the command's file does not exist. Code 127.
	NotFound Kind = wire.ClassNotFound
	// NotExecutable: its file may not or cannot be executed. Code 126.
	NotExecutable Kind = wire.ClassNotExecutable
	// BadDirectory: the working directory cannot be entered. Code 126.
	BadDirectory Kind = wire.ClassCwd
	// BadUser: user or groups cannot be set. Code 126.
	BadUser Kind = wire.ClassUser
	// BadMount: a mount, or the root file system, failed. Code 128.
	BadMount Kind = wire.ClassMount
	// Invalid: the specification is not possible. Code 128.
	Invalid Kind = wire.ClassInvalid
	// Other is anything else. Code 128.
	Other Kind = wire.ClassOther
)

// A StartError says why a command, the container's or an exec's, could not be started. Its class is errs.ErrInvalid where
// the command itself is wrong, and errs.ErrInternal else.
type StartError struct {
	Kind Kind
	// Code is the exit code to show for it, as a shell would.
	Code int
	// Message is libcontainer's, for example
	// `… exec: "foo": executable file not found in $PATH`.
	Message string
}

func (e *StartError) Error() string { return e.Message }

// Unwrap is the class.
func (e *StartError) Unwrap() error {
	switch e.Kind {
	case NotFound, NotExecutable, BadDirectory, BadUser, Invalid:
		return errs.ErrInvalid
	default:
		return errs.ErrInternal
	}
}

// refusal makes an error of a monitor's "err <class> <message>".
func refusal(id, class, message string) error {
	text, ok := wire.Unescape(message)
	if !ok {
		text = message
	}
	switch class {
	case wire.ClassBusy:
		return fmt.Errorf("container %s: %s: %w", id, text, errs.ErrConflict)
	case wire.ClassGone:
		return fmt.Errorf("container %s: %s: %w", id, text, ErrNotRunning)
	}
	code, rest, found := strings.Cut(text, " ")
	if n, err := strconv.Atoi(code); found && err == nil {
		return fmt.Errorf("container %s: %w", id, &StartError{Kind: Kind(class), Code: n, Message: rest})
	}
	if class == wire.ClassInvalid {
		return fmt.Errorf("container %s: %s: %w", id, text, errs.ErrInvalid)
	}
	return fmt.Errorf("container %s: %s: %w", id, text, errs.ErrInternal)
}

// ErrNotRunning is what calls return that need a running container. It is of class errs.ErrConflict.
var ErrNotRunning = fmt.Errorf("not running: %w", errs.ErrConflict)
