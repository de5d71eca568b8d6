//go:build !linux

package bundled

import (
	"context"
	"io"
)

// Find returns [ErrNone]: the engine runs on Linux alone.
func Find(string, Places) (*Engine, error) { return nil, ErrNone }

// Start returns [ErrNone].
func (e *Engine) Start(context.Context) (bool, error) { return false, ErrNone }

// Stop returns [ErrNone].
func (e *Engine) Stop(context.Context) (bool, error) { return false, ErrNone }

// Status reports that nothing runs.
func (e *Engine) Status(context.Context) Status { return Status{} }

// Copy returns [ErrNone].
func (e *Engine) Copy(context.Context, io.Writer, int, bool) error { return ErrNone }
