package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API the action needs.
type API interface {
	ClientVersion() string
	EngineName() string
	ContainerPrune(ctx context.Context, options moby.ContainerPruneOptions) (moby.ContainerPruneResult, error)
	ImagePrune(ctx context.Context, options moby.ImagePruneOptions) (moby.ImagePruneResult, error)
	NetworkPrune(ctx context.Context, options moby.NetworkPruneOptions) (moby.NetworkPruneResult, error)
	VolumePrune(ctx context.Context, options moby.VolumePruneOptions) (moby.VolumePruneResult, error)
	BuildCachePrune(ctx context.Context, options moby.BuildCachePruneOptions) (moby.BuildCachePruneResult, error)
}

var (
	_ contract.Action[PruneModel, API]      = Prune{}
	_ contract.Foresighted[PruneModel, API] = Prune{}
)

const (
	// managed is on every container of cleat. Its ledger is one that never runs: with it went what cleat knows.
	managed = "dev.cleat.project"
	// wholeVolumes is the API that tells anonymous volumes from named ones when it prunes; before, all of them go.
	wholeVolumes = "1.42"
)

// PruneModel is what is removed.
type PruneModel struct {
	What   types.Set    `tfsdk:"what"`
	All    types.Set    `tfsdk:"all"`
	Labels types.Set    `tfsdk:"labels"`
	Until  types.String `tfsdk:"until"`
}

// Prune is docker_prune.
type Prune struct{}

// Name implements contract.Action.
func (Prune) Name() string { return "prune" }

// Schema implements contract.Action.
func (Prune) Schema(context.Context) schema.Schema {
	names := make([]string, len(kinds))
	var whole []string
	for i, k := range kinds {
		names[i] = k.name
		if k.all {
			whole = append(whole, k.name)
		}
	}
	return schema.Schema{
		MarkdownDescription: "Removes what nothing uses, and tells what went and how much space that freed. What Terraform manages and nothing uses at the time goes as well: " +
			"a stopped container, an unused network. Containers that `cleat` manages stay. For Terraform 1.14; `cleat` has no actions.",
		Attributes: map[string]schema.Attribute{
			"what": schema.SetAttribute{
				ElementType: types.StringType, Required: true,
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.OneOf(names...))},
				MarkdownDescription: "What is removed, in this order: `containers` that do not run, `images` without a name, `networks` without a container, anonymous `volumes`, " +
					"and the `build_cache` that is not in use. Engine API 1.25, for the build cache 1.31; podman has none.",
			},
			"all": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(whole...))},
				MarkdownDescription: "Of which of these everything goes that nothing uses: `images` with a name (not on podman), `volumes` with a name, all of the `build_cache`. " +
					"An engine before API 1.42 cannot tell volumes with a name from others: there `volumes` are removed only if they are named here.",
			},
			"labels": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
				MarkdownDescription: "Labels that what is removed must have, all of them: `NAME` or `NAME=value`. Not for the build cache.",
			},
			"until": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Only what was made before: a time (`2026-01-02T15:04:05Z`), or how long ago (`24h`). Not for volumes.",
			},
		},
	}
}

// kind is one thing that is pruned: what filters it takes, and its call, which returns what went.
type kind struct {
	name               string
	all, labels, until bool
	since              string
	prune              func(ctx context.Context, e API, filters moby.Filters, all bool) (gone []string, freed uint64, err error)
}

// kinds are in the order in which one frees the next.
var kinds = [...]kind{
	{name: "containers", labels: true, until: true, since: "1.25", prune: containers},
	{name: "images", all: true, labels: true, until: true, since: "1.25", prune: images},
	{name: "networks", labels: true, until: true, since: "1.25", prune: networks},
	{name: "volumes", all: true, labels: true, since: "1.25", prune: volumes},
	{name: "build_cache", all: true, until: true, since: "1.31", prune: buildCache},
}

func containers(ctx context.Context, e API, filters moby.Filters, _ bool) ([]string, uint64, error) {
	done, err := e.ContainerPrune(ctx, moby.ContainerPruneOptions{Filters: filters.Add("label!", managed)})
	return done.Report.ContainersDeleted, done.Report.SpaceReclaimed, err
}

func images(ctx context.Context, e API, filters moby.Filters, all bool) ([]string, uint64, error) {
	if all {
		filters.Add("dangling", "false")
	}
	done, err := e.ImagePrune(ctx, moby.ImagePruneOptions{Filters: filters})
	var gone []string
	for _, d := range done.Report.ImagesDeleted {
		if d.Untagged != "" {
			gone = append(gone, "name "+d.Untagged)
		}
		if d.Deleted != "" {
			gone = append(gone, d.Deleted)
		}
	}
	return gone, done.Report.SpaceReclaimed, err
}

func networks(ctx context.Context, e API, filters moby.Filters, _ bool) ([]string, uint64, error) {
	done, err := e.NetworkPrune(ctx, moby.NetworkPruneOptions{Filters: filters})
	return done.Report.NetworksDeleted, 0, err
}

func volumes(ctx context.Context, e API, filters moby.Filters, all bool) ([]string, uint64, error) {
	done, err := e.VolumePrune(ctx, moby.VolumePruneOptions{Filters: filters, All: all && !versions.LessThan(e.ClientVersion(), wholeVolumes)})
	return done.Report.VolumesDeleted, done.Report.SpaceReclaimed, err
}

func buildCache(ctx context.Context, e API, filters moby.Filters, all bool) ([]string, uint64, error) {
	done, err := e.BuildCachePrune(ctx, moby.BuildCachePruneOptions{Filters: filters, All: all})
	return done.Report.CachesDeleted, done.Report.SpaceReclaimed, err
}

// Foresee implements contract.Foresighted: no filter is left out silently, and nothing goes that was not asked for.
func (Prune) Foresee(_ context.Context, e API, config PruneModel) error {
	what, all, speaks := texts(config.What), texts(config.All), e.ClientVersion()
	for _, name := range all {
		if !config.What.IsUnknown() && !slices.Contains(what, name) {
			return contract.Refuse("all", errs.ErrInvalid, "%s are not pruned: add %q to what, or take it out of all", name, name)
		}
	}
	podman := e.EngineName() == "podman"
	for _, k := range kinds {
		switch {
		case !slices.Contains(what, k.name):
		case podman && k.name == "build_cache":
			return contract.Refuse("what", errs.ErrInvalid, "podman has no build cache beside its images: prune images instead of build_cache")
		case podman && k.name == "images" && slices.Contains(all, k.name):
			return contract.Refuse("all", errs.ErrInvalid, "podman's Docker API removes only images without a name: take images out of all")
		case versions.LessThan(speaks, k.since):
			return contract.Refuse("what", errs.ErrInvalid, "pruning %s needs engine API %s, and the engine speaks %s", k.name, k.since, speaks)
		case !k.labels && !config.Labels.IsNull():
			return contract.Refuse("labels", errs.ErrInvalid, "no engine filters its %s by label: prune it by an action of its own", k.name)
		case !k.until && !config.Until.IsNull():
			return contract.Refuse("until", errs.ErrInvalid, "no engine filters %s by time: prune them by an action of their own", k.name)
		case k.name == "volumes" && versions.LessThan(speaks, wholeVolumes) && !config.All.IsUnknown() && !slices.Contains(all, k.name):
			return contract.Refuse("what", errs.ErrInvalid, "the engine speaks API %s and would remove volumes with a name too (from API %s it tells them apart): "+
				"say so by all = [\"volumes\"], or take volumes out", speaks, wholeVolumes)
		}
	}
	return nil
}

// Invoke implements contract.Action. One kind that fails does not keep the next.
func (Prune) Invoke(ctx context.Context, e API, config PruneModel) error {
	what, all := texts(config.What), texts(config.All)
	var failed []error
	for _, k := range kinds {
		if !slices.Contains(what, k.name) {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(append(failed, context.Cause(ctx))...)
		}
		filters := moby.Filters{}
		if labels := texts(config.Labels); len(labels) > 0 {
			filters.Add("label", labels...)
		}
		if until := config.Until.ValueString(); until != "" {
			filters.Add("until", until)
		}
		gone, freed, err := k.prune(ctx, e, filters, slices.Contains(all, k.name))
		if err != nil {
			failed = append(failed, contract.At("what", "pruning %s: %w", k.name, err))
			continue
		}
		say := func(format string, args ...any) {
			progress.Report(ctx, progress.Event{Object: k.name, Message: fmt.Sprintf(k.name+": "+format, args...)})
		}
		for _, name := range gone {
			say("removed %s", name)
		}
		say("%d removed, %s freed", len(gone), units.HumanSize(float64(freed)))
	}
	return errors.Join(failed...)
}

func texts(s types.Set) []string {
	var all []string
	for _, v := range s.Elements() {
		if text, ok := v.(types.String); ok && !text.IsUnknown() {
			all = append(all, text.ValueString())
		}
	}
	return all
}
