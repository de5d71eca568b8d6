package version

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	ServerVersion(ctx context.Context, options moby.ServerVersionOptions) (moby.ServerVersionResult, error)
}

// DataSource is docker_version.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "version" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	v, err := e.ServerVersion(ctx, moby.ServerVersionOptions{})
	if err != nil {
		return config, fmt.Errorf("version of the engine: %w", err)
	}
	var components []map[string]attr.Value
	for _, c := range v.Components {
		components = append(components, map[string]attr.Value{
			"name": types.StringValue(c.Name), "version": flatten.Text(c.Version), "details": flatten.TextMap(c.Details),
		})
	}
	return Model{
		ID:            flatten.Text(v.Version),
		Version:       flatten.Text(v.Version),
		APIVersion:    flatten.Text(v.APIVersion),
		MinAPIVersion: flatten.Text(v.MinAPIVersion),
		OS:            flatten.Text(v.Os),
		Architecture:  flatten.Text(v.Arch),
		Platform:      flatten.Text(v.Platform.Name),
		//lint:ignore SA1019 no other field says it
		Experimental: types.BoolValue(v.Experimental),
		Components:   componentObject.List(components),
	}, nil
}
