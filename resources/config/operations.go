package config

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// API is the part of an engine's API configs need.
type API interface {
	swarm.Manager
	ConfigInspect(ctx context.Context, id string, options moby.ConfigInspectOptions) (moby.ConfigInspectResult, error)
	ConfigCreate(ctx context.Context, options moby.ConfigCreateOptions) (moby.ConfigCreateResult, error)
	ConfigUpdate(ctx context.Context, id string, options moby.ConfigUpdateOptions) (moby.ConfigUpdateResult, error)
	ConfigRemove(ctx context.Context, id string, options moby.ConfigRemoveOptions) (moby.ConfigRemoveResult, error)
}

// Type is docker_config.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
	_ contract.Claimant[Model]  = Type{}
	_ contract.Demanding[API]   = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "config" }

// Supported implements contract.Demanding.
func (Type) Supported(ctx context.Context, e API) error { return e.NeedSwarm(ctx) }

func encode(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	id, err := swarm.Called("config", last.ID, last.Name)
	if err != nil {
		return last, err
	}
	found, err := e.ConfigInspect(ctx, id, moby.ConfigInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("config %q: %w", id, err)
	}
	m := Model{
		ID:     types.StringValue(found.Config.ID),
		Name:   types.StringValue(found.Config.Spec.Name),
		Labels: swarm.FlattenLabels(found.Config.Spec.Labels, last.Labels),

		DataWOVersion: swarm.VersionOf(found.Config.Spec.Labels),
	}
	if m.DataWOVersion.IsNull() && last.DataWOVersion.IsNull() { // also not when somebody took the label away
		m.setData(found.Config.Spec.Data, last.Data)
	}
	return m, nil
}

// setData gives the data in both spellings, in base64 as last wrote it.
func (m *Model) setData(data []byte, last types.String) {
	m.Data = types.StringValue(encode(data))
	if swarm.SameData(last, m.Data) {
		m.Data = last
	}
	m.DataRaw = types.StringValue("")
	if utf8.Valid(data) {
		m.DataRaw = types.StringValue(string(data))
	}
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	data, err := planned.content()
	if err != nil {
		return planned, err
	}
	made, err := e.ConfigCreate(ctx, moby.ConfigCreateOptions{Spec: mobyswarm.ConfigSpec{
		Annotations: mobyswarm.Annotations{Name: name, Labels: swarm.WithVersion(planned.Labels, planned.DataWOVersion)}, Data: data,
	}})
	if err != nil {
		return planned, swarm.Taken("config", name, err)
	}
	planned.ID = types.StringValue(made.ID)
	if planned.DataWO.IsNull() {
		planned.setData(data, planned.Data)
		return planned, nil
	}
	planned.Data, planned.DataRaw = types.StringNull(), types.StringNull()
	return planned, nil
}

// content is the data as it was given, in one of three ways.
func (m Model) content() ([]byte, error) {
	given, at := m.Data, "data"
	switch {
	case !m.DataWO.IsNull():
		given, at = m.DataWO, "data_wo"
	case !m.DataRaw.IsNull() && !m.DataRaw.IsUnknown():
		return []byte(m.DataRaw.ValueString()), nil
	}
	data, err := swarm.Decode(given.ValueString())
	if err != nil {
		return nil, contract.At(at, "config %q: the data is not base64: %w", m.Name.ValueString(), errs.ErrInvalid) // without the error: it quotes
	}
	return data, nil
}

// Update implements contract.Type: labels are all that can change.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	id := observed.ID.ValueString()
	planned.ID = observed.ID
	if !changes.Has("labels") {
		return planned, nil
	}
	err := swarm.InSequence(func() error {
		found, err := e.ConfigInspect(ctx, id, moby.ConfigInspectOptions{})
		if err != nil {
			return err
		}
		spec := found.Config.Spec // the engine refuses an update that differs in anything else
		spec.Labels = swarm.WithVersion(planned.Labels, planned.DataWOVersion)
		_, err = e.ConfigUpdate(ctx, id, moby.ConfigUpdateOptions{Version: found.Config.Version, Spec: spec})
		return err
	})
	if err != nil {
		return planned, fmt.Errorf("config %q: %w", planned.Name.ValueString(), err)
	}
	return planned, nil
}

// Delete implements contract.Type. The error of a config in use names the services.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	_, err := e.ConfigRemove(ctx, observed.ID.ValueString(), moby.ConfigRemoveOptions{})
	if err == nil || errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return swarm.Held("config", observed.Name.ValueString(), err)
}

// Import implements contract.Type; id is the config's id or name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(id)})
}
