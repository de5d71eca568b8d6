package config_test

import (
	"maps"
	"slices"
	"testing"

	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	provschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// schemas is a small provider with every kind of attribute and nesting.
type schemas struct {
	resources, data, ephemerals map[string]*contract.Node
	provider                    *contract.Node
}

func (s *schemas) Resource(typ string) (*contract.Node, bool) {
	n, ok := s.resources[typ]
	return n, ok
}
func (s *schemas) IdentifiedBy(typ string) string {
	if typ == "docker_network" {
		return "name"
	}
	return "id"
}
func (s *schemas) DataSource(typ string) (*contract.Node, bool) { n, ok := s.data[typ]; return n, ok }
func (s *schemas) Ephemeral(typ string) (*contract.Node, bool) {
	n, ok := s.ephemerals[typ]
	return n, ok
}
func (s *schemas) Provider() *contract.Node  { return s.provider }
func (s *schemas) ResourceTypes() []string   { return slices.Sorted(maps.Keys(s.resources)) }
func (s *schemas) DataSourceTypes() []string { return slices.Sorted(maps.Keys(s.data)) }
func (s *schemas) EphemeralTypes() []string  { return slices.Sorted(maps.Keys(s.ephemerals)) }

func newSchemas(t testing.TB) *schemas {
	t.Helper()
	text := func() schema.StringAttribute { return schema.StringAttribute{Optional: true} }
	container := schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":        schema.StringAttribute{Computed: true},
			"name":      schema.StringAttribute{Required: true},
			"image":     schema.StringAttribute{Required: true},
			"command":   schema.ListAttribute{Optional: true, ElementType: types.StringType},
			"env":       schema.SetAttribute{Optional: true, ElementType: types.StringType},
			"sysctls":   schema.MapAttribute{Optional: true, ElementType: types.StringType},
			"memory":    schema.Int64Attribute{Optional: true},
			"cpus":      schema.Float64Attribute{Optional: true},
			"must_run":  schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true)},
			"secret_wo": schema.StringAttribute{Optional: true, WriteOnly: true},
			"secret":    schema.StringAttribute{Optional: true, Sensitive: true},
			"networks":  schema.ListAttribute{Computed: true, ElementType: types.ObjectType{AttrTypes: map[string]attrType{"ip": types.StringType}}},
		},
		Blocks: map[string]schema.Block{
			"ports": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": schema.Int64Attribute{Required: true},
				"external": schema.Int64Attribute{Optional: true, Computed: true},
				"protocol": text(),
			}}},
			"labels": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"label": schema.StringAttribute{Required: true}, "value": schema.StringAttribute{Required: true},
			}}},
			"healthcheck": schema.SingleNestedBlock{
				Attributes: map[string]schema.Attribute{"test": schema.ListAttribute{Optional: true, ElementType: types.StringType}, "token": schema.StringAttribute{Optional: true, Sensitive: true}},
				Blocks: map[string]schema.Block{
					"retry": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{"count": schema.Int64Attribute{Optional: true}}}},
				},
			},
		},
	}
	network := schema.Schema{Attributes: map[string]schema.Attribute{
		"id": schema.StringAttribute{Computed: true}, "name": schema.StringAttribute{Required: true}, "driver": text(),
	}}
	image := dsschema.Schema{Attributes: map[string]dsschema.Attribute{
		"id": dsschema.StringAttribute{Computed: true}, "name": dsschema.StringAttribute{Required: true},
	}}
	token := dsschema.Schema{Attributes: map[string]dsschema.Attribute{
		"id": dsschema.StringAttribute{Computed: true}, "for": dsschema.StringAttribute{Optional: true}, "key": dsschema.StringAttribute{Computed: true, Sensitive: true},
	}}
	provider := provschema.Schema{
		Attributes: map[string]provschema.Attribute{"host": provschema.StringAttribute{Optional: true}},
		Blocks: map[string]provschema.Block{"registry_auth": provschema.SetNestedBlock{NestedObject: provschema.NestedBlockObject{Attributes: map[string]provschema.Attribute{
			"address": provschema.StringAttribute{Required: true}, "password": provschema.StringAttribute{Optional: true, Sensitive: true},
		}}}},
	}
	s := &schemas{resources: map[string]*contract.Node{}, data: map[string]*contract.Node{}, ephemerals: map[string]*contract.Node{}}
	must := func(n *contract.Node, err error) *contract.Node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx := t.Context()
	s.resources["docker_container"] = must(contract.Compile(ctx, container))
	filled, _ := s.resources["docker_container"].Block("labels")
	filled.Filled = true
	s.resources["docker_network"] = must(contract.Compile(ctx, network))
	s.data["docker_image"] = must(contract.CompileDataSource(ctx, image))
	s.ephemerals["docker_token"] = must(contract.CompileDataSource(ctx, token))
	s.provider = must(contract.CompileProvider(ctx, provider))
	return s
}
