package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// serve starts a registry that answers with h and returns a repository of it.
func serve(t *testing.T, c Config, auth types.AuthConfig, h http.HandlerFunc) (*Repository, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c.Log = hclog.NewNullLogger()
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	named, err := reference.ParseNormalizedNamed(s.Listener.Addr().String() + "/team/app")
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Repository(named, auth)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

func random(n int) []byte {
	raw := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(raw)
	return raw
}

func descOf(raw []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
}

// TestBlobResumes: a transfer that is cut goes on where it was, and the blob is whole.
func TestBlobResumes(t *testing.T) {
	t.Parallel()
	raw := random(1 << 20)
	for name, ranges := range map[string]bool{"with ranges": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			r, _ := serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, q *http.Request) {
				n := requests.Add(1)
				if n == 2 {
					http.Error(w, "busy", http.StatusServiceUnavailable)
					return
				}
				if !ranges {
					q.Header.Del("Range")
				}
				if n < 4 { // cut after a third
					w = &cutter{ResponseWriter: w, left: len(raw) / 3}
				}
				http.ServeContent(w, q, "", time.Time{}, bytes.NewReader(raw))
			})
			got, err := io.ReadAll(r.Blob(t.Context(), descOf(raw), 0))
			if ranges && (err != nil || !bytes.Equal(got, raw)) {
				t.Errorf("%d of %d bytes, %v", len(got), len(raw), err)
			}
			if !ranges && (err != nil || !bytes.Equal(got, raw)) {
				t.Errorf("%d of %d bytes, %v", len(got), len(raw), err)
			}
			rest, err := io.ReadAll(r.Blob(t.Context(), descOf(raw), 1000))
			if err != nil || !bytes.Equal(rest, raw[1000:]) {
				t.Errorf("from 1000: %d bytes, %v", len(rest), err)
			}
		})
	}
}

// cutter cuts the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(p)
}

// TestLies: what a registry says is compared with what it does.
func TestLies(t *testing.T) {
	t.Parallel()
	manifest := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","config":{},"layers":[]}`)
	tests := map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		ref    string
		want   string // part of the error
		class  error
	}{
		"another manifest than asked for": {ref: digest.FromString("x").String(), want: "manifest verification failed", class: errs.ErrInternal,
			answer: func(w http.ResponseWriter, _ *http.Request) { send(w, ocispec.MediaTypeImageManifest, manifest) }},
		"a header with another digest": {ref: "1", want: "manifest verification failed", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", digest.FromString("x").String())
			send(w, ocispec.MediaTypeImageManifest, manifest)
		}},
		"another media type": {ref: "1", want: "the manifest itself", class: errs.ErrInternal,
			answer: func(w http.ResponseWriter, _ *http.Request) { send(w, ocispec.MediaTypeImageIndex, manifest) }},
		"two things at once": {ref: "1", want: "at once", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) {
			send(w, ocispec.MediaTypeImageIndex, []byte(`{"manifests":[],"layers":[]}`))
		}},
		"schema 1": {ref: "1", want: "schema 1 is not supported", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) {
			send(w, "application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(`{"schemaVersion":1}`))
		}},
		"no JSON": {ref: "1", want: "manifest 1", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) { send(w, "text/html", []byte("<html>")) }},
		"endless": {ref: "1", want: "larger than", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) {
			send(w, ocispec.MediaTypeImageManifest, make([]byte, MaxManifest+1))
		}},
		"unknown": {ref: "1", want: "manifest unknown: no such thing", class: errs.ErrNotFound, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}`)
		}},
		"forbidden": {ref: "1", want: "denied: not for you", class: errs.ErrUnauthorized, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"not for you"}]}`)
		}},
		"broken": {ref: "1", want: "500 Internal Server Error: oh", class: errs.ErrInternal, answer: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "oh", http.StatusInternalServerError)
		}},
		"stalls": {ref: "1", want: "sent nothing for", class: errs.ErrInternal, answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if name == "stalls" {
				patience = 2 * time.Second
			}
			r, _ := serve(t, Config{StallTimeout: patience}, types.AuthConfig{}, tc.answer)
			_, _, err := r.Manifest(t.Context(), tc.ref)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.Is(err, tc.class) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func send(w http.ResponseWriter, mediaType string, raw []byte) {
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(raw)
}

// TestBlobLies: a blob is neither longer nor shorter than its manifest says, and a range is the one asked for.
func TestBlobLies(t *testing.T) {
	t.Parallel()
	raw := random(1000)
	short := descOf(raw)
	short.Size = 900
	r, _ := serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) })
	if _, err := io.ReadAll(r.Blob(t.Context(), short, 0)); err == nil || !strings.Contains(err.Error(), "longer than the 900 bytes") {
		t.Errorf("longer: %v", err)
	}
	var tries atomic.Int32
	r, _ = serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, q *http.Request) {
		if tries.Add(1) > 1 {
			http.Error(w, "gone", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Range", "bytes 0-999/1000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(raw)
	})
	if _, err := io.ReadAll(r.Blob(t.Context(), descOf(raw), 500)); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("another range: %v after %d tries", err, tries.Load())
	}
}

// TestStalledBlobEnds also when the client leaves while the registry says nothing.
func TestStalledBlobEnds(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	r, _ := serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, q *http.Request) {
		if q.TLS == nil && strings.Contains(q.URL.Path, "/blobs/") {
			close(entered)
		}
		<-q.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if _, err := io.ReadAll(r.Blob(ctx, descOf(random(10)), 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
}

// TestTokens: the scheme of docker.io, with and without a user, and a registry's own token.
// Registries, and their token services, that fall silent at any point are given up in time.
func TestSilentRegistry(t *testing.T) {
	t.Parallel()
	const patience = 100 * time.Millisecond
	for _, where := range []string{"manifest", "half a manifest", "tags", "half the tags", "token", "half a token", "blob"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			silent := func(w http.ResponseWriter, r *http.Request, begins string) {
				if begins != "" {
					_, _ = io.WriteString(w, begins)
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}
			var realm string
			repo, srv := serve(t, Config{StallTimeout: patience}, types.AuthConfig{}, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(where, "token") && r.URL.Path != "/token":
					w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="s"`)
					w.WriteHeader(http.StatusUnauthorized)
				case strings.HasPrefix(where, "half"):
					silent(w, r, "{")
				default:
					silent(w, r, "")
				}
			})
			realm = srv.URL + "/token"
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var err error
			switch {
			case strings.HasSuffix(where, "tags"):
				_, err = repo.Tags(ctx)
			case where == "blob":
				ctx, cancel := context.WithTimeout(ctx, 20*patience) // it is tried several times, with pauses
				defer cancel()
				body := repo.Blob(ctx, descOf([]byte("x")), 0)
				defer body.Close()
				_, err = io.ReadAll(body)
			default:
				_, _, err = repo.Manifest(ctx, "1")
			}
			// The HTTP client waits for a header as long as we do: either may be first to say it.
			if err == nil || ctx.Err() != nil || where != "blob" && !strings.Contains(err.Error(), "sent nothing for") && !strings.Contains(err.Error(), "awaiting response headers") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	manifest := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `"}`)
	handler := func(address func() string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/token" {
				user, password, _ := q.BasicAuth()
				if q.Method == http.MethodPost {
					_ = q.ParseForm()
					user, password = q.Form.Get("username"), q.Form.Get("password")
				}
				switch {
				case user == "" && password == "":
					fmt.Fprint(w, `{"token":"anonymous"}`)
				case user == "u" && password == "p":
					_ = json.NewEncoder(w).Encode(map[string]string{"token": "user", "access_token": "user", "refresh_token": "refresh"})
				default:
					http.Error(w, `{"details":"incorrect username or password"}`, http.StatusUnauthorized)
				}
				return
			}
			switch q.Header.Get("Authorization") {
			case "Bearer user", "Bearer own":
				send(w, ocispec.MediaTypeImageManifest, manifest)
			case "":
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+address()+`/token",service="test",scope="repository:team/app:pull"`)
				w.WriteHeader(http.StatusUnauthorized)
			default:
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`)
			}
		}
	}
	for name, tc := range map[string]struct {
		auth types.AuthConfig
		want error
	}{
		"nobody":         {types.AuthConfig{}, errs.ErrUnauthorized},
		"user":           {types.AuthConfig{Username: "u", Password: "p"}, nil},
		"wrong password": {types.AuthConfig{Username: "u", Password: "x"}, errs.ErrUnauthorized},
		"own token":      {types.AuthConfig{RegistryToken: "own"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var address string
			r, s := serve(t, Config{}, tc.auth, handler(func() string { return address }))
			address = s.Listener.Addr().String()
			if _, _, err := r.Manifest(t.Context(), "1"); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			tc.auth.ServerAddress = address
			token, err := r.client.Login(t.Context(), tc.auth)
			if name == "user" && (err != nil || token != "refresh") || name == "wrong password" && !errors.Is(err, errs.ErrUnauthorized) {
				t.Errorf("login: %q %v", token, err)
			}
		})
	}
}

// TestMirrors: a mirror is asked first and without credentials, and the registry when it has not got it.
func TestMirrors(t *testing.T) {
	t.Parallel()
	manifest := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `"}`)
	var asked []string
	mirror := func(status int) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			asked = append(asked, q.URL.String()+q.Header.Get("Authorization"))
			if status != http.StatusOK {
				http.Error(w, "no", status)
				return
			}
			send(w, ocispec.MediaTypeImageManifest, manifest)
		}))
		t.Cleanup(s.Close)
		return s
	}
	bad, good := mirror(http.StatusNotFound), mirror(http.StatusOK)
	client, err := New(Config{Mirrors: []string{bad.URL, good.URL + "/path/"}, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	named, _ := reference.ParseNormalizedNamed("busybox")
	r, err := client.Repository(named, types.AuthConfig{Username: "secret", Password: "secret", RegistryToken: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Manifest(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"/v2/library/busybox/manifests/1?ns=docker.io", "/path/v2/library/busybox/manifests/1?ns=docker.io"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	r, _ := serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/team/app/tags/list?last=b&n=2>; rel="next"`)
			fmt.Fprint(w, `{"name":"team/app","tags":["a","b"]}`)
			return
		}
		fmt.Fprint(w, `{"name":"team/app","tags":["c"]}`)
	})
	got, err := r.Tags(t.Context())
	if err != nil || !cmp.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v %v", got, err)
	}
	r, _ = serve(t, Config{}, types.AuthConfig{}, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Link", `<http://elsewhere.example.com/steal>; rel="next"`)
		fmt.Fprint(w, `{"tags":["a"]}`)
	})
	if got, err := r.Tags(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("a link to elsewhere: %v %v", got, err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked = q.URL.String()
		fmt.Fprint(w, `{"query":"x","num_results":1,"results":[{"name":"a/b","star_count":3,"is_official":true,"description":"d"}]}`)
	}))
	t.Cleanup(s.Close)
	c, err := New(Config{Index: s.URL, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	address := s.Listener.Addr().String()
	for term, want := range map[string]string{
		"sshd": "/v1/search?n=25&q=sshd", "library/sshd": "/v1/search?n=25&q=sshd", "team/app": "/v1/search?n=25&q=team%2Fapp",
		"docker.io/library/x": "/v1/search?n=25&q=x", address + "/x": "/v1/search?n=25&q=x",
	} {
		got, err := c.Search(t.Context(), term, 0, types.AuthConfig{})
		if err != nil || len(got) != 1 || got[0].StarCount != 3 || asked != want {
			t.Errorf("%s: %v %v, asked %s", term, got, err, asked)
		}
	}
	for _, limit := range []int{-1, 101} {
		if _, err := c.Search(t.Context(), "x", limit, types.AuthConfig{}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if _, err := c.Search(t.Context(), "http://x", 0, types.AuthConfig{}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a term with scheme: %v", err)
	}
}

func TestInsecure(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Insecure: []string{"10.0.0.0/8", "reg.example.com:5000", "plain.example.com"}, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]bool{
		"127.0.0.1:5000": true, "localhost": true, "localhost:5000": true, "[::1]:5000": true, "10.1.2.3": true, "11.1.2.3": false,
		"reg.example.com:5000": true, "reg.example.com": false, "plain.example.com:80": true, "docker.io": false,
	} {
		if got := c.Insecure(domain); got != want {
			t.Errorf("%s: %v", domain, got)
		}
	}
	for _, bad := range []Config{{Mirrors: []string{"mirror"}}, {Mirrors: []string{"ftp://x"}}, {Mirrors: []string{"https://u:p@x"}}, {Index: "::"}} {
		if _, err := New(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func FuzzMediaType(f *testing.F) {
	f.Add(ocispec.MediaTypeImageIndex, []byte(`{"manifests":[]}`))
	f.Add("", []byte(`{"mediaType":"`+ocispec.MediaTypeImageManifest+`","layers":[]}`))
	f.Fuzz(func(t *testing.T, header string, raw []byte) {
		kind, err := mediaType(header, raw)
		if (kind == "") == (err == nil) {
			t.Errorf("%q %v", kind, err)
		}
	})
}
