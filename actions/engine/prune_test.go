package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/progress"
)

var _ API = (*client.Client)(nil)

// fake notes the calls; those in fails fail.
type fake struct {
	version string
	fails   map[string]error
	calls   []string
}

func (f *fake) ClientVersion() string { return f.version }

func (f *fake) EngineName() string { return "dockerd" }

func (f *fake) called(name string, all bool, filters moby.Filters) error {
	call := name
	for _, term := range []string{"all", "dangling", "label", "label!", "until"} {
		for _, value := range []string{"true", "false", "a", "b=c", managed, "1h"} {
			if filters[term][value] {
				call += " " + term + "=" + value
			}
		}
	}
	if all {
		call += " all"
	}
	f.calls = append(f.calls, call)
	return f.fails[name]
}

func (f *fake) ContainerPrune(_ context.Context, o moby.ContainerPruneOptions) (r moby.ContainerPruneResult, err error) {
	r.Report.ContainersDeleted, r.Report.SpaceReclaimed = []string{"c1", "c2"}, 2_500_000
	return r, f.called("containers", false, o.Filters)
}

func (f *fake) ImagePrune(_ context.Context, o moby.ImagePruneOptions) (r moby.ImagePruneResult, err error) {
	r.Report.ImagesDeleted = []image.DeleteResponse{{Untagged: "a:1"}, {Deleted: "sha256:1"}}
	return r, f.called("images", false, o.Filters)
}

func (f *fake) NetworkPrune(_ context.Context, o moby.NetworkPruneOptions) (r moby.NetworkPruneResult, err error) {
	return r, f.called("networks", false, o.Filters)
}

func (f *fake) VolumePrune(_ context.Context, o moby.VolumePruneOptions) (r moby.VolumePruneResult, err error) {
	return r, f.called("volumes", o.All, o.Filters)
}

func (f *fake) BuildCachePrune(_ context.Context, o moby.BuildCachePruneOptions) (r moby.BuildCachePruneResult, err error) {
	return r, f.called("build_cache", o.All, o.Filters)
}

func set(values ...string) types.Set {
	if values == nil {
		return types.SetNull(types.StringType)
	}
	var all []attr.Value
	for _, v := range values {
		all = append(all, types.StringValue(v))
	}
	return types.SetValueMust(types.StringType, all)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	everything := set("build_cache", "volumes", "networks", "images", "containers")
	for name, c := range map[string]struct {
		config  PruneModel
		version string
		fails   map[string]error
		calls   []string
		said    string
		err     string
	}{
		"in order": {config: PruneModel{What: everything}, calls: []string{"containers label!=" + managed, "images", "networks", "volumes", "build_cache"},
			said: "containers: removed c1\ncontainers: removed c2\ncontainers: 2 removed, 2.5MB freed\nimages: removed name a:1\nimages: removed sha256:1\n" +
				"images: 2 removed, 0B freed\nnetworks: 0 removed, 0B freed\nvolumes: 0 removed, 0B freed\nbuild_cache: 0 removed, 0B freed"},
		"all": {config: PruneModel{What: set("images", "volumes", "build_cache"), All: set("images", "volumes", "build_cache")},
			calls: []string{"images dangling=false", "volumes all", "build_cache all"}, said: "-"},
		"before they were told apart": {config: PruneModel{What: set("volumes"), All: set("volumes")}, version: "1.41", calls: []string{"volumes"}, said: "-"},
		"filters": {config: PruneModel{What: set("containers", "networks"), Labels: set("a", "b=c"), Until: types.StringValue("1h")},
			calls: []string{"containers label=a label=b=c label!=" + managed + " until=1h", "networks label=a label=b=c until=1h"}, said: "-"},
		"one fails": {config: PruneModel{What: set("images", "networks")}, fails: map[string]error{"images": errs.ErrConflict}, calls: []string{"images", "networks"},
			said: "networks: 0 removed, 0B freed", err: "pruning images: conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &fake{version: c.version, fails: c.fails}
			if c.version == "" {
				e.version = "1.44"
			}
			if err := (Prune{}).Foresee(t.Context(), e, c.config); err != nil {
				t.Fatal(err)
			}
			var said []string
			ctx := progress.With(t.Context(), func(event progress.Event) { said = append(said, event.Message) })
			err := Prune{}.Invoke(ctx, e, c.config)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(fmt.Sprint(err), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.said, strings.Join(said, "\n")); c.said != "-" && diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be known at plan is not refused there.
func TestForeseeUnknown(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]PruneModel{
		"what": {What: types.SetUnknown(types.StringType), All: set("images")},
		"all":  {What: set("volumes"), All: types.SetUnknown(types.StringType)},
	} {
		if err := (Prune{}).Foresee(t.Context(), &fake{version: "1.41"}, config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A prune that is interrupted says so and goes no further.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &fake{version: "1.44"}
	if err := (Prune{}).Invoke(ctx, e, PruneModel{What: set("images")}); err == nil || len(e.calls) > 0 {
		t.Errorf("%v after %v", err, e.calls)
	}
}
