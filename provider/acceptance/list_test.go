package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/provider"
)

type listServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
}

// wire is a provider as Terraform 1.14 talks to it, which is not on the machines of the tests.
type wire struct {
	b       bench
	server  listServer
	schemas *tfprotov6.GetProviderSchemaResponse
	ids     map[string]*tfprotov6.ResourceIdentitySchema
}

// wired is a configured provider.
func (b bench) wired() wire {
	b.t.Helper()
	p, err := provider.New(b.t.Context(), "acceptance")
	if err != nil {
		b.t.Fatal(err)
	}
	server, err := provider.NewServer(b.t.Context(), p)
	if err != nil {
		b.t.Fatal(err)
	}
	w := wire{b: b}
	var ok bool
	if w.server, ok = server.(listServer); !ok {
		b.t.Fatalf("%T has no lists", server)
	}
	if w.schemas, err = server.GetProviderSchema(b.t.Context(), &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		b.t.Fatal(err)
	}
	ids, err := server.GetResourceIdentitySchemas(b.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		b.t.Fatal(err)
	}
	w.ids = ids.IdentitySchemas
	config := w.value(w.schemas.Provider, map[string]tftypes.Value{"host": text(b.engine.Host)})
	configured, err := server.ConfigureProvider(b.t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.14.0", Config: config})
	if err != nil {
		b.t.Fatal(err)
	}
	w.fine(configured.Diagnostics)
	return w
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

// value is an object of a schema with these attributes, the rest not given.
func (w wire) value(s *tfprotov6.Schema, given map[string]tftypes.Value) *tfprotov6.DynamicValue {
	w.b.t.Helper()
	typ, _ := s.ValueType().(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, t := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(t, nil)
		switch t.(type) { // blocks are never null
		case tftypes.List, tftypes.Set:
			if slices.ContainsFunc(s.Block.BlockTypes, func(b *tfprotov6.SchemaNestedBlock) bool { return b.TypeName == name }) {
				values[name] = tftypes.NewValue(t, []tftypes.Value{})
			}
		}
		if v, ok := given[name]; ok {
			values[name] = v
		}
	}
	v, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, values))
	if err != nil {
		w.b.t.Fatal(err)
	}
	return &v
}

// fine fails on errors.
func (w wire) fine(diags []*tfprotov6.Diagnostic) {
	w.b.t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			w.b.t.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
}

// list returns what a list finds by one filter, each as NAME IDENTITY, with the resources where they are asked for.
func (w wire) list(typ, filter, value string, limit int64, include bool) (found []string, resources []map[string]tftypes.Value, diags []*tfprotov6.Diagnostic) {
	w.b.t.Helper()
	schema := w.schemas.ListResourceSchemas[typ]
	object, _ := schema.ValueType().(tftypes.Object)
	blocks, _ := object.AttributeTypes["filter"].(tftypes.List)
	one := tftypes.NewValue(blocks.ElementType, map[string]tftypes.Value{"name": text(filter),
		"values": tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, []tftypes.Value{text(value)})})
	config := w.value(schema, map[string]tftypes.Value{"filter": tftypes.NewValue(blocks, []tftypes.Value{one})})
	valid, err := w.server.ValidateListResourceConfig(w.b.t.Context(), &tfprotov6.ValidateListResourceConfigRequest{TypeName: typ, Config: config})
	if err != nil {
		w.b.t.Fatal(err)
	}
	w.fine(valid.Diagnostics)
	stream, err := w.server.ListResource(w.b.t.Context(), &tfprotov6.ListResourceRequest{TypeName: typ, Config: config, IncludeResource: include, Limit: limit})
	if err != nil {
		w.b.t.Fatal(err)
	}
	for r := range stream.Results {
		diags = append(diags, r.Diagnostics...)
		if r.Identity == nil {
			continue
		}
		found = append(found, r.DisplayName+" "+w.identity(typ, r.Identity))
		if r.Resource == nil {
			continue
		}
		v, err := r.Resource.Unmarshal(w.schemas.ResourceSchemas[typ].ValueType())
		attributes := map[string]tftypes.Value{}
		if err == nil && !v.IsNull() {
			err = v.As(&attributes)
		}
		if err != nil {
			w.b.t.Fatal(err)
		}
		resources = append(resources, attributes)
	}
	return found, resources, diags
}

// identity is the one value an identity has.
func (w wire) identity(typ string, identity *tfprotov6.ResourceIdentityData) string {
	w.b.t.Helper()
	v, err := identity.IdentityData.Unmarshal(w.ids[typ].ValueType())
	values, value := map[string]tftypes.Value{}, ""
	if err == nil {
		err = v.As(&values)
	}
	for _, one := range values {
		err = one.As(&value)
	}
	if err != nil || len(values) != 1 {
		w.b.t.Fatalf("identity %s: %v", v, err)
	}
	return value
}

// Lists find what an engine has by its filters, with identities that can be imported, and the resources when asked.
func TestLists(t *testing.T) {
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		b := newBench(t, e)
		ctx, label := t.Context(), map[string]string{"cleat.test.lists": "yes"}
		image := b.prefix + "/image:1"
		var ids []string
		make := func(name string) {
			made, err := b.docker.ContainerCreate(ctx, moby.ContainerCreateOptions{Name: name, Config: &container.Config{Image: acctest.Busybox, Labels: label}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(b.must(func() error {
				_, err := b.docker.ContainerRemove(context.WithoutCancel(t.Context()), name, moby.ContainerRemoveOptions{Force: true})
				return err
			}))
			ids = append(ids, made.ID)
		}
		make(b.prefix + "-a")
		make(b.prefix + "-b")
		if _, err := b.docker.VolumeCreate(ctx, moby.VolumeCreateOptions{Name: b.prefix + "-v", Labels: label}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.must(func() error {
			_, err := b.docker.VolumeRemove(context.WithoutCancel(t.Context()), b.prefix+"-v", moby.VolumeRemoveOptions{})
			return err
		}))
		network, err := b.docker.NetworkCreate(ctx, b.prefix+"-n", moby.NetworkCreateOptions{Labels: label})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.must(func() error {
			_, err := b.docker.NetworkRemove(context.WithoutCancel(t.Context()), b.prefix+"-n", moby.NetworkRemoveOptions{})
			return err
		}))
		if _, err := b.docker.ImageTag(ctx, moby.ImageTagOptions{Source: acctest.Busybox, Target: image}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.must(func() error {
			_, err := b.docker.ImageRemove(context.WithoutCancel(t.Context()), image, moby.ImageRemoveOptions{})
			return err
		}))
		w := b.wired()
		for _, c := range []struct {
			typ, filter, value string
			limit              int64
			want               []string
			attribute, is      string
		}{
			{"docker_container", "label", "cleat.test.lists", 100, []string{b.prefix + "-a " + ids[0], b.prefix + "-b " + ids[1]}, "name", b.prefix + "-a"},
			{"docker_container", "label", "cleat.test.lists=yes", 1, []string{b.prefix + "-a " + ids[0]}, "name", b.prefix + "-a"},
			{"docker_volume", "label", "cleat.test.lists", 0, []string{b.prefix + "-v " + b.prefix + "-v"}, "name", b.prefix + "-v"},
			{"docker_network", "label", "cleat.test.lists", 0, []string{b.prefix + "-n " + network.ID}, "driver", "bridge"},
			{"docker_image", "reference", image, 0, []string{image + " " + image}, "name", image},
			{"docker_network", "name", "bridge", 0, nil, "", ""},
		} {
			found, resources, diags := w.list(c.typ, c.filter, c.value, c.limit, true)
			w.fine(diags)
			if c.typ == "docker_image" { // podman's filter chooses images, which have other names too
				for i := len(found) - 1; i >= 0; i-- {
					if !strings.HasPrefix(found[i], b.prefix) {
						found, resources = slices.Delete(found, i, i+1), slices.Delete(resources, i, i+1)
					}
				}
			}
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", c.typ, c.filter, diff)
			}
			if len(resources) != len(c.want) {
				t.Errorf("%s: %d resources, want %d", c.typ, len(resources), len(c.want))
				continue
			}
			if c.attribute == "" {
				continue
			}
			value := ""
			if err := resources[0][c.attribute].As(&value); err != nil || value != c.is {
				t.Errorf("%s: %s is %q, want %q: %v", c.typ, c.attribute, value, c.is, err)
			}
		}
		found, resources, _ := w.list("docker_volume", "label", "cleat.test.lists", 0, false)
		if len(found) != 1 || len(resources) > 0 && len(resources[0]) > 0 {
			t.Errorf("without resources: %v, %v", found, resources)
		}
		if _, _, diags := w.list("docker_volume", "no-such-filter", "x", 0, false); len(diags) == 0 {
			t.Error("a filter the engine does not know is taken")
		} else if d := diags[0]; d.Severity != tfprotov6.DiagnosticSeverityError || e.Name != "podman" && !strings.Contains(fmt.Sprint(d.Attribute), "filter") {
			t.Errorf("a filter the engine does not know: %s at %s", d.Detail, d.Attribute)
		}
	})
}
