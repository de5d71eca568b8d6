package networks_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/routes/networks"
	"github.com/cleat-dev/cleat/daemon/server"
)

// fake writes down what it is asked.
type fake struct{ asked []string }

func (f *fake) note(format string, args ...any) {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
}

var front = network.Inspect{
	Network: network.Network{
		Name: "front", ID: "f1", Scope: "local", Driver: "bridge", EnableIPv4: true,
		IPAM: network.IPAM{Driver: "default", Config: []network.IPAMConfig{{
			Subnet: netip.MustParsePrefix("10.1.0.0/24"), Gateway: netip.MustParseAddr("10.1.0.1"),
		}}},
	},
	Containers: map[string]network.EndpointResource{"c1": {Name: "web", EndpointID: "e1", IPv4Address: netip.MustParsePrefix("10.1.0.2/24")}},
}

func (f *fake) Create(_ context.Context, want network.CreateRequest) (string, error) {
	f.note("create %s %s %v", want.Name, want.Driver, want.Options)
	switch want.Name {
	case "bridge":
		return "", errs.Forbid(fmt.Errorf("operation is not permitted on predefined bridge network: %w", errs.ErrConflict))
	case "front":
		return "", fmt.Errorf("network with name front already exists: %w", errs.ErrConflict)
	}
	return "f1", nil
}

func (f *fake) Inspect(ref string) (network.Inspect, error) {
	f.note("inspect %s", ref)
	if ref != "front" {
		return network.Inspect{}, fmt.Errorf("network %s not found: %w", ref, errs.ErrNotFound)
	}
	return front, nil
}

func (f *fake) List(filters map[string][]string) ([]network.Inspect, error) {
	f.note("list %v", filters)
	return []network.Inspect{front}, nil
}

func (f *fake) Remove(_ context.Context, ref string) error {
	f.note("remove %s", ref)
	if ref == "used" {
		return errs.Forbid(fmt.Errorf("error while removing network: network used has active endpoints: %w", errs.ErrConflict))
	}
	return nil
}

func (f *fake) Connect(_ context.Context, ref string, want network.ConnectRequest) error {
	aliases := []string(nil)
	if want.EndpointConfig != nil {
		aliases = want.EndpointConfig.Aliases
	}
	f.note("connect %s %s %v", ref, want.Container, aliases)
	return nil
}

func (f *fake) Disconnect(_ context.Context, ref string, want network.DisconnectRequest) error {
	f.note("disconnect %s %s %v", ref, want.Container, want.Force)
	if want.Container == "none" {
		return fmt.Errorf("No such container: none: %w", errs.ErrNotFound)
	}
	return nil
}

func (f *fake) Prune(_ context.Context, filters map[string][]string) (network.PruneReport, error) {
	f.note("prune %v", filters)
	return network.PruneReport{NetworksDeleted: []string{"front"}}, nil
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               []string // parts of the body
		not                string   // what is not in it
		asked              string
	}{
		"list":             {"GET", "/v1.44/networks", "", 200, []string{`"Name":"front"`, `"Subnet":"10.1.0.0/24"`}, `"Containers"`, "list map[]"},
		"list with all":    {"GET", "/v1.27/networks", "", 200, []string{`"Containers":{"c1":`}, "", "list map[]"},
		"list filtered":    {"GET", "/networks?filters=" + url.QueryEscape(`{"name":{"a":true}}`), "", 200, nil, "", "list map[name:[a]]"},
		"bad filters":      {"GET", "/networks?filters=x", "", 400, nil, "", ""},
		"create":           {"POST", "/networks/create", `{"Name":"n","Driver":"bridge","CheckDuplicate":true,"Options":{"a":"b"}}`, 201, []string{`"Id":"f1"`, `"Warning":""`}, "", "create n bridge map[a:b]"},
		"create again":     {"POST", "/networks/create", `{"Name":"front"}`, 409, []string{`{"message":"network with name front already exists"}`}, "", "create front  map[]"},
		"create forbidden": {"POST", "/networks/create", `{"Name":"bridge"}`, 403, []string{"not permitted on predefined bridge network"}, "", "create bridge  map[]"},
		"create bad JSON":  {"POST", "/networks/create", `{"Name":1}`, 400, nil, "", ""},
		"create bad net":   {"POST", "/networks/create", `{"Name":"n","IPAM":{"Config":[{"Subnet":"10.1"}]}}`, 400, nil, "", ""},
		"inspect":          {"GET", "/networks/front?verbose=false&scope=local", "", 200, []string{`"IPv4Address":"10.1.0.2/24"`, `"Name":"web"`}, "", "inspect front"},
		"inspect none":     {"GET", "/networks/none", "", 404, []string{`{"message":"network none not found"}`}, "", "inspect none"},
		"remove":           {"DELETE", "/networks/front", "", 204, nil, "{", "remove front"},
		"remove used":      {"DELETE", "/networks/used", "", 403, []string{"has active endpoints"}, "", "remove used"},
		"connect":          {"POST", "/networks/front/connect", `{"Container":"web","EndpointConfig":{"Aliases":["www"]}}`, 200, nil, "{", "connect front web [www]"},
		"disconnect":       {"POST", "/networks/front/disconnect", `{"Container":"web","Force":true}`, 200, nil, "{", "disconnect front web true"},
		"disconnect none":  {"POST", "/networks/front/disconnect", `{"Container":"none"}`, 404, []string{"No such container: none"}, "", "disconnect front none false"},
		"prune":            {"POST", "/networks/prune", "", 200, []string{`{"NetworksDeleted":["front"]}`}, "", "prune map[]"},
		"too old":          {"GET", "/v1.20/networks", "", 404, []string{"page not found"}, "", ""},
		"prune too old":    {"POST", "/v1.24/networks/prune", "", 404, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			s, err := server.New(server.Config{Routes: networks.Routes(f)})
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
			for _, part := range c.want {
				if !strings.Contains(string(body), part) {
					t.Errorf("no %s in %s", part, body)
				}
			}
			if c.not != "" && strings.Contains(string(body), c.not) {
				t.Errorf("%s in %s", c.not, body)
			}
			if diff := cmp.Diff(c.asked, strings.Join(f.asked, "; ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
