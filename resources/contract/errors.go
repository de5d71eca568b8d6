package contract

import (
	"errors"
	"fmt"
)

// Partial is the error of a Create whose object exists but is not what was planned (created, not started).
// Terraform taints it; the CLI keeps it and plans the repair.
type Partial struct{ Err error }

func (p *Partial) Error() string { return p.Err.Error() }

func (p *Partial) Unwrap() error { return p.Err }

// PathError is an error about one attribute of a resource.
type PathError struct {
	// Path is the attribute in the notation of diagnostics: name, ports[1].external.
	Path string
	Err  error
}

func (p *PathError) Error() string { return p.Path + ": " + p.Err.Error() }

func (p *PathError) Unwrap() error { return p.Err }

// At returns an error about the attribute at path; format and args are those of fmt.Errorf.
func At(path, format string, args ...any) error {
	return &PathError{Path: path, Err: fmt.Errorf(format, args...)}
}

// Refuse returns an error of a class of api/errs about the attribute at path, or about the whole object when path is "", that does not end with the class's name:
// it is a sentence for people. args are those of fmt.Sprintf.
func Refuse(path string, class error, format string, args ...any) error {
	err := &refusal{text: fmt.Sprintf(format, args...), class: class}
	if path == "" {
		return err
	}
	return &PathError{Path: path, Err: err}
}

type refusal struct {
	text  string
	class error
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.class }

// PathOf returns the attribute an error is about and the error below it, or "" and err itself.
func PathOf(err error) (string, error) {
	var at *PathError
	if errors.As(err, &at) {
		return at.Path, at.Err
	}
	return "", err
}
