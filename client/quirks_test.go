package client

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
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
	for product, want := range map[string]int{"podman 4.3.1": 1, "podman 5.2.0": 0, "dockerd 20.10.24": 0, "podman": 0} {
		c := &Client{engine: &engine{product: product}}
		if got := c.Lacks(); len(got) != want {
			t.Errorf("%s lacks %v, want %d calls", product, got, want)
		}
	}
}
