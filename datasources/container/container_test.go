package container

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// fake finds its containers by name and by id.
type fake []mobycontainer.InspectResponse

func (f fake) ContainerInspect(_ context.Context, asked string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	for _, c := range f {
		if c.Name == "/"+asked || c.ID == asked {
			return moby.ContainerInspectResult{Container: c}, nil
		}
	}
	return moby.ContainerInspectResult{}, errs.ErrNotFound
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	engine := fake{{ID: "id1", Name: "/web"}, {ID: "id2", Name: "/db"}}
	str := types.StringValue
	tests := map[string]struct {
		config Model
		id     string
		path   string // of the error
		class  error
	}{
		"by name":              {config: Model{Name: str("db")}, id: "id2"},
		"by name with a slash": {config: Model{Name: str("/db")}, id: "id2"},
		"by id":                {config: Model{ID: str("id1")}, id: "id1"},
		"by both":              {config: Model{ID: str("id1"), Name: str("web")}, id: "id1"},
		"by two that differ":   {config: Model{ID: str("id1"), Name: str("db")}, path: "name", class: errs.ErrInvalid},
		"by nothing":           {path: "name", class: errs.ErrInvalid},
		"no such name":         {config: Model{Name: str("x")}, path: "name", class: errs.ErrNotFound},
		"no such id":           {config: Model{ID: str("x")}, path: "id", class: errs.ErrNotFound},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := DataSource{}.Read(t.Context(), engine, test.config)
			path, _ := contract.PathOf(err)
			if path != test.path || test.class != nil && !errors.Is(err, test.class) || test.class == nil && err != nil {
				t.Fatalf("error %v, want one of class %v at %q", err, test.class, test.path)
			}
			if err == nil && (got.ID.ValueString() != test.id || !test.config.Name.IsNull() && got.Name != test.config.Name) {
				t.Errorf("got %s, %s", got.ID, got.Name)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	str, num, null := types.StringValue, func(n int64) attr.Value { return types.Int64Value(n) }, types.StringNull()
	port := func(internal int64, protocol string, external, ip attr.Value) map[string]attr.Value {
		return map[string]attr.Value{"internal": num(internal), "protocol": str(protocol), "external": external, "ip": ip}
	}
	unpublished := portObject.List([]map[string]attr.Value{port(53, "udp", types.Int64Null(), null), port(80, "tcp", types.Int64Null(), null)})
	tests := map[string]map[string]attr.Value{
		"dockerd20-c3.json": {
			"name": str("c3"), "state": str("running"), "health": null, "exit_code": types.Int64Null(), "finished_at": null, "restart": str("no"),
			"command": flatten.Texts([]string{"sleep", "600"}), "entrypoint": flatten.Texts([]string{"/bin/busybox"}), "env": flatten.Texts([]string{"PATH=/bin", "HELLO=world"}),
			"ip_address": str("10.203.6.77"), "network_mode": str("subonly"), "ports": unpublished, "image": str("cleat/test:1"), "user": str("1000"),
			"networks": networkObject.List([]map[string]attr.Value{{
				"name": str("subonly"), "network_id": str("95a588612cdbf9fe50dec91aabd8e3322c4730dc588a6be502511fabbb0448f6"),
				"endpoint_id": str("a91ead88bcd2504d7714bf720b559c8fa12aca721e49bc570ae96bd0a092fd2a"), "ip_address": str("10.203.6.77"), "ip_prefix_length": num(24),
				"gateway": str("10.203.6.1"), "global_ipv6_address": null, "global_ipv6_prefix_length": types.Int64Null(), "ipv6_gateway": null,
				"mac_address": str("02:42:0a:cb:06:4d"), "aliases": flatten.Texts([]string{"al", "11b8ca33dfef"}),
			}}),
		},
		"dockerd20-c1.json": {
			"state": str("exited"), "status": str("exited"), "health": str("unhealthy"), "exit_code": num(0), "pid": types.Int64Null(), "restart": str("on-failure"), "ip_address": null,
			"labels": flatten.TextMap(map[string]string{"l": "m", "org.test": "cleat"}), "ports": portObject.List(nil), "platform": str("linux"), "log_driver": str("json-file"),
			"mounts": mountObject.List([]map[string]attr.Value{
				{"type": str("volume"), "name": str("v1"), "source": str("/tmp/h4/d/data/volumes/v1/_data"), "target": str("/data"), "driver": str("local"), "mode": str("z"), "read_only": types.BoolValue(false), "propagation": null},
				{"type": str("bind"), "name": null, "source": str("/tmp/h4/img"), "target": str("/img"), "driver": null, "mode": str("ro"), "read_only": types.BoolValue(true), "propagation": str("rprivate")},
			}),
		},
		"podman4-c3.json": {
			"name": str("c3"), "state": str("running"), "health": null, "pid": num(18933), "ip_address": str("10.204.1.131"), "network_mode": str("bridge"), "ports": unpublished,
			"image": str("docker.io/cleat/test:1"), "image_id": str("sha256:7440bed2cac656ce2161524a2b5f229494e8703b5350e9e3bfbd6477a697b055"),
		},
	}
	data, err := contract.HostData(t.Context(), DataSource{})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var c mobycontainer.InspectResponse
			load(t, file, &c)
			m, err := DataSource{}.Read(t.Context(), fake{c}, Model{ID: types.StringValue(c.ID)})
			if err != nil {
				t.Fatal(err)
			}
			object, err := data.Read(t.Context(), fake{c}, idOnly(t, data, c.ID))
			if err != nil {
				t.Fatal(err)
			}
			got := object.Attributes()
			for name, w := range want {
				if diff := cmp.Diff(w, got[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if m.ID.ValueString() != c.ID {
				t.Errorf("id %s", m.ID)
			}
		})
	}
}

func idOnly(t *testing.T, data contract.Data, id string) types.Object {
	t.Helper()
	values := map[string]attr.Value{}
	for _, a := range data.Node().Attributes {
		values[a.Name] = a.Null
	}
	values["id"] = types.StringValue(id)
	object, err := data.Node().Object(values)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestPublishedPorts(t *testing.T) {
	t.Parallel()
	bind := func(ip, port string) mobynetwork.PortBinding {
		return mobynetwork.PortBinding{HostIP: netip.MustParseAddr(ip), HostPort: port}
	}
	got := flattenPorts(mobynetwork.PortMap{
		mobynetwork.MustParsePort("443/tcp"): {bind("::", "8443"), bind("0.0.0.0", "8443")},
		mobynetwork.MustParsePort("80/tcp"):  {{HostPort: ""}},
	})
	var lines []string
	for _, item := range got.Elements() {
		lines = append(lines, item.String())
	}
	want := []string{
		`{"external":<null>,"internal":80,"ip":<null>,"protocol":"tcp"}`,
		`{"external":8443,"internal":443,"ip":"0.0.0.0","protocol":"tcp"}`,
		`{"external":8443,"internal":443,"ip":"::","protocol":"tcp"}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

// TestOldStates: engines before API 1.21 have flags and no status.
func TestOldStates(t *testing.T) {
	t.Parallel()
	for want, state := range map[string]mobycontainer.State{
		"running": {Running: true, StartedAt: "2015-05-01T00:00:00Z"}, "paused": {Running: true, Paused: true}, "restarting": {Running: true, Restarting: true},
		"created": {StartedAt: "0001-01-01T00:00:00Z"}, "exited": {StartedAt: "2015-05-01T00:00:00Z"}, "dead": {Dead: true},
	} {
		var m Model
		flattenState(&state, &m)
		if m.State.ValueString() != want {
			t.Errorf("got %s, want %s", m.State, want)
		}
	}
}

func TestEnvIsSensitive(t *testing.T) {
	t.Parallel()
	if !(DataSource{}).Schema(t.Context()).Attributes["env"].IsSensitive() {
		t.Error("env is not sensitive")
	}
}
