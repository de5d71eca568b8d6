package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// API is the part of an engine's API services need.
type API interface {
	swarm.Manager
	watching
	ServiceInspect(ctx context.Context, id string, options moby.ServiceInspectOptions) (moby.ServiceInspectResult, error)
	ServiceCreate(ctx context.Context, options moby.ServiceCreateOptions) (moby.ServiceCreateResult, error)
	ServiceUpdate(ctx context.Context, id string, options moby.ServiceUpdateOptions) (moby.ServiceUpdateResult, error)
	ServiceRemove(ctx context.Context, id string, options moby.ServiceRemoveOptions) (moby.ServiceRemoveResult, error)
	SecretInspect(ctx context.Context, id string, options moby.SecretInspectOptions) (moby.SecretInspectResult, error)
	ConfigInspect(ctx context.Context, id string, options moby.ConfigInspectOptions) (moby.ConfigInspectResult, error)
	NetworkInspect(ctx context.Context, id string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
	DistributionInspect(ctx context.Context, image string, options moby.DistributionInspectOptions) (moby.DistributionInspectResult, error)
	RegistryAuth(ctx context.Context, ref string) (string, error)
}

// Type is docker_service.
type Type struct{}

var (
	_ contract.Type[Model, API] = Type{}
	_ contract.Validator[Model] = Type{}
	_ contract.Claimant[Model]  = Type{}
	_ contract.Demanding[API]   = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "service" }

// Supported implements contract.Demanding.
func (Type) Supported(ctx context.Context, e API) error { return e.NeedSwarm(ctx) }

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	id, err := swarm.Called("service", last.ID, last.Name)
	if err != nil {
		return last, err
	}
	found, err := e.ServiceInspect(ctx, id, moby.ServiceInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("service %q: %w", id, err)
	}
	networks, err := networkIDs(ctx, e, last, found.Service.Spec.TaskTemplate.Networks)
	if err != nil {
		return last, fmt.Errorf("service %q: %w", id, err)
	}
	return flatten(found.Service, last, networks), nil
}

// networkIDs asks for the ids of the networks last calls by name.
func networkIDs(ctx context.Context, e API, last Model, has []mobyswarm.NetworkAttachmentConfig) (map[string]string, error) {
	ids := map[string]string{}
	targets := map[string]bool{}
	for _, n := range has {
		targets[n.Target] = true
	}
	task, _ := last.TaskSpec.One()
	for _, n := range task.Networks.Items {
		name := n.target()
		if name == "" || targets[name] {
			continue
		}
		found, err := e.NetworkInspect(ctx, name, moby.NetworkInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ids[name] = found.Network.ID
	}
	return ids, nil
}

// Create implements contract.Type.
func (t Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	var spec mobyswarm.ServiceSpec
	auth, err := prepare(ctx, e, planned, &spec, "")
	if err != nil {
		return planned, fmt.Errorf("service %q: %w", name, err)
	}
	made, err := e.ServiceCreate(ctx, moby.ServiceCreateOptions{Spec: spec, EncodedRegistryAuth: auth})
	if err != nil {
		return planned, swarm.Taken("service", name, err)
	}
	planned.ID = types.StringValue(made.ID)
	if err := converge(ctx, e, planned, goal{}); err != nil {
		return planned, &contract.Partial{Err: fmt.Errorf("service %q was made and %w", name, err)}
	}
	if err := choose(ctx, e, planned); err != nil {
		return planned, &contract.Partial{Err: fmt.Errorf("service %q was made and %w", name, err)}
	}
	return planned, nil
}

// Update implements contract.Type. It makes no call for what only this side records.
func (t Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	planned.ID = observed.ID
	id, name := observed.ID.ValueString(), planned.Name.ValueString()
	var aim *goal
	err := swarm.InSequence(func() error {
		found, err := e.ServiceInspect(ctx, id, moby.ServiceInspectOptions{})
		if err != nil {
			return err
		}
		before, err := json.Marshal(found.Service.Spec)
		if err != nil {
			return err
		}
		spec := found.Service.Spec
		endpoint := endpointText(spec.EndpointSpec)
		has := ""
		if spec.TaskTemplate.ContainerSpec != nil {
			has = spec.TaskTemplate.ContainerSpec.Image
		}
		auth, err := prepare(ctx, e, planned, &spec, has)
		if err != nil {
			return err
		}
		after, err := json.Marshal(spec)
		if err != nil || string(before) == string(after) {
			return err
		}
		_, err = e.ServiceUpdate(ctx, id, moby.ServiceUpdateOptions{
			Version: found.Service.Version, Spec: spec, EncodedRegistryAuth: auth, RegistryAuthFrom: mobyswarm.RegistryAuthFromSpec,
		})
		aim = &goal{update: true, endpoint: endpoint != endpointText(spec.EndpointSpec), since: found.Service.UpdatedAt}
		return err
	})
	if err != nil {
		return planned, fmt.Errorf("service %q: %w", name, err)
	}
	if aim == nil {
		return planned, nil
	}
	if err := converge(ctx, e, planned, *aim); err != nil {
		return planned, fmt.Errorf("service %q was updated and %w", name, err)
	}
	if aim.endpoint {
		if err := choose(ctx, e, planned); err != nil {
			return planned, fmt.Errorf("service %q was updated and %w", name, err)
		}
	}
	return planned, nil
}

// endpointText is an endpoint as text, to compare.
func endpointText(e *mobyswarm.EndpointSpec) string {
	text, _ := json.Marshal(e)
	return string(text)
}

// prepare completes a specification: what is declared, the names of secrets and configs, ids of networks, and the digest
// of the image. has is the image the service has. It returns the credentials for the image's registry.
func prepare(ctx context.Context, e API, m Model, spec *mobyswarm.ServiceSpec, has string) (string, error) {
	platforms := platformsOf(spec)
	networks := spec.TaskTemplate.Networks
	if spec.TaskTemplate.ContainerSpec != nil { // what inspect gave is not to be changed under it
		c := *spec.TaskTemplate.ContainerSpec
		spec.TaskTemplate.ContainerSpec = &c
	}
	expand(m, spec)
	c := spec.TaskTemplate.ContainerSpec
	if c == nil {
		return "", contract.At("task_spec", "a container_spec is needed: %w", errs.ErrInvalid)
	}
	ids, err := networkIDs(ctx, e, m, networks)
	if err != nil {
		return "", err
	}
	for i, n := range spec.TaskTemplate.Networks {
		if id := ids[n.Target]; id != "" {
			spec.TaskTemplate.Networks[i].Target = id
		}
	}
	if err := nameFiles(ctx, e, c); err != nil {
		return "", err
	}
	auth, err := registryAuth(ctx, e, m, c.Image)
	if err != nil {
		return "", contract.At("auth", "%w", err)
	}
	if has != "" && isImage(has, c.Image) {
		c.Image = has // scaling does not start tasks anew
		if task, _ := m.TaskSpec.One(); !declaresPlatforms(task) && has != imageOf(m) {
			setPlatforms(spec, platforms)
		}
		return auth, nil
	}
	pin(ctx, e, spec, auth)
	return auth, nil
}

func imageOf(m Model) string {
	task, _ := m.TaskSpec.One()
	c, _ := task.ContainerSpec.One()
	return c.Image.ValueString()
}

func declaresPlatforms(t TaskSpec) bool {
	p, _ := t.Placement.One()
	return len(p.Platforms.Items) > 0
}

func platformsOf(spec *mobyswarm.ServiceSpec) []mobyswarm.Platform {
	if spec.TaskTemplate.Placement == nil {
		return nil
	}
	return spec.TaskTemplate.Placement.Platforms
}

func setPlatforms(spec *mobyswarm.ServiceSpec, platforms []mobyswarm.Platform) {
	if len(platforms) == 0 {
		return
	}
	if spec.TaskTemplate.Placement == nil {
		spec.TaskTemplate.Placement = &mobyswarm.Placement{}
	}
	spec.TaskTemplate.Placement.Platforms = platforms
}

// nameFiles asks for the names of secrets and configs that only have ids: a swarm wants both.
func nameFiles(ctx context.Context, e API, c *mobyswarm.ContainerSpec) error {
	for _, s := range c.Secrets {
		if s.SecretName != "" {
			continue
		}
		found, err := e.SecretInspect(ctx, s.SecretID, moby.SecretInspectOptions{})
		if err != nil {
			return contract.At("task_spec", "secret %q: %w", s.SecretID, err)
		}
		s.SecretID, s.SecretName = found.Secret.ID, found.Secret.Spec.Name
	}
	for _, f := range c.Configs {
		if f.ConfigName != "" {
			continue
		}
		found, err := e.ConfigInspect(ctx, f.ConfigID, moby.ConfigInspectOptions{})
		if err != nil {
			return contract.At("task_spec", "config %q: %w", f.ConfigID, err)
		}
		f.ConfigID, f.ConfigName = found.Config.ID, found.Config.Spec.Name
	}
	return nil
}

// registryAuth is the credentials nodes get for the image: those declared, else those in force here.
func registryAuth(ctx context.Context, e API, m Model, image string) (string, error) {
	if a, ok := m.Auth.One(); ok && a.Username.ValueString() != "" {
		return authconfig.Encode(registry.AuthConfig{
			Username: a.Username.ValueString(), Password: a.Password.ValueString(), ServerAddress: a.ServerAddress.ValueString(),
		})
	}
	if imageref.IsID(image) {
		return "", nil
	}
	return e.RegistryAuth(ctx, image)
}

// Delete implements contract.Type. It waits until the tasks' containers are gone.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	return remove(ctx, e, observed)
}

// Import implements contract.Type; id is the service's id or name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(id)})
}
