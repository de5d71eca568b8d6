package volumes_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/routes/volumes"
	"github.com/cleat-dev/cleat/daemon/server"
)

// fake writes down what it is asked.
type fake struct{ asked []string }

func (f *fake) note(format string, args ...any) {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
}

var data = volume.Volume{Name: "data", Driver: "local", Scope: "local", Mountpoint: "/v/data/_data"}

func (f *fake) Create(_ context.Context, name, driver string, options, labels map[string]string) (volume.Volume, error) {
	f.note("create %s %s %v %v", name, driver, options, labels)
	if driver != "" {
		return volume.Volume{}, fmt.Errorf("plugin %q not found: %w", driver, errs.ErrNotFound)
	}
	return data, nil
}

func (f *fake) Inspect(name string) (volume.Volume, error) {
	f.note("inspect %s", name)
	if name != data.Name {
		return volume.Volume{}, fmt.Errorf("get %s: no such volume: %w", name, errs.ErrNotFound)
	}
	return data, nil
}

func (f *fake) List(filters map[string][]string) (volume.ListResponse, error) {
	f.note("list %v", filters)
	return volume.ListResponse{Volumes: []volume.Volume{data}, Warnings: []string{}}, nil
}

func (f *fake) Remove(_ context.Context, name string, force bool) error {
	f.note("remove %s %v", name, force)
	if name == "used" {
		return fmt.Errorf("remove used: volume is in use - [c1]: %w", errs.ErrConflict)
	}
	return nil
}

func (f *fake) Prune(_ context.Context, filters map[string][]string) (volume.PruneReport, error) {
	f.note("prune %v", filters)
	return volume.PruneReport{VolumesDeleted: []string{"a"}, SpaceReclaimed: 7}, nil
}

const dataJSON = `{"Driver":"local","Labels":null,"Mountpoint":"/v/data/_data","Name":"data","Options":null,"Scope":"local"}`

func TestRoutes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string
		asked              string
	}{
		"list":            {"GET", "/v1.44/volumes", "", 200, `{"Volumes":[` + dataJSON + `],"Warnings":[]}`, "list map[]"},
		"list filtered":   {"GET", "/v1.21/volumes?filters=" + url.QueryEscape(`{"name":{"a":true},"dangling":["1"]}`), "", 400, "", ""},
		"list one form":   {"GET", "/volumes?filters=" + url.QueryEscape(`{"name":{"a":true}}`), "", 200, `{"Volumes":[` + dataJSON + `],"Warnings":[]}`, "list map[name:[a]]"},
		"bad filters":     {"GET", "/volumes?filters=x", "", 400, "", ""},
		"create":          {"POST", "/volumes/create", `{"Name":"data","DriverOpts":{"a":"b"},"Labels":{"c":"d"},"Unknown":1}`, 201, dataJSON, "create data  map[a:b] map[c:d]"},
		"create nothing":  {"POST", "/volumes/create", ``, 201, dataJSON, "create   map[] map[]"},
		"create plugin":   {"POST", "/volumes/create", `{"Driver":"x"}`, 404, "", "create  x map[] map[]"},
		"create cluster":  {"POST", "/volumes/create", `{"ClusterVolumeSpec":{}}`, 400, "", ""},
		"create bad JSON": {"POST", "/volumes/create", `{"Name":1}`, 400, "", ""},
		"inspect":         {"GET", "/volumes/data", "", 200, dataJSON, "inspect data"},
		"inspect none":    {"GET", "/volumes/none", "", 404, `{"message":"get none: no such volume"}`, "inspect none"},
		"remove":          {"DELETE", "/volumes/data", "", 204, "", "remove data false"},
		"remove force":    {"DELETE", "/volumes/data?force=1", "", 204, "", "remove data true"},
		"remove used":     {"DELETE", "/v1.21/volumes/used", "", 409, "remove used: volume is in use - [c1]", "remove used false"},
		"prune":           {"POST", "/volumes/prune", "", 200, `{"VolumesDeleted":["a"],"SpaceReclaimed":7}`, "prune map[]"},
		"prune before":    {"POST", "/v1.41/volumes/prune", "", 200, `{"VolumesDeleted":["a"],"SpaceReclaimed":7}`, "prune map[all:[true]]"},
		"too old":         {"GET", "/v1.20/volumes", "", 404, "page not found", ""},
		"prune too old":   {"POST", "/v1.24/volumes/prune", "", 404, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			s, err := server.New(server.Config{Routes: volumes.Routes(f)})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
			if c.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			body, err := io.ReadAll(w.Result().Body)
			if err != nil || w.Code != c.status {
				t.Errorf("status %d, %q, %v", w.Code, body, err)
			}
			if c.want != "" || w.Code == http.StatusNoContent {
				if diff := cmp.Diff(c.want, strings.TrimSpace(string(body))); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(c.asked, strings.Join(f.asked, "; ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
