package acceptance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// docker_prune removes what it is told to and no more, and says what.
func TestPruneAction(t *testing.T) {
	each(t, func(b bench) {
		t := b.t
		w := b.wired()
		if b.engine.IsOld() {
			said, diags := w.watch("docker_prune", given{"what": set("containers")})
			if problem := w.refused(diags, "what"); said != nil || !strings.Contains(problem, "needs engine API 1.25") {
				t.Errorf("%q: %s", said, problem)
			}
			return
		}
		gone, kept := b.prefix+"-gone", b.prefix+"-kept"
		b.unused(gone, kept)
		label := set("of=" + b.prefix)
		w.refuses(map[string]refusal{
			"until":   {given{"what": set("volumes"), "all": set("volumes"), "until": text("1h")}, "until", "by time"},
			"all":     {given{"what": set("volumes"), "all": set("images", "volumes")}, "all", `add "images" to what`},
			"unknown": {given{"what": set("everything")}, "what", "one of"},
		})
		podman, refusals := b.engine.Name == "podman", map[string]refusal{}
		if b.engine.Name != "cleatd" { // cleatd speaks an API that tells volumes apart
			refusals["named volumes"] = refusal{given{"what": set("volumes"), "labels": label}, "what", "volumes with a name too"}
		}
		if !podman {
			refusals["labels"] = refusal{given{"what": set("build_cache"), "labels": label}, "labels", "by label"}
		} else {
			refusals["build cache"] = refusal{given{"what": set("build_cache")}, "what", "prune images instead"}
			refusals["named images"] = refusal{given{"what": set("images"), "all": set("images")}, "all", "only images without a name"}
		}
		w.refuses(refusals)
		whole := set("images", "volumes")
		if podman {
			whole = set("volumes")
		}
		said, diags := w.watch("docker_prune", given{"what": set("containers", "images", "networks", "volumes"), "all": whole, "labels": label})
		w.fine(diags)
		all := strings.Join(said, "\n")
		for _, want := range []string{"containers: 1 removed, ", "images: ", "networks: removed " + gone, "networks: 1 removed, 0B freed",
			"volumes: removed " + gone, "volumes: 1 removed, "} {
			if !strings.Contains(all, want) {
				t.Errorf("said nothing of %q:\n%s", want, all)
			}
		}
		there := func(what, name string, err error, want bool) {
			t.Helper()
			if found := err == nil; found != want || err != nil && !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%s %s: there %t, want %t: %v", what, name, found, want, err)
			}
		}
		for name, want := range map[string]bool{gone: false, kept: true} {
			there("container", name, second(b.docker.ContainerInspect(t.Context(), name, moby.ContainerInspectOptions{})), want)
			there("volume", name, second(b.docker.VolumeInspect(t.Context(), name, moby.VolumeInspectOptions{})), want)
		}
		there("network", gone, second(b.docker.NetworkInspect(t.Context(), gone, moby.NetworkInspectOptions{})), false)
		there("image", gone+":1", second(b.docker.ImageInspect(t.Context(), gone+":1")), podman)
		if podman {
			b.must(func() error { return second(b.docker.ImageRemove(t.Context(), gone+":1", moby.ImageRemoveOptions{})) })()
			return
		}
		said, diags = w.watch("docker_prune", given{"what": set("build_cache"), "until": text("100000h")}) // of others on this engine nothing goes
		if w.fine(diags); !slices.Equal(said, []string{"build_cache: 0 removed, 0B freed"}) {
			t.Errorf("said %q", said)
		}
	})
}

// unused makes things that nothing uses: those called gone have the label of the test and nothing else that keeps them.
func (b bench) unused(gone, kept string) {
	t := b.t
	t.Helper()
	ours := map[string]string{"of": b.prefix}
	making := func(name string, labels map[string]string) error {
		_, err := b.docker.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Name: name, Config: &container.Config{Image: acctest.Busybox, Labels: labels}})
		return err
	}
	t.Cleanup(b.must(func() error {
		ctx := context.WithoutCancel(t.Context())
		return errors.Join(second(b.docker.ContainerRemove(ctx, kept, moby.ContainerRemoveOptions{Force: true})),
			second(b.docker.VolumeRemove(ctx, kept, moby.VolumeRemoveOptions{})))
	}))
	b.must(func() error {
		return errors.Join(
			making(gone, ours),
			making(kept, map[string]string{"of": b.prefix, "dev.cleat.project": "p"}),
			second(b.docker.NetworkCreate(t.Context(), gone, moby.NetworkCreateOptions{Driver: "bridge", Labels: ours})),
			second(b.docker.VolumeCreate(t.Context(), moby.VolumeCreateOptions{Name: gone, Labels: ours})),
			second(b.docker.VolumeCreate(t.Context(), moby.VolumeCreateOptions{Name: kept})),
			second(b.docker.ContainerCommit(t.Context(), gone, moby.ContainerCommitOptions{Reference: gone + ":1", Config: &container.Config{}, Changes: []string{"LABEL of=" + b.prefix}})),
		)
	})()
}

// refusal is what an action refuses at plan, at which attribute and with which words.
type refusal struct {
	given     given
	at, words string
}

func (w wire) refuses(all map[string]refusal) {
	w.b.t.Helper()
	for name, r := range all {
		said, diags := w.watch("docker_prune", r.given)
		if problem := w.refused(diags, r.at); said != nil || !strings.Contains(problem, r.words) {
			w.b.t.Errorf("%s: %q: %s", name, said, problem)
		}
	}
}

func second[V any](_ V, err error) error { return err }
