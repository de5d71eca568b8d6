package builds_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/routes/builds"
	"github.com/cleat-dev/cleat/daemon/server"
)

func ask(t *testing.T, b *backend, path string, header http.Header, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	s, err := server.New(server.Config{Routes: builds.Routes(b)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, body)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// Below 1.8 the answer is text, the error at its end too.
func TestText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path     string
		b        *backend
		wantCode int
		want     string
	}{
		"good":      {"/v1.7/build", &backend{say: []string{"Step 1\n", "\x1b[91mred\n\x1b[0m"}, id: "sha256:1"}, 200, "Step 1\nred\n"},
		"quiet":     {"/v1.2/build?q=1", &backend{say: []string{"Step 1\n"}, id: "sha256:1"}, 200, "sha256:1\n"},
		"command":   {"/v1.2/build", &backend{say: []string{"Step 1\n"}, err: failed{}}, 200, "Step 1\nError build: it failed\n"},
		"other":     {"/v1.2/build", &backend{say: []string{"Step 1\n"}, err: errors.New("broken")}, 200, "Step 1\nError build: broken\n"},
		"first":     {"/v1.2/build", &backend{err: errors.New("broken")}, 500, "broken\n"},
		"bad":       {"/v1.2/build", &backend{err: fmt.Errorf("parse: %w", errs.ErrInvalid)}, 400, "parse\n"},
		"messages":  {"/v1.8/build", &backend{say: []string{"Step 1\n"}}, 200, `{"stream":"Step 1\n"}` + "\r\n"},
		"quiet bad": {"/v1.2/build?q=1", &backend{say: []string{"Step 1\n"}, err: failed{}}, 200, "Step 1\nError build: it failed\n"},
	} {
		w := ask(t, tc.b, tc.path, nil, strings.NewReader("x"))
		kind := "text/plain; charset=utf-8"
		if strings.HasPrefix(tc.path, "/v1.8") {
			kind = "application/json"
		}
		if w.Code != tc.wantCode || w.Body.String() != tc.want || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %d %q %q", name, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if keeps := !tc.b.got.Remove; !keeps {
			t.Errorf("%s: containers are removed, before 1.12 they were not", name)
		}
	}
}

// Credentials were one registry's from 1.5 to 1.8.
func TestOneRegistry(t *testing.T) {
	t.Parallel()
	auth := func(text string) http.Header {
		return http.Header{"X-Registry-Auth": {base64.URLEncoding.EncodeToString([]byte(text))}}
	}
	for _, tc := range []struct {
		version string
		header  http.Header
		want    string
	}{
		{"1.5", auth(`{"username":"a","serveraddress":"r.example"}`), "r.example a"},
		{"1.8", auth(`{"username":"a"}`), "https://index.docker.io/v1/ a"},
		{"1.8", auth(`{}`), ""},
		{"1.8", http.Header{"X-Registry-Auth": {"%"}}, ""},
		{"1.9", auth(`{"username":"a","serveraddress":"r.example"}`), ""},
	} {
		b := &backend{}
		ask(t, b, "/v"+tc.version+"/build", tc.header, strings.NewReader("x"))
		got := ""
		for host, a := range b.got.AuthConfigs {
			got = host + " " + a.Username
		}
		if got != tc.want {
			t.Errorf("%s %v: %q, want %q", tc.version, tc.header, got, tc.want)
		}
	}
}

// Before 1.3 the context was a form, and an archive as the document says.
func TestForm(t *testing.T) {
	t.Parallel()
	plain := archived(t, "b")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		version string
		fields  [][2]string
		want    []string // of the archive
		tags    []string
	}{
		"dockerfile":      {"1.2", [][2]string{{"Dockerfile", "FROM a"}}, []string{"Dockerfile=FROM a"}, nil},
		"with a tag":      {"1.2", [][2]string{{"t", "x/y"}, {"Dockerfile", "FROM a"}}, []string{"Dockerfile=FROM a"}, []string{"x/y"}},
		"with a context":  {"1.2", [][2]string{{"Dockerfile", "FROM a"}, {"Context", string(plain)}}, []string{"Dockerfile=FROM a", "b=b"}, nil},
		"with a packed":   {"1.2", [][2]string{{"Dockerfile", "FROM a"}, {"Context", packed.String()}}, []string{"Dockerfile=FROM a", "b=b"}, nil},
		"context alone":   {"1.2", [][2]string{{"Context", string(plain)}}, []string{"b=b"}, nil},
		"not from 1.3 on": {"1.3", [][2]string{{"Dockerfile", "FROM a"}}, nil, nil},
	} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for _, field := range tc.fields {
			w, err := form.CreateFormFile(field[0], field[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, field[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		b := &backend{}
		w := ask(t, b, "/v"+tc.version+"/build", http.Header{"Content-Type": {form.FormDataContentType()}}, &body)
		if w.Code != 200 || !slices.Equal(b.got.Tags, tc.tags) {
			t.Errorf("%s: %d, tags %q", name, w.Code, b.got.Tags)
		}
		if diff := cmp.Diff(tc.want, entries(b.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	cut := ask(t, &backend{}, "/v1.2/build", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, strings.NewReader("--x\r\nContent-"))
	if cut.Code != 400 {
		t.Errorf("a form that is cut: %d %s", cut.Code, cut.Body)
	}
}

// FuzzForm: whatever comes as a form, the builder is given something it can read to its end, or the client is told.
func FuzzForm(f *testing.F) {
	for _, parts := range []string{
		"--x\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=\"Dockerfile\"\r\n\r\nFROM a\r\n--x--",
		"--x\r\nContent-Disposition: form-data; name=\"Dockerfile\"\r\n\r\nFROM a\r\n--x\r\nContent-Disposition: form-data; name=\"Context\"\r\n\r\n\x1f\x8b\r\n--x--",
		"--x\r\nContent-Disposition: form-data; name=\"Context\"\r\n\r\nBZh\r\n--x--", "--x--", "",
	} {
		f.Add(parts, "multipart/form-data; boundary=x")
	}
	s, err := server.New(server.Config{Routes: builds.Routes(&reader{})})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, kind string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1.2/build", strings.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// reader reads a context and makes nothing of it. It keeps nothing: it serves calls at the same time.
type reader struct{ backend }

func (*reader) Build(_ context.Context, body io.Reader, _ client.ImageBuildOptions, _ func(stream.Message) error) (string, error) {
	if _, err := io.Copy(io.Discard, io.LimitReader(body, 1<<20)); err != nil {
		return "", fmt.Errorf("read context: %w: %w", err, errs.ErrInvalid)
	}
	return "", nil
}

func archived(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(name)), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, name); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entries are the files of an archive, nil for what is none.
func entries(archive string) []string {
	var all []string
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := r.Next()
		if err != nil {
			return all
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return all
		}
		all = append(all, h.Name+"="+string(content))
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	b := &backend{say: []string{"Inserting..."}, id: "sha256:" + strings.Repeat("0123456789ab", 5) + "cdef"}
	w := ask(t, b, "/v1.11/images/a/b/insert?path=/usr&url=http://x/y", nil, nil)
	if want := `{"status":"Inserting..."}` + "\r\n" + `{"status":"0123456789ab"}` + "\r\n"; w.Code != 200 || w.Body.String() != want || b.body != "a/b http://x/y /usr" {
		t.Errorf("%d %q, asked %q", w.Code, w.Body, b.body)
	}
	w = ask(t, &backend{err: fmt.Errorf("No such image: a: %w", errs.ErrNotFound)}, "/v1.2/images/a/insert?path=/usr&url=http://x/y", nil, nil) //nolint:staticcheck // the engine's words
	if w.Code != 404 || w.Body.String() != "No such image: a\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	w = ask(t, &backend{say: []string{"Inserting..."}, err: errors.New("broken")}, "/v1.2/images/a/insert?path=/usr&url=http://x/y", nil, nil)
	if want := `{"status":"Inserting..."}` + "\r\n" + `{"error":"broken"}` + "\r\n"; w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w = ask(t, b, "/v1.12/images/a/insert?path=/usr&url=http://x/y", nil, nil); w.Code != 404 {
		t.Errorf("1.12: %d", w.Code)
	}
}
