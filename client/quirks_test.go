package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
)

func TestRestate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   int
	}{
		"podman's name conflict": {500, `{"message":"the container name \"web\" is already in use by 1a. You have to remove that container to be able to reuse that name: that name is already in use"}`, 409},
		"a real internal error":  {500, `{"message":"disk full"}`, 500},
		"an answer":              {200, `that name is already in use`, 200},
		"a conflict":             {409, `that name is already in use`, 409},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{StatusCode: test.status, Body: io.NopCloser(strings.NewReader(test.body))}
			restate(resp)
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != test.body || resp.StatusCode != test.want {
				t.Errorf("got %d %q (%v), want %d and the same body", resp.StatusCode, body, err, test.want)
			}
		})
	}
}

func TestMendNetworks(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1.41/networks/internal": `{"Gateway":""}`,
		"/v1.41/containers/x/json": `{"Gateway":"<nil>"}`,
	} {
		resp := &http.Response{
			StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"Gateway":"<nil>"}`)),
			Request: &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}},
		}
		if err := mendNetworks(resp); err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want {
			t.Errorf("%s: got %s (%v), want %s", path, body, err, want)
		}
	}
}

func TestLacks(t *testing.T) {
	t.Parallel()
	for product, want := range map[string]int{"podman 4.3.1": 2, "podman 5.2.0": 1, "dockerd 20.10.24": 0, "podman": 0} {
		c := &Client{engine: &engine{product: product}}
		if got := c.Lacks(); len(got) != want {
			t.Errorf("%s lacks %v, want %d calls", product, got, want)
		}
	}
}

// TestAgain: what podman fails over that somebody else does meanwhile is asked for again, not for ever, and other errors
// stand.
func TestAgain(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		path, body, answer string
		call               func(context.Context, *Client) error
	}{
		"images": {"/images/json", `retrieving parent of image: locating image with ID: image not known`, `[{"Id":"sha256:1"}]`, func(ctx context.Context, c *Client) error {
			_, err := c.ImageList(ctx, moby.ImageListOptions{})
			return err
		}},
		"network": {"/networks/create", `route ip+net: no such network interface`, `{"Id":"1"}`, func(ctx context.Context, c *Client) error {
			_, err := c.NetworkCreate(ctx, "n", moby.NetworkCreateOptions{})
			return err
		}},
		"container": {
			"/containers/create", `container create: creating named volume v: adding volume to state: name v is in use: volume already exists`, `{"Id":"1"}`,
			func(ctx context.Context, c *Client) error {
				_, err := c.ContainerCreate(ctx, moby.ContainerCreateOptions{Config: &container.Config{Image: "i"}})
				return err
			},
		},
	}
	for name, c := range map[string]struct {
		fails int
		other string
		want  int
		good  bool
	}{
		"at once": {0, "", 1, true}, "the third time": {2, "", 3, true}, "never": {100, "", attempts, false},
		"another error": {100, "disk on fire", 1, false},
	} {
		for what, call := range calls {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case !strings.HasSuffix(r.URL.Path, call.path):
						_, _ = io.WriteString(w, `{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}`)
					case int(asked.Add(1)) <= c.fails:
						w.WriteHeader(http.StatusInternalServerError)
						_, _ = fmt.Fprintf(w, `{"message":%q}`, cmp.Or(c.other, call.body))
					default:
						_, _ = io.WriteString(w, call.answer)
					}
				}))
				defer server.Close()
				api, err := New(t.Context(), Config{Host: "tcp://" + server.Listener.Addr().String()})
				if err != nil {
					t.Fatal(err)
				}
				defer api.Close()
				if err := call.call(t.Context(), api); (err == nil) != c.good || int(asked.Load()) != c.want {
					t.Errorf("asked %d times, want %d: %v", asked.Load(), c.want, err)
				}
			})
		}
	}
}

// TestContainerStartAgain: podman 4 is asked again to start a container whose files it has just unmounted, nobody else, not
// for ever, and other errors stand.
func TestContainerStartAgain(t *testing.T) {
	t.Parallel()
	const unmounted = `{"message":"mounting storage for container 1a: creating overlay mount to /x/merged: no such file or directory"}`
	for name, c := range map[string]struct {
		product, body string
		fails, want   int
		good          bool
	}{
		"at once":       {"Podman Engine 4.3.1", unmounted, 0, 1, true},
		"the third one": {"Podman Engine 4.3.1", unmounted, 2, 3, true},
		"never":         {"Podman Engine 4.3.1", unmounted, 100, startAttempts, false},
		"another error": {"Podman Engine 4.3.1", `{"message":"no such file or directory"}`, 100, 1, false},
		"podman 5":      {"Podman Engine 5.2.0", unmounted, 100, 1, false},
		"dockerd":       {"Engine 20.10.24", unmounted, 100, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			number := c.product[strings.LastIndex(c.product, " ")+1:]
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "/containers/web/start"):
					_, _ = fmt.Fprintf(w, `{"Version":%q,"ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":%q,"Version":%[1]q}]}`, number, strings.TrimSuffix(c.product, " "+number))
				case int(asked.Add(1)) <= c.fails:
					w.WriteHeader(http.StatusInternalServerError)
					_, _ = io.WriteString(w, c.body)
				default:
					w.WriteHeader(http.StatusNoContent)
				}
			}))
			defer server.Close()
			api, err := New(t.Context(), Config{Host: "tcp://" + server.Listener.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			defer api.Close()
			_, err = api.ContainerStart(t.Context(), "web", moby.ContainerStartOptions{})
			if (err == nil) != c.good || int(asked.Load()) != c.want {
				t.Errorf("asked %d times, want %d: %v", asked.Load(), c.want, err)
			}
		})
	}
}
