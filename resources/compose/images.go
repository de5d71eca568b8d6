package compose

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// obtainImages pulls and builds what is missing, or asked for by pull_policy, by the means of docker_image.
func (u *up) obtainImages(ctx context.Context) error {
	for _, name := range sorted(u.p.Services) {
		s := u.p.Services[name]
		if s.GetScale() == 0 {
			continue
		}
		id, err := u.obtainImage(ctx, s)
		if err != nil {
			at, below := contract.PathOf(err)
			if at != "" {
				err = below
			}
			return contract.At("config_paths", "service %q: %w", name, err)
		}
		u.images[name] = id
	}
	return nil
}

func (u *up) obtainImage(ctx context.Context, s types.ServiceConfig) (id string, err error) {
	name := composefile.ImageName(u.p, s)
	policy, _, err := s.GetPullPolicy()
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	have, err := u.e.ImageInspect(ctx, imageref.Local(name))
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return "", fmt.Errorf("image %q: %w", name, err)
	}
	missing := err != nil
	always := policy == types.PullPolicyAlways || policy == types.PullPolicyRefresh
	m := image.Model{Name: tftypes.StringValue(name), KeepLocally: tftypes.BoolValue(true), ImageID: tftypes.StringValue(have.ID)}
	if s.Platform != "" {
		m.Platform = tftypes.StringValue(s.Platform)
	}
	switch {
	case s.Build != nil && (missing && policy != types.PullPolicyNever || policy == types.PullPolicyBuild):
		m.Build = contract.BlocksOf(u.build(s))
		m, err = image.New().Create(ctx, u.e, m)
	case missing && policy == types.PullPolicyNever:
		return "", fmt.Errorf("image %q is not on the engine, and pull_policy is never: %w", name, errs.ErrNotFound)
	case always && s.Build == nil && !imageref.IsID(name):
		m, err = image.New().Update(ctx, u.e, m, m, contract.Changes{{Path: "pull_triggers", Effect: contract.InPlace}})
	case missing || s.Platform != "" && s.Build == nil:
		m, err = image.New().Create(ctx, u.e, m)
	default:
		return have.ID, nil
	}
	if err != nil {
		return "", err
	}
	now, err := u.e.ImageInspect(ctx, imageref.Local(name))
	if err != nil {
		return "", fmt.Errorf("image %q: %w", name, err)
	}
	return now.ID, nil
}

// build is the build of a service as docker_image has it. Arguments without a value have that of the environment.
func (u *up) build(s types.ServiceConfig) image.Build {
	b := s.Build
	args := map[string]attr.Value{}
	for name, value := range b.Args {
		if value != nil {
			args[name] = tftypes.StringValue(*value)
		} else if found, ok := u.p.Environment[name]; ok {
			args[name] = tftypes.StringValue(found)
		}
	}
	labels := map[string]string{labelProject: u.p.Name, labelService: s.Name, labelVersion: labelVersionText}
	for name, value := range b.Labels {
		labels[name] = value
	}
	dockerfile := b.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	to := image.Build{
		Context: tftypes.StringValue(b.Context), Dockerfile: tftypes.StringValue(dockerfile),
		BuildArgs: tftypes.MapValueMust(tftypes.StringType, args), Labels: mapping(labels),
		CacheFrom: list(b.CacheFrom), NoCache: tftypes.BoolValue(b.NoCache), PullParent: tftypes.BoolValue(b.Pull),
		ExtraHosts: list(b.ExtraHosts.AsList(":")), Isolation: optional(b.Isolation), NetworkMode: optional(b.Network), Target: optional(b.Target),
		ShmSize: tftypes.Int64Value(int64(b.ShmSize)), Tag: list(b.Tags), Platform: optional(strings.Join(b.Platforms, ",")),
	}
	if to.Platform.IsNull() {
		to.Platform = optional(s.Platform)
	}
	for _, limit := range ulimits(b.Ulimits) {
		to.Ulimit.Items = append(to.Ulimit.Items, image.Ulimit{
			Name: tftypes.StringValue(limit.Name), Soft: tftypes.Int64Value(limit.Soft), Hard: tftypes.Int64Value(limit.Hard),
		})
	}
	return to
}

func optional(s string) tftypes.String {
	if s == "" {
		return tftypes.StringNull()
	}
	return tftypes.StringValue(s)
}
