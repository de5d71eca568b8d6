package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/resources/contract"
)

// lamp is a resource type with one of everything the shell has to handle, on an engine that is a map.
type lamp struct{}

type lampModel struct {
	ID     types.String                `tfsdk:"id"`
	Name   types.String                `tfsdk:"name"`
	Bulb   types.String                `tfsdk:"bulb"`
	BulbID types.String                `tfsdk:"bulb_id"`
	Watts  types.Int64                 `tfsdk:"watts"`
	Colour types.String                `tfsdk:"colour"`
	Wait   types.Bool                  `tfsdk:"wait"`
	Secret types.String                `tfsdk:"secret"`
	Tags   types.Set                   `tfsdk:"tags"`
	Heat   types.String                `tfsdk:"heat"`
	Labels contract.Blocks[labelModel] `tfsdk:"labels"`
	Ports  contract.Blocks[portModel]  `tfsdk:"ports"`
	Shades contract.Blocks[shadeModel] `tfsdk:"shades"`
}

// shadeModel is of a block that is an attribute for Terraform.
type shadeModel struct {
	Cloth types.String               `tfsdk:"cloth"`
	Width types.Int64                `tfsdk:"width"`
	Rings contract.Blocks[ringModel] `tfsdk:"rings"`
}

type ringModel struct {
	Size types.Int64 `tfsdk:"size"`
}

type labelModel struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

type portModel struct {
	Internal types.Int64  `tfsdk:"internal"`
	External types.Int64  `tfsdk:"external"`
	Protocol types.String `tfsdk:"protocol"`
}

func (lamp) Name() string { return "lamp" }

func (lamp) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Version: 2,
		Attributes: map[string]schema.Attribute{
			"id":      schema.StringAttribute{Computed: true},
			"name":    schema.StringAttribute{Required: true},
			"bulb":    schema.StringAttribute{Optional: true},
			"bulb_id": schema.StringAttribute{Computed: true},
			"watts":   schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(40)},
			"colour":  schema.StringAttribute{Optional: true},
			"wait":    schema.BoolAttribute{Optional: true},
			"secret":  schema.StringAttribute{Optional: true, Sensitive: true},
			"tags":    schema.SetAttribute{Optional: true, ElementType: types.StringType},
			"heat":    schema.StringAttribute{Computed: true},
		},
		Blocks: map[string]schema.Block{
			"labels": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"label": schema.StringAttribute{Required: true}, "value": schema.StringAttribute{Required: true},
			}}},
			"ports": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": schema.Int64Attribute{Required: true},
				"external": schema.Int64Attribute{Optional: true, Computed: true},
				"protocol": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("tcp")},
			}}},
			"shades": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
				Attributes: map[string]schema.Attribute{"cloth": schema.StringAttribute{Required: true}, "width": schema.Int64Attribute{Optional: true}},
				Blocks: map[string]schema.Block{"rings": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
					Attributes: map[string]schema.Attribute{"size": schema.Int64Attribute{Optional: true}},
				}}},
			}},
		},
	}
}

func (lamp) Rules() contract.Rules {
	return contract.Rules{
		"id": {Stable: true}, "name": {Effect: contract.InPlace}, "watts": {Effect: contract.InPlace},
		"colour": {Effect: contract.InPlace, Same: func(a, b attr.Value) bool {
			return len(a.String()) == len(b.String()) && a.String()[1] == b.String()[1]
		}},
		"bulb":    {Effect: contract.InPlace},
		"bulb_id": {Cause: contract.Image, Explain: func(_, _ attr.Value) string { return "the bulb was exchanged" }},
		"wait":    {ConfigOnly: true},
		"heat":    {MovedBy: []string{"watts"}},
		"ports":   {Key: []string{"internal", "protocol"}}, "ports.external": {Stable: true},
		"tags":   {Effect: contract.InPlace},
		"shades": {Effect: contract.InPlace, Filled: true},
		"labels": {Effect: contract.InPlace, Since: "1.30"},
		"secret": {Effect: contract.InPlace, Requires: "1.25"},
	}
}

func (lamp) Validate(_ context.Context, m lampModel) diag.Diagnostics {
	var diags diag.Diagnostics
	if m.Watts.ValueInt64() > 100 && m.Colour.ValueString() == "" && !m.Colour.IsUnknown() {
		diags.AddAttributeError(path.Root("watts"), "Too bright", "above 100 W a colour is needed")
	}
	return diags
}

func (lamp) Resolve(_ context.Context, e shop, m *lampModel) error {
	if !m.Bulb.IsNull() && !m.Bulb.IsUnknown() {
		m.BulbID = types.StringValue(e.BulbID(m.Bulb.ValueString()))
	}
	return nil
}

func (lamp) Create(_ context.Context, e shop, m lampModel) (lampModel, error) {
	if m.Name.ValueString() == "unplaceable" {
		return m, contract.At("ports[0].external", "port %d is taken: %w", m.Ports.Items[0].External.ValueInt64(), errs.ErrConflict)
	}
	id, err := e.Put("", m)
	if err != nil {
		return m, err
	}
	m.ID = types.StringValue(id)
	if m.Name.ValueString() == "broken" {
		e.Interrupt()
		return m, &contract.Partial{Err: errors.New("made, but does not light")}
	}
	return m, nil
}

func (lamp) Read(ctx context.Context, e shop, last lampModel) (lampModel, error) {
	if ctx.Err() != nil {
		return last, ctx.Err()
	}
	m, err := e.Get(last.ID.ValueString())
	if err != nil {
		return last, fmt.Errorf("lamp %q: %w", last.ID.ValueString(), err)
	}
	m.Wait, m.Secret = last.Wait, last.Secret
	return m, nil
}

func (lamp) Update(_ context.Context, e shop, observed, m lampModel, changes contract.Changes) (lampModel, error) {
	if changes.Has("watts") && m.Watts.ValueInt64() == 13 {
		half := observed
		half.Name = m.Name
		if _, err := e.Put(observed.ID.ValueString(), half); err != nil {
			return m, err
		}
		return m, contract.At("watts", "13 W blows the fuse: %w", errs.ErrInvalid)
	}
	if changes.Effect() == contract.Replace {
		return m, errors.New("asked to replace")
	}
	_, err := e.Put(observed.ID.ValueString(), m)
	return m, err
}

func (lamp) Delete(_ context.Context, e shop, m lampModel) error { return e.Remove(m.ID.ValueString()) }

func (lamp) Import(_ context.Context, e shop, id string) (lampModel, error) {
	found, err := e.Find(id)
	if err != nil {
		return found, fmt.Errorf("lamp %q: %w", id, err)
	}
	return found, nil
}

// shop is the engine of lamps.
type shop interface {
	Put(id string, m lampModel) (string, error)
	Get(id string) (lampModel, error)
	Find(name string) (lampModel, error)
	Remove(id string) error
	BulbID(bulb string) string
	Interrupt()
}

type fakeShop struct {
	mu      sync.Mutex
	version string
	lamps   map[string]lampModel
	bulbs   map[string]string
	made    int
	gets    int
	err     error
	// unreachable is what reaching the engine fails with, err what every call does.
	unreachable error
	probes      int
	interrupt   func() // called by a create that fails half way
}

func newShop() *fakeShop {
	return &fakeShop{version: "1.41", lamps: map[string]lampModel{}, bulbs: map[string]string{}}
}

func (s *fakeShop) ClientVersion() string { return s.version }

// Put stores a lamp and fills what only the engine knows, so that Get finds no unknowns.
func (s *fakeShop) Put(id string, m lampModel) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return "", s.err
	}
	if id == "" {
		s.made++
		id = fmt.Sprintf("lamp-%d", s.made)
	}
	m.ID = types.StringValue(id)
	m.Heat = types.StringValue(fmt.Sprintf("%d J", m.Watts.ValueInt64()))
	m.BulbID = types.StringNull()
	if !m.Bulb.IsNull() {
		m.BulbID = types.StringValue(s.bulb(m.Bulb.ValueString()))
	}
	m.Ports.Items = slices.Clone(m.Ports.Items)
	for i, p := range m.Ports.Items {
		if p.External.IsUnknown() || p.External.IsNull() {
			m.Ports.Items[i].External = types.Int64Value(30000 + p.Internal.ValueInt64())
		}
	}
	switch m.Name.ValueString() {
	case "burnt": // gone at once
		return id, nil
	case "respelled": // the engine's own spelling, which means the same
		m.Colour = types.StringValue("wxyz")
	case "fading": // not what was asked for
		m.Watts = types.Int64Value(1)
	}
	s.lamps[id] = m
	return id, nil
}

func (s *fakeShop) Get(id string) (lampModel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	m, ok := s.lamps[id]
	switch {
	case s.err != nil:
		return m, s.err
	case !ok:
		return m, errs.ErrNotFound
	}
	m.Wait, m.Secret = types.BoolNull(), types.StringNull()
	return m, nil
}

func (s *fakeShop) Find(name string) (lampModel, error) {
	s.mu.Lock()
	ids := slices.Sorted(maps.Keys(s.lamps))
	i := slices.IndexFunc(ids, func(id string) bool { return id == name || s.lamps[id].Name.ValueString() == name })
	s.mu.Unlock()
	if i < 0 {
		return lampModel{}, errs.ErrNotFound
	}
	return s.Get(ids[i])
}

func (s *fakeShop) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lamps, id)
	return s.err
}

func (s *fakeShop) BulbID(bulb string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bulb(bulb)
}

func (s *fakeShop) Interrupt() {
	if s.interrupt != nil {
		s.interrupt()
	}
}

func (s *fakeShop) bulb(name string) string { return cmp.Or(s.bulbs[name], "id-of-"+name) }

// change does something behind the provider's back.
func (s *fakeShop) change(name string, f func(*lampModel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.lamps {
		if m.Name.ValueString() == name {
			f(&m)
			s.lamps[id] = m
		}
	}
}

// count is a data source.
type count struct{}

type countModel struct {
	Colour types.String `tfsdk:"colour"`
	Lamps  types.Int64  `tfsdk:"lamps"`
	Names  types.List   `tfsdk:"names"`
}

func (count) Name() string { return "lamps" }

func (count) Schema(context.Context) dsschema.Schema {
	return dsschema.Schema{Attributes: map[string]dsschema.Attribute{
		"colour": dsschema.StringAttribute{Optional: true},
		"lamps":  dsschema.Int64Attribute{Computed: true},
		"names":  dsschema.ListAttribute{Computed: true, ElementType: types.StringType},
	}}
}

func (count) Read(_ context.Context, e *fakeShop, m countModel) (countModel, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.Colour.ValueString() == "none" {
		return m, contract.At("colour", "no such colour: %w", errs.ErrInvalid)
	}
	m.Lamps = types.Int64Value(int64(len(e.lamps)))
	return m, nil
}

// newTestProvider returns a provider of lamps on this shop.
func newTestProvider(t *testing.T, s *fakeShop) *Provider {
	t.Helper()
	r, err := contract.Host(t.Context(), lamp{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := catalog.HostData(t.Context(), count{})
	if err != nil {
		t.Fatal(err)
	}
	connect := func(client.Config) func(context.Context) (any, error) {
		return func(context.Context) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.probes++
			return s, s.unreachable
		}
	}
	p, err := newProvider(t.Context(), "test", []contract.Resource{r}, []catalog.DataSource{d}, connect)
	if err != nil {
		t.Fatal(err)
	}
	p.getenv = func(string) string { return "" }
	return p
}

func serverOf(t *testing.T, p *Provider) tfprotov6.ProviderServer {
	t.Helper()
	s, err := NewServer(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return twin{s.(*server), t}
}
