//go:build linux

package daemon

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// index answers a search as the index of Docker Hub does.
func index(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/search" || r.URL.Query().Get("q") != "busy" || r.URL.Query().Get("n") != "3" {
			http.Error(w, r.URL.String(), http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"num_pages":1,"num_results":2,"query":"busy","results":[
			{"name":"busybox","description":"of the index","star_count":7,"is_official":true},
			{"name":"someone/busybox","description":"","star_count":1}]}`)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestTransfer: images come from and go to registries, a dockerd and skopeo. The sessions are in testdata/transfer.txt.
func TestTransfer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"docker", "skopeo"} {
		acctest.Program(t, name)
	}
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "someone", Password: "open-sesame"})
	dockerd := acctest.Dockerd(t)
	e := acctest.NewCleatd(t, "--search-index", index(t))
	t.Run("sessions", func(t *testing.T) {
		for _, s := range sessions(t, "testdata/transfer.txt") {
			for _, version := range cliVersions {
				if s.version != "" && s.version != version {
					continue
				}
				t.Run(s.name+"/"+version, func(t *testing.T) {
					t.Parallel()
					c := newCLI(t, e, version)
					c.set("REGISTRY", registry.Address)
					c.set("N", fmt.Sprintf("%s-%s", s.name, strings.ReplaceAll(version, ".", "")))
					c.env = append(c.env, "USER="+registry.Auth.Username, "PASSWORD="+registry.Auth.Password,
						"D=env -u DOCKER_API_VERSION DOCKER_HOST="+dockerd.Host)
					c.play(t, s)
				})
			}
		}
	})
}
