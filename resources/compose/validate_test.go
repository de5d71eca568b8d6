package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tftypes "github.com/hashicorp/terraform-plugin-framework/types"
)

func model(t *testing.T, yaml string) Model {
	t.Helper()
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return Model{ConfigPaths: list([]string{file}), ProjectName: tftypes.StringValue("p")}
}

// TestValidate: what cannot be done is refused without an engine, with the file and the key.
func TestValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		yaml, want string
		warning    bool
	}{
		"fine":        {yaml: "services: {a: {image: a}}"},
		"yaml":        {yaml: "services: [", want: "Compose files cannot be used"},
		"cycle":       {yaml: "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: a, depends_on: [a]}", want: "Dependency cycle detected: a -> b -> a."},
		"unknown":     {yaml: "services: {a: {image: a, depends_on: [b]}}", want: `depends on undefined service "b"`},
		"develop":     {yaml: "services: {a: {image: a, develop: {watch: []}}}", want: "services.a.develop in /"},
		"swarm":       {yaml: "services: {a: {image: a, deploy: {endpoint_mode: vip}}}", want: "services.a.deploy.endpoint_mode in /", warning: true},
		"variable":    {yaml: "services: {a: {image: \"${CLEAT_IS_NOT_SET}a${CLEAT_NOT_EITHER:-}$$X\"}}", want: "The variable CLEAT_IS_NOT_SET has no value", warning: true},
		"port":        {yaml: "services: {a: {image: a, expose: [\"x\"]}}", want: "expose"},
		"address":     {yaml: "services: {a: {image: a, networks: {n: {ipv4_address: 1.2.3}}}}\nnetworks: {n: }", want: "services.a.networks.n: ipv4_address"},
		"seccomp":     {yaml: "services: {a: {image: a, security_opt: [seccomp=no.json]}}", want: "services.a.security_opt[0]"},
		"subnet":      {yaml: "services: {a: {image: a, networks: [n]}}\nnetworks: {n: {ipam: {config: [{subnet: x}]}}}", want: "networks.n.ipam.config[0]: subnet"},
		"environment": {yaml: "services: {a: {image: a, secrets: [s]}}\nsecrets: {s: {environment: CLEAT_IS_NOT_SET}}", want: `"CLEAT_IS_NOT_SET" is not set`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := Type{}.Validate(t.Context(), model(t, test.yaml))
			found := diags.Errors()
			if test.warning {
				if len(found) > 0 {
					t.Fatalf("refused: %v", found)
				}
				found = diags.Warnings()
			}
			text := ""
			for _, d := range found {
				text += d.Summary() + ": " + d.Detail() + "\n"
			}
			if test.want == "" && text != "" || !strings.Contains(text, test.want) {
				t.Errorf("said %q, want %q in it", text, test.want)
			}
			if strings.Contains(text, "CLEAT_NOT_EITHER") {
				t.Errorf("said %q of what has a default", text)
			}
		})
	}
	gone := Model{ConfigPaths: list([]string{"no/such/compose.yaml"})}
	if diags := (Type{}).Validate(t.Context(), gone); !diags.HasError() {
		t.Error("a file that is not there is taken")
	}
	unknown := Model{ConfigPaths: tftypes.ListUnknown(tftypes.StringType)}
	if diags := (Type{}).Validate(t.Context(), unknown); len(diags) > 0 {
		t.Errorf("files that are not known yet: %v", diags)
	}
}
