package functions

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"

	"github.com/cleat-dev/cleat/api/errs"
)

// A Function is one function of the provider.
type Function struct {
	Name string
	// Summary is one sentence, Description what else there is to know, in Markdown.
	Summary, Description string
	Parameters           []Parameter
	// Variadic takes what follows the parameters; nil where nothing may.
	Variadic *Parameter
	// Result is the type of what Call returns.
	Result attr.Type
	// Call gets a known value for every parameter, those of Variadic at the end. Only a Nullable one may be null. The
	// error is of class errs.ErrInvalid, an [*ArgumentError] where one argument is at fault.
	Call func(ctx context.Context, arguments []attr.Value) (attr.Value, error)
}

// A Parameter of a function.
type Parameter struct {
	Name        string
	Description string
	// Type is String, Int64, List, Map or Set; elements of collections are texts, and may be null.
	Type     attr.Type
	Nullable bool
}

// ArgumentError says which argument is wrong, counted from 0.
type ArgumentError struct {
	Index int
	Err   error
}

func (e *ArgumentError) Error() string { return e.Err.Error() }

// Unwrap gives the class beside the cause.
func (e *ArgumentError) Unwrap() []error { return []error{e.Err, errs.ErrInvalid} }

// wrong is an error about one argument: what was found, and what is expected.
func wrong(index int, format string, args ...any) error {
	return &ArgumentError{Index: index, Err: fmt.Errorf(format, args...)}
}

// at gives an error of something in an argument its argument.
func at(index int, err error) error {
	if err == nil || errors.As(err, new(*ArgumentError)) {
		return err
	}
	return &ArgumentError{Index: index, Err: err}
}

// All returns every function, sorted by name.
func All() []Function {
	return []Function{
		buildImageRef(), buildPort(), buildSize(), contextHash(), envList(), envMap(), parseImageRef(), parsePort(), parsePorts(), parseSize(),
	}
}
