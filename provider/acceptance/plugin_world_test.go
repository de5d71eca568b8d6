package acceptance

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// What the plugins of the tests say of themselves. Their program is the same, testdata/plugin.
const (
	// plainPlugin is of no use to anything on the engine.
	plainPlugin = `{"description":"does nothing","documentation":"","entrypoint":["/plugin"],"network":{"type":"host"},
"interface":{"types":["cleat.nothing/1.0"],"socket":"p.sock"},"env":[{"name":"DEBUG","value":"0","settable":["value"]}],
"linux":{"capabilities":["CAP_NET_ADMIN"]}}`
	// volumePlugin is a volume driver: an engine asks it for every volume it does not know, so it is for an engine of a
	// test's own.
	volumePlugin = `{"description":"keeps volumes","documentation":"","entrypoint":["/plugin"],"network":{"type":"host"},
"interface":{"types":["docker.volumedriver/1.0"],"socket":"p.sock"},"env":[{"name":"DEBUG","value":"0","settable":["value"]}],
"linux":{"capabilities":["CAP_NET_ADMIN"]}}`
	// curiousPlugin is one that asks for more.
	curiousPlugin = `{"description":"keeps volumes","documentation":"","entrypoint":["/plugin"],"network":{"type":"host"},"pidhost":true,
"interface":{"types":["docker.volumedriver/1.0"],"socket":"p.sock"},"env":[{"name":"DEBUG","value":"0","settable":["value"]}],
"mounts":[{"name":"etc","description":"","source":"/etc","destination":"/host","type":"bind","options":["rbind","ro"]}],
"linux":{"capabilities":["CAP_NET_ADMIN","CAP_CHOWN"],"devices":[{"name":"null","description":"","path":"/dev/null"}]}}`
)

// publish makes plugins and pushes them to a registry of their own, as "NAME:1", "NAME:2" …; it returns the name. Engines
// speak TLS alone to registries of plugins, and do not verify it of one on the loopback address. The provider gets the
// registry's credentials.
func (b *bench) publish(auth acctest.Auth, configs ...string) string {
	b.t.Helper()
	backend := acctest.NewRegistry(b.t, auth)
	target := &url.URL{Scheme: "http", Host: backend.Address}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	b.t.Cleanup(front.Close)
	host := strings.TrimPrefix(front.URL, "https://")
	name := host + "/team/p"
	b.provider = fmt.Sprintf("registry_auth {\n  address  = %q\n  username = %q\n  password = %q\n}\n", host, auth.Username, auth.Password)
	b.must(func() error {
		header, err := json.Marshal(registry.AuthConfig{Username: auth.Username, Password: auth.Password, ServerAddress: host})
		if err != nil {
			return err
		}
		program, err := b.pluginProgram()
		if err != nil {
			return err
		}
		for i, config := range configs {
			if err := b.pushPlugin(fmt.Sprintf("%s:%d", name, i+1), base64.URLEncoding.EncodeToString(header), config, program); err != nil {
				return err
			}
		}
		return nil
	})()
	return name
}

// pushPlugin makes a plugin, pushes it and removes it from the engine.
func (b *bench) pushPlugin(ref, auth, config string, program []byte) error {
	ctx := b.t.Context()
	content, err := pluginContent(config, program)
	if err != nil {
		return err
	}
	if _, err := b.docker.PluginCreate(ctx, content, moby.PluginCreateOptions{RepoName: ref}); err != nil {
		return err
	}
	pushed, err := b.docker.PluginPush(ctx, ref, moby.PluginPushOptions{RegistryAuth: auth})
	if err != nil {
		return err
	}
	defer pushed.Close()
	said, err := io.ReadAll(pushed)
	if err == nil && bytes.Contains(said, []byte(`"error"`)) {
		err = fmt.Errorf("push: %s", said)
	}
	if err != nil {
		return err
	}
	_, err = b.docker.PluginRemove(ctx, ref, moby.PluginRemoveOptions{})
	return err
}

func (b *bench) pluginProgram() ([]byte, error) {
	program := filepath.Join(b.t.TempDir(), "plugin")
	build := exec.CommandContext(b.t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata/plugin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	return os.ReadFile(program)
}

// pluginContent is the archive a plugin is made from.
func pluginContent(config string, program []byte) (io.Reader, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range []struct {
		name    string
		content []byte
	}{{"config.json", []byte(config)}, {"rootfs/plugin", program}} {
		if err := w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o755, Size: int64(len(file.content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := w.Write(file.content); err != nil {
			return nil, err
		}
	}
	return &archive, w.Close()
}
