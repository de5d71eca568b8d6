package info

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake struct {
	info system.Info
	err  error
}

func (f fake) Info(context.Context, moby.InfoOptions) (moby.SystemInfoResult, error) {
	return moby.SystemInfoResult{Info: f.info}, f.err
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

func TestRead(t *testing.T) {
	t.Parallel()
	str, yes, no := types.StringValue, types.BoolValue(true), types.BoolValue(false)
	tests := map[string]map[string]attr.Value{
		"dockerd20.json": {
			"id": str("SVWV:M2ZH:72VH:C23O:DIGW:BD2W:Q6K6:D24C:Y3OD:3JAX:EGVY:2BMU"), "server_version": str("20.10.24+dfsg1"),
			"operating_system": str("Debian GNU/Linux 12 (bookworm)"), "os_type": str("linux"), "architecture": str("x86_64"), "images": types.Int64Value(9),
			"driver": str("vfs"), "driver_status": flatten.TextMap(nil), "logging_driver": str("json-file"), "cgroup_driver": str("cgroupfs"), "cgroup_version": str("1"),
			"network_plugins": flatten.Texts([]string{"bridge", "host", "ipvlan", "macvlan", "null", "overlay"}), "authorization_plugins": flatten.Texts[string](nil),
			"memory_limit": yes, "debug": no, "swarm_state": str("inactive"), "swarm_node_id": types.StringNull(), "swarm_manager": no,
			"insecure_registries": flatten.Texts([]string{"127.0.0.0/8"}), "index_server_address": str("https://index.docker.io/v1/"), "default_runtime": str("runc"),
			"isolation": types.StringNull(), "live_restore_enabled": no,
		},
		"podman4.json": {
			"operating_system": str("debian"), "os_version": str("12"), "cgroup_version": str("1"), "logging_driver": types.StringNull(),
			"network_plugins": flatten.Texts([]string{"bridge", "macvlan", "ipvlan"}), "index_server_address": types.StringNull(),
			"runtimes": flatten.Texts([]string{"crun", "kata", "krun", "runc", "runj", "runsc"}), "insecure_registries": flatten.Texts[string](nil),
			"security_options": flatten.Texts([]string{"name=seccomp,profile=default"}),
		},
	}
	data, err := contract.HostData(t.Context(), DataSource{})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var i system.Info
			load(t, file, &i)
			got, err := data.Read(t.Context(), fake{info: i}, data.Node().Null())
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range got.Attributes() {
				if w, ok := want[name]; ok && !w.Equal(value) {
					t.Errorf("%s: got %s, want %s", name, value, w)
				}
				if value.IsUnknown() {
					t.Errorf("%s is unknown", name)
				}
			}
			for name := range want {
				if _, ok := got.Attributes()[name]; !ok {
					t.Errorf("no attribute %s", name)
				}
			}
		})
	}
	if _, err := (DataSource{}).Read(t.Context(), fake{err: errs.ErrUnavailable}, Model{}); errs.Class(err) != errs.ErrUnavailable {
		t.Errorf("engine away: %v", err)
	}
}

// TestSecrets: proxy addresses hold passwords.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for name := range (DataSource{}).Schema(t.Context()).Attributes {
		switch name {
		case "http_proxy", "https_proxy", "no_proxy":
			t.Errorf("%s is in the schema", name)
		}
	}
}
