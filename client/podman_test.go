package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
)

// A build's hosts, security options and limits reach every engine in the form it reads.
func TestBuildForms(t *testing.T) {
	t.Parallel()
	for product, want := range map[string]url.Values{
		"Podman Engine": {"extrahosts": {`["a:192.0.2.1","b:192.0.2.2"]`}, "securityopt": {`["seccomp=unconfined"]`}, "ulimits": {`["nofile=100:200","core=-1:-1"]`}},
		"Engine":        {"extrahosts": {"a:192.0.2.1", "b:192.0.2.2"}, "securityopt": {"seccomp=unconfined"}, "ulimits": {`[{"Name":"nofile","Hard":200,"Soft":100},{"Name":"core","Hard":-1,"Soft":-1}]`}},
	} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			got := make(chan url.Values, 2)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/build") {
					_, _ = io.WriteString(w, `{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":"`+product+`","Version":"4.3.1"}]}`)
					return
				}
				got <- r.URL.Query()
			}))
			t.Cleanup(server.Close)
			c, err := New(t.Context(), Config{Host: "tcp://" + server.Listener.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			for _, o := range []moby.ImageBuildOptions{
				{ExtraHosts: []string{"a:192.0.2.1", "b:192.0.2.2"}, SecurityOpt: []string{"seccomp=unconfined"}, Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "core", Soft: -1, Hard: -1}}}, {},
			} {
				answer, err := c.ImageBuild(t.Context(), strings.NewReader(""), o)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
			}
			pick := func(all url.Values) url.Values {
				picked := url.Values{}
				for _, name := range []string{"extrahosts", "securityopt", "ulimits"} {
					if all.Has(name) {
						picked[name] = all[name]
					}
				}
				return picked
			}
			if diff := cmp.Diff(want, pick(<-got)); diff != "" {
				t.Errorf("what the engine got (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(url.Values{}, pick(<-got)); diff != "" {
				t.Errorf("of a build without either (-want +got):\n%s", diff)
			}
		})
	}
	if err := podmanBuild(url.Values{"ulimits": {"nofile"}}); err == nil {
		t.Error("limits that are no JSON are taken")
	}
}

func TestPodmanEvents(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 500)
	for given, want := range map[string]string{
		"":                       "",
		"until=x":                "until=x",
		"until=999.999999999":    "stream=false",
		"until=1000.000000500":   "stream=false",
		"until=1000":             "stream=false",
		"until=1000.000000501":   "until=1001",
		"until=1001.000000000":   "until=1001.000000000",
		"since=5&until=1.000000": "since=5&stream=false",
		"until=1000.x":           "until=1000.x",
	} {
		query, err := url.ParseQuery(given)
		if err != nil {
			t.Fatal(err)
		}
		podmanEvents(query, now)
		if got := query.Encode(); got != want {
			t.Errorf("%s becomes %s, want %s", given, got, want)
		}
	}
}
