package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

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
func unreachable(err error) error {
	return fmt.Errorf("%w: %w", err, errs.ErrInternal)
}

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
