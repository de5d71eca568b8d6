package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// shell puts one resource type behind the framework, which makes a new one for every request. It is the reference [server]
// is tested against, answers what that leaves to the framework, and gives the schemas.
type shell struct {
	core
	engine *engine
}

var (
	_ resource.ResourceWithConfigure      = (*shell)(nil)
	_ resource.ResourceWithValidateConfig = (*shell)(nil)
	_ resource.ResourceWithModifyPlan     = (*shell)(nil)
	_ resource.ResourceWithImportState    = (*shell)(nil)
	_ resource.ResourceWithUpgradeState   = (*shell)(nil)
	_ resource.ResourceWithMoveState      = (*shell)(nil)
	_ resource.ResourceWithIdentity       = (*shell)(nil)
)

// Metadata names the type. An identity may change: what somebody removed and made again under the same name is read
// as it is now, and it is the plan's to say what becomes of it.
func (s *shell) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = s.name
	resp.ResourceBehavior.MutableIdentity = true
}

// Schema is the type's own, lenient with what the state has.
func (s *shell) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = lenient(s.t.Schema(ctx), s.t.Rules())
}

// IdentitySchema is the one attribute the type is identified by. Terraform asks for it since 1.12, and imports by it.
func (s *shell) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	a, _ := s.t.Node().Attribute(s.t.IdentifiedBy())
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		a.Name: identityschema.StringAttribute{RequiredForImport: true, Description: a.Description},
	}}
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *shell) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig runs all of the type's conditions: the framework runs those of single attributes too, but not in what is
// a block for the type and an attribute for Terraform; the same diagnostic counts once.
func (s *shell) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	if config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics); ok {
		resp.Diagnostics.Append(s.t.Validate(ctx, config)...)
	}
}

// ModifyPlan replaces the framework's proposal, its defaults and unknowns included, by the contract's plan.
func (s *shell) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() { // to be destroyed: there is nothing to plan
		return
	}
	config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	planned, replace, diags := s.plan(ctx, s.engine, config, observed, resp.Private)
	resp.Diagnostics.Append(diags...)
	if diags.HasError() {
		return
	}
	resp.RequiresReplace.Append(replace...)
	s.put(ctx, planned, &resp.Plan.Raw, &resp.Diagnostics)
}

// Create makes the object. What is there after a failure goes into the state: Terraform then taints it.
func (s *shell) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	planned, ok := s.object(ctx, req.Plan.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	created, diags := s.create(ctx, s.engine, config, planned, resp.Private)
	resp.Diagnostics.Append(diags...)
	s.put(ctx, created, &resp.State.Raw, &resp.Diagnostics)
	s.identify(ctx, created, resp.Identity, &resp.Diagnostics)
}

// Read refreshes the state. An object that is gone leaves it, and keeps the identity it had.
func (s *shell) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	last, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	read, diags := s.read(ctx, s.engine, last, resp.Private)
	resp.Diagnostics.Append(diags...)
	if diags.HasError() {
		return
	}
	s.put(ctx, read, &resp.State.Raw, &resp.Diagnostics)
	if read.IsNull() {
		read = last
	}
	s.identify(ctx, read, resp.Identity, &resp.Diagnostics)
}

// Update makes the planned changes.
func (s *shell) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	planned, ok := s.object(ctx, req.Plan.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	updated, diags := s.update(ctx, s.engine, config, observed, planned, resp.Private)
	resp.Diagnostics.Append(diags...)
	s.put(ctx, updated, &resp.State.Raw, &resp.Diagnostics)
	s.identify(ctx, updated, resp.Identity, &resp.Diagnostics)
}

// Delete removes the object. The framework takes it out of the state unless there is an error.
func (s *shell) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	if observed, ok := s.object(ctx, req.State.Raw, &resp.Diagnostics); ok {
		resp.Diagnostics.Append(s.remove(ctx, s.engine, observed)...)
	}
}

// ImportState finds an object by what a person calls it or by its identity.
func (s *shell) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root(s.t.IdentifiedBy()), &req.ID)...)
		if resp.Diagnostics.HasError() {
			return
		}
	}
	found, diags := s.find(ctx, s.engine, req.ID)
	resp.Diagnostics.Append(diags...)
	s.put(ctx, found, &resp.State.Raw, &resp.Diagnostics)
	s.identify(ctx, found, resp.Identity, &resp.Diagnostics)
}

// object returns a protocol value as object of the type.
func (s *shell) object(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) (types.Object, bool) {
	object, err := objectOf(ctx, s.t.Node(), raw)
	if err != nil {
		addBug(diags, s.name, err)
	}
	return object, err == nil
}

// put writes an object to a plan or state.
func (s *shell) put(ctx context.Context, object types.Object, raw *tftypes.Value, diags *diag.Diagnostics) {
	value, err := rawOf(ctx, object)
	if err != nil {
		addBug(diags, s.name, err)
		return
	}
	*raw = value
}

// identify writes the identity of an object, where it has one.
func (s *shell) identify(ctx context.Context, object types.Object, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	value := s.identity(object)
	if identity == nil || value.IsNull() || value.IsUnknown() {
		return
	}
	s.put(ctx, identityObject(s.t, value), &identity.Raw, diags)
}

// identityObject is the identity of a type with the value of its one attribute.
func identityObject(t contract.Resource, value types.String) types.Object {
	by := t.IdentifiedBy()
	return types.ObjectValueMust(map[string]attr.Type{by: types.StringType}, map[string]attr.Value{by: value})
}

// engineOf returns the engine a provider's Configure handed out.
func engineOf(data any, diags *diag.Diagnostics) *engine {
	if data == nil {
		return nil
	}
	e, ok := data.(*engine)
	if !ok {
		diags.AddError("Bug in the provider", fmt.Sprintf("configured with %T, want *engine. Please report this.", data))
	}
	return e
}
