package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// shell puts one resource type behind the framework. The framework makes a new one for every request.
type shell struct {
	t      contract.Resource
	name   string
	engine *engine
}

var (
	_ resource.ResourceWithConfigure      = (*shell)(nil)
	_ resource.ResourceWithValidateConfig = (*shell)(nil)
	_ resource.ResourceWithModifyPlan     = (*shell)(nil)
	_ resource.ResourceWithImportState    = (*shell)(nil)
	_ resource.ResourceWithUpgradeState   = (*shell)(nil)
)

func newShell(t contract.Resource) resource.Resource {
	return &shell{t: t, name: typePrefix + t.Name()}
}

// Metadata names the type.
func (s *shell) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = s.name
}

// Schema is the type's own.
func (s *shell) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = s.t.Schema(ctx)
}

// Configure takes the provider's engine; there is none before the provider is configured.
func (s *shell) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	s.engine = engineOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig runs the type's conditions across attributes. The framework runs those of single attributes.
func (s *shell) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, ok := s.object(ctx, req.Config.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	resp.Diagnostics.Append(s.t.ValidateAcross(ctx, config)...)
}

// ImportState finds an object by what the type accepts as its id, usually a name or an id.
func (s *shell) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	summary := s.name + " not imported"
	e, err := s.engine.get(ctx)
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	found, err := s.t.Import(ctx, e, req.ID)
	if errors.Is(err, errs.ErrNotFound) {
		err = fmt.Errorf("there is no %s called %q on this host: %w", s.t.Name(), req.ID, err)
	}
	if err != nil {
		addError(&resp.Diagnostics, s.t.Node(), summary, err)
		return
	}
	s.put(ctx, found, &resp.State.Raw, &resp.Diagnostics)
}

// object returns a protocol value as object of the type.
func (s *shell) object(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) (types.Object, bool) {
	object, err := objectOf(ctx, s.t.Node(), raw)
	if err != nil {
		addBug(diags, s.name, err)
	}
	return object, err == nil
}

// put writes an object to a state. Unknowns left in it are a mistake of the type: they become null, and are
// reported.
func (s *shell) put(ctx context.Context, object types.Object, raw *tftypes.Value, diags *diag.Diagnostics) {
	clean, open, err := settled(ctx, s.t.Node(), object)
	if err != nil {
		addBug(diags, s.name, err)
		return
	}
	if len(open) > 0 {
		diags.AddWarning("Bug in the provider", fmt.Sprintf("%s: no value for %v after the operation. Please report this.", s.name, open))
	}
	s.putSettled(ctx, clean, raw, diags)
}

func (s *shell) putSettled(ctx context.Context, object types.Object, raw *tftypes.Value, diags *diag.Diagnostics) {
	value, err := rawOf(ctx, object)
	if err != nil {
		addBug(diags, s.name, err)
		return
	}
	*raw = value
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
