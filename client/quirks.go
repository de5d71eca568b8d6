package client

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// misstatements are answers of podman that carry the wrong status: it says 500 for what every Docker engine, and its
// own documents, give a class. Callers decide by class, so it is put right here, below everything else.
var misstatements = []struct {
	text   string
	status int
}{
	{"name is already in use", http.StatusConflict},   // container create, rename
	{"volume already exists", http.StatusConflict},    // volume create
	{"no such object", http.StatusNotFound},           // inspects
	{"no such container", http.StatusNotFound},        // calls on a container removed meanwhile
	{"image not known", http.StatusNotFound},          // container create
	{"image is in use", http.StatusConflict},          // image remove
	{"network is being used", http.StatusConflict},    // network remove
	{"container state improper", http.StatusConflict}, // pause, start while being removed
}

// misstatementLimit bounds how much of an error body is looked at.
const misstatementLimit = 64 << 10

// restate gives an internal error of a known text its right status. The body stays as it is.
func restate(resp *http.Response) {
	if resp.StatusCode != http.StatusInternalServerError || resp.Body == nil {
		return
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, misstatementLimit))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	if err != nil {
		return
	}
	text := strings.ToLower(string(head))
	for _, m := range misstatements {
		if strings.Contains(text, m.text) {
			resp.StatusCode = m.status
			resp.Status = http.StatusText(m.status)
			return
		}
	}
}
