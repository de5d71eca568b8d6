package image

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	digest := "@sha256:" + strings.Repeat("ab", 32)
	n := newRig(t).r.Node()
	b, _ := n.Block("build")
	for name, c := range map[string]struct {
		name  string
		build map[string]attr.Value
		other map[string]attr.Value
		paths []string // of errors; set items are shortened to their block
	}{
		"pull":                {name: "busybox", paths: nil},
		"pull by digest":      {name: "busybox:1" + digest},
		"bad name":            {name: "Busy Box", paths: []string{"name"}},
		"bad platform":        {name: "a", other: map[string]attr.Value{"platform": str("linux/arm64/v8/x")}, paths: []string{"platform"}},
		"bad timeout":         {name: "a", other: map[string]attr.Value{"timeouts": item(t, n, "timeouts", map[string]attr.Value{"create": str("soon")})}, paths: []string{"timeouts.create"}},
		"build":               {name: "a", build: map[string]attr.Value{"context": str(dir)}},
		"build of a digest":   {name: "a" + digest, build: map[string]attr.Value{"context": str(dir)}, paths: []string{"name"}},
		"no directory":        {name: "a", build: map[string]attr.Value{"context": str(filepath.Join(dir, "no"))}, paths: []string{"build.context"}},
		"no Dockerfile":       {name: "a", build: map[string]attr.Value{"context": str(dir), "dockerfile": str("no")}, paths: []string{"build.dockerfile"}},
		"unknown directory":   {name: "a", build: map[string]attr.Value{"context": types.StringUnknown()}},
		"unknown Dockerfile":  {name: "a", build: map[string]attr.Value{"context": str(dir), "dockerfile": types.StringUnknown()}},
		"remote":              {name: "a", build: map[string]attr.Value{"context": str("https://example.com/a.git")}},
		"remote beside":       {name: "a", build: map[string]attr.Value{"context": str("no"), "remote_context": str("git://x/y")}},
		"legacy builder":      {name: "a", build: map[string]attr.Value{"context": str(dir), "use_legacy_builder": types.BoolValue(true), "version": str("1")}},
		"bad tag":             {name: "a", build: map[string]attr.Value{"context": str(dir), "tag": list("A b")}, paths: []string{"build.tag[0]"}},
		"bad extra host":      {name: "a", build: map[string]attr.Value{"context": str(dir), "extra_hosts": list("host")}, paths: []string{"build.extra_hosts[0]"}},
		"soft above hard":     {name: "a", build: map[string]attr.Value{"context": str(dir), "ulimit": item(t, b.Node, "ulimit", map[string]attr.Value{"name": str("nofile"), "soft": types.Int64Value(2), "hard": types.Int64Value(1)})}, paths: []string{"build.ulimit[0].soft"}},
		"attestations off":    {name: "a", build: map[string]attr.Value{"context": str(dir), "provenance": str("false"), "sbom": str("false")}},
		"secrets":             {name: "a", build: map[string]attr.Value{"context": str(dir), "secrets": item(t, b.Node, "secrets", map[string]attr.Value{"id": str("x")})}, paths: []string{"build.secrets"}},
		"additional contexts": {name: "a", build: map[string]attr.Value{"context": str(dir), "additional_contexts": list("a=b")}, paths: []string{"build.additional_contexts"}},
		"buildkit": {name: "a", build: map[string]attr.Value{"context": str(dir), "cache_to": list("x"), "builder": str("b"), "provenance": str("max"), "sbom": str("true"), "version": str("2")},
			paths: []string{"build.builder", "build.cache_to", "build.provenance", "build.sbom", "build.version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			values := map[string]attr.Value{"name": str(c.name)}
			if c.build != nil {
				values["build"] = g.build(c.build)
			}
			for name, v := range c.other {
				values[name] = v
			}
			var paths []string
			for _, d := range g.r.Validate(t.Context(), g.object(values)).Errors() {
				at := "?"
				if d, ok := d.(diag.DiagnosticWithPath); ok {
					at = d.Path().String()
				}
				if i, j := strings.Index(at, "[Value("), strings.LastIndex(at, ")]"); i >= 0 && j > i {
					at = at[:i] + at[j+2:]
				}
				paths = append(paths, at)
			}
			slices.Sort(paths)
			if diff := cmp.Diff(c.paths, paths); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownBuildIsPassedOver(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b, _ := g.r.Node().Block("build")
	if d := g.r.Validate(t.Context(), g.object(map[string]attr.Value{"name": types.StringUnknown(), "build": b.Unknown})); d.HasError() {
		t.Errorf("%v", d)
	}
}
