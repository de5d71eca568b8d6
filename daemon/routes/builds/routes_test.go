package builds_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/routes/builds"
	"github.com/cleat-dev/cleat/daemon/server"
)

// backend notes what it is asked and says what it is told to.
type backend struct {
	got  client.ImageBuildOptions
	body string
	say  []string
	id   string
	err  error
}

func (b *backend) Build(_ context.Context, body io.Reader, o client.ImageBuildOptions, send func(stream.Message) error) (string, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	b.got, b.body = o, string(raw)
	for _, text := range b.say {
		if err := send(stream.Message{Stream: text}); err != nil {
			return "", err
		}
	}
	return b.id, b.err
}

func (b *backend) Insert(_ context.Context, image, address, path string, send func(stream.Message) error) (string, error) {
	b.body = strings.Join([]string{image, address, path}, " ")
	for _, text := range b.say {
		if err := send(stream.Message{Status: text}); err != nil {
			return "", err
		}
	}
	return b.id, b.err
}

type failed struct{}

func (failed) Error() string { return "it failed" }
func (failed) ExitCode() int { return 7 }

func post(t *testing.T, b *backend, query, config string) (int, string) {
	t.Helper()
	s, err := server.New(server.Config{Routes: builds.Routes(b)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1.44/build?"+query, strings.NewReader("context"))
	if config != "" {
		r.Header.Set("X-Registry-Config", config)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestParameters(t *testing.T) {
	t.Parallel()
	value := "v"
	for query, want := range map[string]client.ImageBuildOptions{
		"":          {Remove: true},
		"rm=0":      {},
		"rm=false":  {},
		"rm=1":      {Remove: true},
		"forcerm=1": {Remove: true, ForceRemove: true},
		"rm=0&forcerm=1&nocache=True&pull=1&q=yes": {Remove: true, ForceRemove: true, NoCache: true, PullParent: true, SuppressOutput: true},
		"t=a&t=b:1&dockerfile=d&remote=r&target=x": {Remove: true, Tags: []string{"a", "b:1"}, Dockerfile: "d", RemoteContext: "r", Target: "x"},
		"memory=1&memswap=-1&cpushares=2&cpuperiod=3&cpuquota=4&cpusetcpus=0-1&cpusetmems=0&shmsize=5&cgroupparent=p": {Remove: true, Memory: 1,
			MemorySwap: -1, CPUShares: 2, CPUPeriod: 3, CPUQuota: 4, CPUSetCPUs: "0-1", CPUSetMems: "0", ShmSize: 5, CgroupParent: "p"},
		"networkmode=none&extrahosts=a:1&extrahosts=b:2": {Remove: true, NetworkMode: "none", ExtraHosts: []string{"a:1", "b:2"}},
		`buildargs={"a":"v","b":null}&labels={"l":"v"}&cachefrom=["c"]`: {Remove: true, BuildArgs: map[string]*string{"a": &value, "b": nil},
			Labels: map[string]string{"l": "v"}, CacheFrom: []string{"c"}},
		`ulimits=[{"Name":"n","Soft":1,"Hard":2}]`: {Remove: true, Ulimits: []*container.Ulimit{{Name: "n", Soft: 1, Hard: 2}}},
		"platform=linux/arm64":                     {Remove: true, Platforms: []ocispec.Platform{{OS: "linux", Architecture: "arm64"}}},
		"squash=1&version=1":                       {Remove: true, Squash: true},
	} {
		b := &backend{id: "sha256:1"}
		if status, body := post(t, b, query, ""); status != http.StatusOK || b.body != "context" {
			t.Errorf("%s: %d %s", query, status, body)
		}
		if diff := cmp.Diff(want, b.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	one := map[string]registry.AuthConfig{"r": {Username: "u", Password: "p?>"}}
	auth := base64.StdEncoding.EncodeToString([]byte("u:p?>"))
	for text, want := range map[string]map[string]registry.AuthConfig{
		`{"r":{"username":"u","password":"p?>"}}`:             one,
		`{"configs":{"r":{"username":"u","password":"p?>"}}}`: one,
		`{"auths":{"r":{"auth":"` + auth + `"}}}`:             one,
		`{}`:   {},
		`[1]`:  nil,
		`null`: nil,
	} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			b := &backend{id: "x"}
			if status, body := post(t, b, "", encoding.EncodeToString([]byte(text))); status != http.StatusOK {
				t.Errorf("%s: %d %s", text, status, body)
			}
			if diff := cmp.Diff(want, b.got.AuthConfigs); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
		}
	}
	b := &backend{id: "x"}
	if status, _ := post(t, b, "", "!"); status != http.StatusOK || b.got.AuthConfigs != nil {
		t.Errorf("no base64: %d %v", status, b.got.AuthConfigs)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query  string
		b      backend
		status int
		body   string
	}{
		"success":              {"", backend{id: "i", say: []string{"a", "b"}}, 200, "{\"stream\":\"a\"}\r\n{\"stream\":\"b\"}\r\n"},
		"quiet":                {"q=1", backend{id: "i", say: []string{"a"}}, 200, "{\"stream\":\"i\\n\"}\r\n"},
		"failure before":       {"", backend{err: errors.Join(errs.ErrInvalid)}, 400, "{\"message\":\"invalid argument\"}\n"},
		"failure of a command": {"", backend{say: []string{"a"}, err: failed{}}, 200, "{\"stream\":\"a\"}\r\n{\"errorDetail\":{\"code\":7,\"message\":\"it failed\"},\"error\":\"it failed\"}\r\n"},
		"quiet failure":        {"q=1", backend{say: []string{"a"}, err: failed{}}, 200, "{\"stream\":\"a\"}\r\n{\"errorDetail\":{\"code\":7,\"message\":\"it failed\"},\"error\":\"it failed\"}\r\n"},
		"failure after":        {"", backend{say: []string{"a"}, err: errors.New("no")}, 200, "{\"stream\":\"a\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n"},
	} {
		if status, body := post(t, &test.b, test.query, ""); status != test.status || body != test.body {
			t.Errorf("%s: %d %q, want %d %q", name, status, body, test.status, test.body)
		}
	}
}

// FuzzCredentials reads any header: it is credentials or none.
func FuzzCredentials(f *testing.F) {
	for _, seed := range []string{"", "!", "e30=", base64.StdEncoding.EncodeToString([]byte(`{"auths":{"r":{"auth":"dTpw"}}}`)), base64.URLEncoding.EncodeToString([]byte(`{"r":{}}`))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		b := &backend{id: "x"}
		if status, body := post(t, b, "", header); status != http.StatusOK {
			t.Errorf("%q: %d %s", header, status, body)
		}
	})
}
