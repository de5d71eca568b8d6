package image

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// real is moby's client with no credentials.
type real struct{ *moby.Client }

func (real) RegistryAuth(context.Context, string) (string, error) { return "", nil }

func (real) RegistryAuthConfigs(context.Context) (map[string]registry.AuthConfig, error) {
	return nil, nil
}

// TestBuildArgumentsStayOutOfErrors: they are part of the call's URL, which HTTP errors quote.
func TestBuildArgumentsStayOutOfErrors(t *testing.T) {
	t.Parallel()
	dropping := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	}))
	t.Cleanup(dropping.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client hangs up
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)

	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	for name, host := range map[string]string{
		"no socket": "unix://" + filepath.Join(t.TempDir(), "no.sock"), "refused": "tcp://127.0.0.1:1",
		"dropped": "tcp://" + dropping.Listener.Addr().String(), "timeout": "tcp://" + slow.Listener.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := moby.New(moby.WithHost(host), moby.WithAPIVersion("1.41"))
			if err != nil {
				t.Fatal(err)
			}
			m := Model{
				Name: types.StringValue("app:v1"),
				Build: contract.BlocksOf(Build{
					Context: types.StringValue(dir), Dockerfile: types.StringValue("Dockerfile"), BuildArgs: dict("TOKEN", "hunter2").(types.Map),
				}),
				Timeouts: contract.BlocksOf(Timeouts{Create: types.StringValue("200ms")}),
			}
			_, err = New().Create(t.Context(), real{c}, m)
			if err == nil || errs.Class(err) != errs.ErrUnavailable {
				t.Errorf("error %v, class %v", err, errs.Class(err))
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "buildargs")) {
				t.Errorf("the error tells the build arguments: %v", err)
			}
			if name == "timeout" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCancelledStaysCancelled(t *testing.T) {
	t.Parallel()
	err := classified(&url.Error{Op: "Post", URL: "http://x/build?buildargs=hunter2", Err: context.Canceled})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}
