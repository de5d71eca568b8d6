// Code generated from ../plan; DO NOT EDIT.

package apply_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// thing is what every fake type makes: enough attributes to meet every rule.
type thing struct {
	ID      types.String          `tfsdk:"id"`
	Name    types.String          `tfsdk:"name"`
	Size    types.Int64           `tfsdk:"size"`
	Color   types.String          `tfsdk:"color"`
	Uses    types.List            `tfsdk:"uses"`
	Mould   types.String          `tfsdk:"mould"`
	MouldID types.String          `tfsdk:"mould_id"`
	Secret  types.String          `tfsdk:"secret"`
	Token   types.String          `tfsdk:"token"`
	Keep    types.Bool            `tfsdk:"keep"`
	Address types.String          `tfsdk:"address"`
	Ports   contract.Blocks[port] `tfsdk:"ports"`
}

type port struct {
	Internal types.Int64  `tfsdk:"internal"`
	External types.Int64  `tfsdk:"external"`
	IP       types.String `tfsdk:"ip"`
}

// floor is what the fake types ask of an engine; *engine and an engine with a stamp have it.
type floor interface {
	create(typ string, m thing) (thing, error)
	read(typ string, last thing) (thing, error)
	update(typ string, m thing, changes contract.Changes) (thing, error)
	remove(typ string, m thing) error
	fetch(m thing) error
	aside(m thing) (thing, error)
	restore(m thing) error
	up(m thing) error
	resolve(mould types.String) (types.String, error)
}

// plain is a type that can do nothing beyond the six operations: networks and volumes.
type plain struct{ name string }

func (p plain) Name() string { return p.name }

func (plain) Schema(context.Context) schema.Schema {
	text := schema.StringAttribute{Optional: true}
	return schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":       schema.StringAttribute{Computed: true},
			"name":     schema.StringAttribute{Required: true},
			"size":     schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)}},
			"color":    schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("plain")},
			"uses":     schema.ListAttribute{Optional: true, ElementType: types.StringType},
			"mould":    text,
			"mould_id": schema.StringAttribute{Computed: true},
			"secret":   schema.StringAttribute{Optional: true, Sensitive: true},
			"token":    text,
			"keep":     schema.BoolAttribute{Optional: true},
			"address":  schema.StringAttribute{Computed: true},
		},
		Blocks: map[string]schema.Block{
			"ports": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": schema.Int64Attribute{Required: true},
				"external": schema.Int64Attribute{Optional: true},
				"ip":       text,
			}}},
		},
	}
}

func (plain) Rules() contract.Rules {
	return contract.Rules{
		"id":       {Stable: true},
		"size":     {Effect: contract.InPlace},
		"mould_id": {Cause: contract.Image, Stable: true},
		"token":    {Unreported: true},
		"keep":     {ConfigOnly: true},
		"address":  {MovedBy: []string{"size"}},
		"ports":    {Key: []string{"internal"}},
	}
}

func (p plain) Read(_ context.Context, e floor, last thing) (thing, error) {
	return e.read(p.name, last)
}

func (p plain) Create(_ context.Context, e floor, planned thing) (thing, error) {
	return e.create(p.name, planned)
}

func (p plain) Update(_ context.Context, e floor, observed, planned thing, changes contract.Changes) (thing, error) {
	planned.ID = observed.ID
	return e.update(p.name, planned, changes)
}
func (p plain) Delete(_ context.Context, e floor, observed thing) error {
	return e.remove(p.name, observed)
}

func (p plain) Import(_ context.Context, e floor, id string) (thing, error) {
	return e.read(p.name, thing{ID: types.StringValue(id)})
}

var kinds = map[string]contract.ClaimKind{
	"container": contract.ClaimContainerName, "network": contract.ClaimNetworkName,
	"volume": contract.ClaimVolumeName, "tag": contract.ClaimImageName,
}

// Claims are the name and the host ports.
func (p plain) Claims(m thing) []contract.Claim {
	var claims []contract.Claim
	if kind, ok := kinds[p.name]; ok && !m.Name.IsUnknown() {
		claims = append(claims, contract.Claim{Kind: kind, Value: m.Name.ValueString(), Path: "name"})
	}
	for i, port := range m.Ports.Items {
		if n := port.External.ValueInt64(); n != 0 {
			claims = append(claims, contract.Claim{
				Kind: contract.ClaimHostPort, Value: strconv.FormatInt(n, 10) + "/tcp", IP: port.IP.ValueString(), Path: fmt.Sprintf("ports[%d].external", i),
			})
		}
	}
	return claims
}

// box is a container: it steps aside and is made from what a mould's name stands for.
type box struct{ plain }

// Fetch is no call of its own: only a test that has it fail knows of it.
func (box) Fetch(_ context.Context, e floor, planned thing) error { return e.fetch(planned) }

func (box) Aside(_ context.Context, e floor, observed thing) (thing, error) { return e.aside(observed) }
func (box) Restore(_ context.Context, e floor, aside thing) error           { return e.restore(aside) }
func (box) Up(_ context.Context, e floor, created thing) error              { return e.up(created) }

func (box) Resolve(_ context.Context, e floor, desired *thing) error {
	id, err := e.resolve(desired.Mould)
	desired.MouldID = id
	return err
}

// mould is an image: made without disturbing anything, without labels, without a claim.
type mould struct{ plain }

func (mould) Prepares()                     {}
func (mould) Claims(thing) []contract.Claim { return nil }

// sight is a data source that finds moulds by name.
type sight struct{}

type seen struct {
	ID   types.String `tfsdk:"id"`
	Name types.String `tfsdk:"name"`
}

func (sight) Name() string { return "mould" }

func (sight) Schema(context.Context) dsschema.Schema {
	return dsschema.Schema{Attributes: map[string]dsschema.Attribute{
		"id": dsschema.StringAttribute{Computed: true}, "name": dsschema.StringAttribute{Required: true},
	}}
}

func (sight) Read(_ context.Context, e floor, config seen) (seen, error) {
	m, err := e.read("mould", thing{Name: config.Name})
	return seen{ID: m.ID, Name: config.Name}, err
}

// strs are the elements of a list of strings.
func strs(l types.List) []string {
	out := make([]string, 0, len(l.Elements()))
	for _, e := range l.Elements() {
		out = append(out, strings.Trim(e.String(), `"`))
	}
	return out
}
