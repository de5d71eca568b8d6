package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/datasources/registryimagetags"
	"github.com/cleat-dev/cleat/internal/catalog"
)

// What is asked of a registry alone needs no engine: neither one that is there nor one that is known.
func TestRegistryWithoutEngine(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"tags":["one"]}`) }))
	t.Cleanup(registry.Close)
	for name, host := range map[string]tftypes.Value{
		"unreachable": str("tcp://far:1"), "unknown": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newShop()
			engine.unreachable = fmt.Errorf("nobody there")
			p := newTestProvider(t, engine)
			d, err := catalog.HostData(t.Context(), registryimagetags.DataSource{})
			if err != nil {
				t.Fatal(err)
			}
			p.data = append(p.data, d)
			s := newSession(t, p)
			none(t, s.configure(map[string]tftypes.Value{"host": host, "disable_docker_daemon_check": tftypes.NewValue(tftypes.Bool, true)}, false).Diagnostics)
			config := value(t, d.Node(), map[string]tftypes.Value{"name": str(strings.TrimPrefix(registry.URL, "http://") + "/team/app")})
			answer, err := s.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: "docker_registry_image_tags", Config: dynamic(t, config)})
			if err != nil {
				t.Fatal(err)
			}
			none(t, answer.Diagnostics)
			raw, err := answer.State.Unmarshal(d.Node().Type().TerraformType(t.Context()))
			if err != nil || !strings.Contains(raw.String(), `"one"`) {
				t.Errorf("%s, %v", raw, err)
			}
			if engine.probes+engine.gets != 0 {
				t.Error("the engine was asked")
			}
		})
	}
}
