package buildxbuilder

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// replacement is what a declaration is answered with.
const replacement = "Images are built by the engine itself: docker_image with a build block needs no builder (several platforms: one docker_image " +
	"each, with build.platform). Remove this block, and builder from build blocks. A builder that kreuzwerker/docker made is removed by " +
	"\"docker buildx rm NAME\", and its entry in the state by \"terraform state rm ADDRESS\"."

// API is nothing: no engine is asked.
type API interface{}

// Type is docker_buildx_builder.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "buildx_builder" }

// Rules implements contract.Type.
func (Type) Rules() contract.Rules { return contract.Rules{"id": {Stable: true}} }

// Validate implements contract.Validator: every declaration is refused, before any engine is asked.
func (Type) Validate(context.Context, Model) diag.Diagnostics {
	return diag.Diagnostics{diag.NewErrorDiagnostic("docker_buildx_builder has been replaced", replacement)}
}

// refusal answers what is asked without a declaration: an entry of a state that is removed, an import.
func refusal(name string) error {
	return errs.Errorf(errs.ErrInvalid, "builder %q is not managed here. %s", name, replacement)
}

// Read implements contract.Type. What a state holds is left as it is: nobody looks at builders.
func (Type) Read(_ context.Context, _ API, last Model) (Model, error) {
	if last.ID.ValueString() == "" {
		return last, fmt.Errorf("builder: %w", errs.ErrNotFound)
	}
	return last, nil
}

// Create implements contract.Type.
func (Type) Create(_ context.Context, _ API, planned Model) (Model, error) {
	return planned, refusal(planned.Name.ValueString())
}

// Update implements contract.Type.
func (Type) Update(_ context.Context, _ API, _, planned Model, _ contract.Changes) (Model, error) {
	return planned, refusal(planned.Name.ValueString())
}

// Delete implements contract.Type. To forget the builder in silence would leave it on the engine.
func (Type) Delete(_ context.Context, _ API, observed Model) error {
	return refusal(observed.Name.ValueString())
}

// Import implements contract.Type.
func (Type) Import(_ context.Context, _ API, id string) (Model, error) {
	return Model{}, refusal(id)
}
