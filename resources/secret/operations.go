package secret

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// API is the part of an engine's API secrets need.
type API interface {
	swarm.Manager
	SecretInspect(ctx context.Context, id string, options moby.SecretInspectOptions) (moby.SecretInspectResult, error)
	SecretCreate(ctx context.Context, options moby.SecretCreateOptions) (moby.SecretCreateResult, error)
	SecretUpdate(ctx context.Context, id string, options moby.SecretUpdateOptions) (moby.SecretUpdateResult, error)
	SecretRemove(ctx context.Context, id string, options moby.SecretRemoveOptions) (moby.SecretRemoveResult, error)
}

// Type is docker_secret.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
	_ contract.Claimant[Model]  = Type{}
	_ contract.Demanding[API]   = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "secret" }

// Supported implements contract.Demanding.
func (Type) Supported(ctx context.Context, e API) error { return e.NeedSwarm(ctx) }

// Read implements contract.Type. Its data is what was known of it.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	id, err := swarm.Called("secret", last.ID, last.Name)
	if err != nil {
		return last, err
	}
	found, err := e.SecretInspect(ctx, id, moby.SecretInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("secret %q: %w", id, err)
	}
	m := Model{
		ID:     types.StringValue(found.Secret.ID),
		Name:   types.StringValue(found.Secret.Spec.Name),
		Data:   last.Data,
		Labels: swarm.FlattenLabels(found.Secret.Spec.Labels, last.Labels),

		DataWOVersion: swarm.VersionOf(found.Secret.Spec.Labels),
	}
	if !m.DataWOVersion.IsNull() {
		m.Data = types.StringNull() // also of an imported one: its data is known to be nobody's to know
	}
	return m, nil
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	given, at := planned.Data, "data"
	if given.IsNull() {
		given, at = planned.DataWO, "data_wo"
	}
	data, err := swarm.Decode(given.ValueString())
	if err != nil {
		return planned, contract.At(at, "secret %q: the data is not base64: %w", name, errs.ErrInvalid) // without the error: it quotes
	}
	made, err := e.SecretCreate(ctx, moby.SecretCreateOptions{Spec: mobyswarm.SecretSpec{
		Annotations: mobyswarm.Annotations{Name: name, Labels: swarm.WithVersion(planned.Labels, planned.DataWOVersion)}, Data: data,
	}})
	if err != nil {
		return planned, swarm.Taken("secret", name, err)
	}
	planned.ID = types.StringValue(made.ID)
	return planned, nil
}

// Update implements contract.Type: labels, the version of write-only data among them, are all that can change.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	id := observed.ID.ValueString()
	planned.ID = observed.ID
	if !changes.Has("labels", "data_wo_version") {
		return planned, nil
	}
	err := swarm.InSequence(func() error {
		found, err := e.SecretInspect(ctx, id, moby.SecretInspectOptions{})
		if err != nil {
			return err
		}
		spec := found.Secret.Spec // the engine refuses an update that differs in anything else
		spec.Labels = swarm.WithVersion(planned.Labels, planned.DataWOVersion)
		_, err = e.SecretUpdate(ctx, id, moby.SecretUpdateOptions{Version: found.Secret.Version, Spec: spec})
		return err
	})
	if err != nil {
		return planned, fmt.Errorf("secret %q: %w", planned.Name.ValueString(), err)
	}
	return planned, nil
}

// Delete implements contract.Type. The error of a secret in use names the services.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	_, err := e.SecretRemove(ctx, observed.ID.ValueString(), moby.SecretRemoveOptions{})
	if err == nil || errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return swarm.Held("secret", observed.Name.ValueString(), err)
}

// Import implements contract.Type; id is the secret's id or name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(id), Data: types.StringValue("")})
}
