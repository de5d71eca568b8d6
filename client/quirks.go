package client

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// misstatements are answers of podman that carry the wrong status: it says 500 for what every Docker engine, and its
// own documents, give a class. Callers decide by class, so it is put right here, below everything else.
var misstatements = []struct {
	text   string
	status int
}{
	{"name is already in use", http.StatusConflict},                     // container create, rename
	{"volume already exists", http.StatusConflict},                      // volume create
	{"no such object", http.StatusNotFound},                             // inspects
	{"no such container", http.StatusNotFound},                          // calls on a container removed meanwhile
	{"image not known", http.StatusNotFound},                            // container create
	{"cannot specify 64-byte hexadecimal strings", http.StatusNotFound}, // container create, of an image that lost its last name meanwhile
	{"image is in use", http.StatusConflict},                            // image remove
	{"network is being used", http.StatusConflict},                      // network remove
	{"network already exists", http.StatusConflict},                     // network create
	{"container state improper", http.StatusConflict},                   // pause, start while being removed
}

// Lacks are the calls this engine has not though the version it speaks has them, each with who lacks it; see
// contract.Lacking. Podman has a call to update a container in Docker's API from 5 on.
func (c *Client) Lacks() map[string]string {
	if !c.engine.podmanBefore(5) {
		return nil
	}
	return map[string]string{"container update": c.engine.product}
}

// podmanBefore reports whether the engine is a podman of a lower major version. One that does not tell its version is
// taken for a new one.
func (e *engine) podmanBefore(major int) bool {
	product, number, _ := strings.Cut(e.product, " ")
	number, _, _ = strings.Cut(number, ".")
	n, err := strconv.Atoi(number)
	return product == "podman" && err == nil && n < major
}

// mendNetworks puts right what podman 4 says of the gateway of an internal network: the text "<nil>" where there is
// none, which is no address and makes the whole answer unreadable.
func mendNetworks(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK || resp.Request == nil || resp.Request.Method != http.MethodGet || !strings.Contains(resp.Request.URL.Path, "/networks") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(`"Gateway":"<nil>"`), []byte(`"Gateway":""`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return nil
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
