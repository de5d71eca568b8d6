package provider

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// hosted is a resource type with what its protocol values need, made once.
type hosted struct {
	core
	identityWire tftypes.Type
}

func newHosted(ctx context.Context, t contract.Resource) *hosted {
	return &hosted{core: newCore(t), identityWire: identityObject(t, types.StringNull()).Type(ctx).TerraformType(ctx)}
}

// decode returns the object a protocol value stands for.
func (h *hosted) decode(ctx context.Context, value *tfprotov6.DynamicValue) (types.Object, error) {
	if value == nil {
		return h.t.Node().Null(), nil
	}
	return decodeObject(ctx, h.t.Node(), value.MsgPack)
}

// encode returns the protocol value of an object.
func (h *hosted) encode(ctx context.Context, object types.Object, diags *diag.Diagnostics) *tfprotov6.DynamicValue {
	raw, err := encodeObject(ctx, h.t.Node(), object)
	if err != nil {
		addBug(diags, h.name, err)
		return nil
	}
	return &tfprotov6.DynamicValue{MsgPack: raw}
}

// destroy deletes an object.
func (h *hosted) destroy(
	ctx context.Context, e *engine, req *tfprotov6.ApplyResourceChangeRequest, observed types.Object,
) *tfprotov6.ApplyResourceChangeResponse {
	diags := h.remove(ctx, e, observed)
	if diags.HasError() {
		return &tfprotov6.ApplyResourceChangeResponse{
			NewState: req.PriorState, NewIdentity: h.identityOr(ctx, req.PlannedIdentity), Private: req.PlannedPrivate, Diagnostics: wireDiagnostics(ctx, diags),
		}
	}
	return &tfprotov6.ApplyResourceChangeResponse{
		NewState: req.PlannedState, NewIdentity: h.identityOr(ctx, nil), Diagnostics: wireDiagnostics(ctx, diags),
	}
}

// identityOr returns the identity of the last of the objects that has one, or the one given; null when there is none.
func (h *hosted) identityOr(ctx context.Context, given *tfprotov6.ResourceIdentityData, objects ...types.Object) *tfprotov6.ResourceIdentityData {
	identity := types.StringNull()
	for _, object := range objects {
		if v := h.identity(object); !v.IsNull() && !v.IsUnknown() {
			identity = v
		}
	}
	if identity.IsNull() && given != nil {
		return given
	}
	object := identityObject(h.t, identity)
	if identity.IsNull() {
		object = types.ObjectNull(object.AttributeTypes(ctx))
	}
	raw, err := rawOf(ctx, object)
	if err != nil {
		return given
	}
	value, err := tfprotov6.NewDynamicValue(h.identityWire, raw)
	if err != nil {
		return given
	}
	return &tfprotov6.ResourceIdentityData{IdentityData: &value}
}

func isNull(value *tfprotov6.DynamicValue) bool {
	if value == nil {
		return true
	}
	null, err := value.IsNull()
	return err == nil && null
}

// importedKey is where the framework notes in private state that an object was imported and not read since.
const importedKey = ".import_before_read"

// private is private state in the framework's form: a JSON object of texts in base64, each JSON again.
type private struct {
	raw     []byte
	values  map[string][]byte
	changed bool
}

// openPrivate reads private state; false where it is of another form, as other providers have it.
func openPrivate(raw []byte) (*private, bool) {
	p := &private{raw: raw, values: map[string][]byte{}}
	if len(raw) > 0 && json.Unmarshal(raw, &p.values) != nil {
		return p, false
	}
	if p.values == nil { // "null", as providers on Terraform's older SDK leave it
		p.values = map[string][]byte{}
	}
	return p, true
}

func (p *private) has(key string) bool { return len(p.values[key]) > 0 }

// GetKey returns the value of a key; none when there is none.
func (p *private) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) {
	return p.values[key], nil
}

// SetKey sets the value of a key.
func (p *private) SetKey(_ context.Context, key string, value []byte) diag.Diagnostics {
	p.values = maps.Clone(p.values)
	p.values[key], p.changed = value, true
	return nil
}

// bytes returns private state as it is to be kept.
func (p *private) bytes() []byte {
	if !p.changed {
		return p.raw
	}
	raw, err := json.Marshal(p.values)
	if err != nil { // texts only
		return p.raw
	}
	return raw
}

// wireDiagnostics returns diagnostics as the protocol has them.
func wireDiagnostics(ctx context.Context, diags diag.Diagnostics) []*tfprotov6.Diagnostic {
	var all []*tfprotov6.Diagnostic
	for _, d := range diags {
		wire := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == diag.SeverityError {
			wire.Severity = tfprotov6.DiagnosticSeverityError
		}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			wire.Attribute = wirePath(ctx, at.Path())
		}
		all = append(all, wire)
	}
	return all
}

func wirePaths(ctx context.Context, paths path.Paths) []*tftypes.AttributePath {
	var all []*tftypes.AttributePath
	for _, p := range paths {
		all = append(all, wirePath(ctx, p))
	}
	return all
}

// wirePath returns a path as the protocol has it, up to a step it has no form for.
func wirePath(ctx context.Context, p path.Path) *tftypes.AttributePath {
	at := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case path.PathStepAttributeName:
			at = at.WithAttributeName(string(s))
		case path.PathStepElementKeyInt:
			at = at.WithElementKeyInt(int(s))
		case path.PathStepElementKeyString:
			at = at.WithElementKeyString(string(s))
		case path.PathStepElementKeyValue:
			value, err := s.Value.ToTerraformValue(ctx)
			if err != nil {
				return at
			}
			at = at.WithElementKeyValue(value)
		}
	}
	return at
}
