package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/distribution/reference"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxErrorBody is how much of an error's text is read, and maxErrorText how much of one that is not JSON is shown.
const (
	maxErrorBody = 64 << 10
	maxErrorText = 200
)

// Error is a refusal of a registry. Its class, errors.Is with package errs, follows from the status.
type Error struct {
	// Code is the registry's word, such as MANIFEST_UNKNOWN; empty when it gave none.
	Code string
	// Message is for people.
	Message string
	// Status is of HTTP.
	Status int
}

// Error implements error: "manifest unknown: manifest unknown", as engines write it.
func (e *Error) Error() string {
	code := strings.ToLower(strings.ReplaceAll(e.Code, "_", " "))
	switch {
	case code == "":
		return e.Message
	case e.Message == "":
		return code
	}
	return code + ": " + e.Message
}

// Unwrap returns the class. What the registry does not let us see is as good as not there.
func (e *Error) Unwrap() error {
	switch {
	case e.Status == http.StatusNotFound:
		return errs.ErrNotFound
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return errs.ErrUnauthorized
	}
	return errs.ErrInternal
}

// refusal reads the error of an answer and closes it.
func refusal(response *http.Response) error {
	defer response.Body.Close()
	e := &Error{Status: response.StatusCode}
	raw, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)) // a text that is cut is still one
	var body struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Details string `json:"details"` // of token services
	}
	if err := json.Unmarshal(raw, &body); err == nil && len(body.Errors) > 0 {
		e.Code, e.Message = body.Errors[0].Code, body.Errors[0].Message
		return e
	}
	if body.Details != "" {
		e.Message = body.Details
		return e
	}
	text := strings.ToValidUTF8(strings.TrimSpace(string(raw)), "?")
	if len(text) > maxErrorText {
		text = text[:maxErrorText] + "…"
	}
	e.Message = "received unexpected HTTP status: " + response.Status
	if response.StatusCode == http.StatusUnauthorized { // as the registries that give a reason say it
		e.Message = "unauthorized: authentication required"
	}
	if text != "" && !strings.HasPrefix(text, "<") {
		e.Message += ": " + text
	}
	return e
}

// unreachable is an error of the way to the registry: the daemon's own trouble for its client.
func unreachable(err error) error { return &onTheWay{err} }

// onTheWay has the text of its cause alone: a class's name would only follow it.
type onTheWay struct{ cause error }

func (e *onTheWay) Error() string   { return e.cause.Error() }
func (e *onTheWay) Unwrap() []error { return []error{e.cause, errs.ErrInternal} }

// Denied reports whether an error says that credentials are missing, wrong or not enough.
func Denied(err error) bool { return errors.Is(err, errs.ErrUnauthorized) }

// Code returns the registry's word for an error, empty when it gave none.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Advise adds to an error of a registry what to do about it. image is the name that was asked for.
func Advise(err error, image string) error {
	named, parseErr := reference.ParseNormalizedNamed(image)
	if err == nil || parseErr != nil {
		return err
	}
	host := reference.Domain(named)
	var network *net.OpError
	switch text := err.Error(); {
	case Denied(err):
		return fmt.Errorf("%w (give credentials that may read it: a registry_auth block for %s of the provider, or docker login %s; registries say the same of what does not exist)", err, host, host)
	case strings.Contains(text, "x509:") || strings.Contains(text, "certificate"):
		return fmt.Errorf("%w (name the authority that signed it: ca_file in the provider's registry_auth block for %s, or certs.d/%s/ca.crt below docker's configuration; or set insecure_skip_verify)", err, host, host)
	case speaksHTTP(err):
		return fmt.Errorf("%w (the registry has no TLS: insecure_skip_verify allows that)", err)
	case errors.As(err, &network):
		return fmt.Errorf("%w (see whether %s is reachable from here: the provider asks it itself, not by way of the engine)", err, host)
	}
	return err
}
