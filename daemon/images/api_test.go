//go:build linux

package images

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/internal/registry"
)

// TestOldestContract: what remote-api-v1.18 says differently from today.
func TestOldestContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	host := w.serve()
	a, b := w.made("a", "", "a"), w.made("b", "", "b")
	var saved bytes.Buffer
	must(t, w.Save(t.Context(), []string{"a"}, &saved))
	for _, tc := range []struct {
		call   string
		body   []byte
		status int
		want   string
	}{
		{"POST /v1.18/images/a/tag?repo=b", nil, http.StatusConflict, "Conflict: Tag b:latest is already set to image " + hexOf(b) + ", if you want to replace it, please use -f option\n"},
		{"POST /v1.41/images/b/tag?repo=a", nil, http.StatusCreated, ""},
		{"POST /v1.18/images/" + hexOf(a) + "/tag?repo=a&force=1", nil, http.StatusCreated, ""},
		{"POST /v1.18/images/a/tag?repo=A", nil, http.StatusBadRequest, "must be lowercase"},
		{"POST /v1.18/images/load", saved.Bytes(), http.StatusOK, ""},
		{"POST /v1.23/images/load?quiet=1", saved.Bytes(), http.StatusOK, `{"stream":"Loaded image: a:latest\n"}`},
		{"POST /v1.18/images/load", saved.Bytes()[:600], http.StatusInternalServerError, ""},
		{"POST /v1.18/images/load", nil, http.StatusInternalServerError, "the archive has no image"},
		{"GET /v1.18/images/none/get", nil, http.StatusNotFound, "No such image: none\n"},
		{"GET /v1.24/images/none/get", nil, http.StatusNotFound, `{"message":"No such image: none"}`},
		{"GET /v1.18/images/a/json", nil, http.StatusOK, `"Id":"` + hexOf(a) + `"`},
		{"GET /v1.41/images/a/json", nil, http.StatusOK, `"Id":"` + a + `"`},
		{"POST /v1.18/images/create", nil, http.StatusBadRequest, "one of fromImage and fromSrc is needed"},
		{"POST /v1.18/images/create?fromImage=A", nil, http.StatusBadRequest, "must be lowercase"},
		{"POST /v1.18/images/create?fromSrc=-&repo=c&tag=1", saved.Bytes(), http.StatusOK, `"status":"`},
		{"POST /v1.18/images/none/push", nil, http.StatusNotFound, "An image does not exist locally with the tag: none"},
		{"POST /v1.18/images/prune", nil, http.StatusNotFound, ""},
		{"GET /v1.18/images/search", nil, http.StatusBadRequest, "search needs a term"},
		{"DELETE /v1.18/images/b?force=1", nil, http.StatusOK, `{"Untagged":"b:latest"}`},
	} {
		method, path, _ := strings.Cut(tc.call, " ")
		status, body := call(t, host, method, path, bytes.NewReader(tc.body))
		if status != tc.status || !strings.Contains(body, tc.want) || tc.want == "" && status < 300 && body != "" {
			t.Errorf("%s: %d %s", tc.call, status, body)
		}
	}
	_, body := call(t, host, http.MethodGet, "/v1.18/images/json", nil)
	for _, i := range decoded[[]image.Summary](t, body) {
		if strings.Contains(i.ID, ":") || i.RepoDigests != nil {
			t.Errorf("an ID with algorithm, or digests nobody asked for: %+v", i)
		}
	}
}
