package imageremoval_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageremoval"
)

// engine knows images by reference and writes down what is removed.
type engine struct {
	images  map[string]image.InspectResponse
	refuse  error
	version string
	calls   []string
}

func (e *engine) ClientVersion() string { return e.version }

func (e *engine) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	found, ok := e.images[name]
	if !ok {
		return moby.ImageInspectResult{}, fmt.Errorf("no such image: %s: %w", name, errs.ErrNotFound)
	}
	return moby.ImageInspectResult{InspectResponse: found}, nil
}

func (e *engine) ImageRemove(_ context.Context, name string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	e.calls = append(e.calls, fmt.Sprintf("remove %s force=%t prune=%t", name, o.Force, o.PruneChildren))
	if e.refuse != nil {
		return moby.ImageRemoveResult{}, e.refuse
	}
	if _, ok := e.images[name]; !ok {
		return moby.ImageRemoveResult{}, errs.ErrNotFound
	}
	return moby.ImageRemoveResult{}, nil
}

func TestRemovals(t *testing.T) {
	t.Parallel()
	images := map[string]image.InspectResponse{
		"app:v1":   {ID: "sha256:a", RepoTags: []string{"app:v1"}},
		"sha256:a": {ID: "sha256:a", RepoTags: []string{"app:v1"}},
		"sha256:b": {ID: "sha256:b"},
		"sha256:c": {ID: "sha256:c", RepoTags: []string{}},
	}
	for name, c := range map[string]struct {
		do      func(ctx context.Context, e imageremoval.API) error
		refuse  error
		version string
		want    string
		class   error
	}{
		"by name":         {do: reference("app:v1", imageremoval.Options{}), want: "remove app:v1 force=false prune=false"},
		"forced, parents": {do: reference("docker.io/library/app:v1", imageremoval.Options{Force: true, Parents: true}), want: "remove app:v1 force=true prune=true"},
		"gone":            {do: reference("app:v2", imageremoval.Options{}), want: "remove app:v2 force=false prune=false"},
		"in use":          {do: reference("app:v1", imageremoval.Options{}), refuse: errs.ErrConflict, want: "remove app:v1 force=false prune=false", class: errs.ErrConflict},
		"still ours":      {do: referenceTo("app:v1", "sha256:a"), want: "remove app:v1 force=false prune=false"},
		"moved on":        {do: referenceTo("app:v1", "sha256:b")},
		"not there":       {do: referenceTo("app:v2", "sha256:b")},
		"left over":       {do: leftover("sha256:b"), want: "remove sha256:b force=false prune=true"},
		"left over, used": {do: leftover("sha256:b"), refuse: errs.ErrConflict, want: "remove sha256:b force=false prune=true"},
		"has a name":      {do: leftover("sha256:a")},
		"no id":           {do: leftover("")},
		"old engine":      {do: leftover("sha256:b"), version: "1.20"}, // does not report names
		"old, converted":  {do: leftover("sha256:c"), version: "1.20", want: "remove sha256:c force=false prune=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &engine{images: images, refuse: c.refuse, version: "1.41"}
			if c.version != "" {
				e.version = c.version
			}
			err := c.do(t.Context(), e)
			if errs.Class(err) != c.class {
				t.Errorf("error %v, want class %v", err, c.class)
			}
			if diff := cmp.Diff(c.want, strings.Join(e.calls, "\n")); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLeftoverOutlivesCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := cancelled{}
	imageremoval.Leftover(ctx, &e, "sha256:b", imageremoval.Options{})
	if e.err != nil {
		t.Errorf("tidying up runs on a context that is %v", e.err)
	}
}

type cancelled struct {
	engine
	err error
}

func (c *cancelled) ImageInspect(ctx context.Context, _ string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	c.err = ctx.Err()
	return moby.ImageInspectResult{}, errors.New("stop here")
}

func reference(name string, o imageremoval.Options) func(context.Context, imageremoval.API) error {
	return func(ctx context.Context, e imageremoval.API) error { return imageremoval.Reference(ctx, e, name, o) }
}

func referenceTo(name, id string) func(context.Context, imageremoval.API) error {
	return func(ctx context.Context, e imageremoval.API) error {
		return imageremoval.ReferenceTo(ctx, e, name, id, imageremoval.Options{})
	}
}

func leftover(id string) func(context.Context, imageremoval.API) error {
	return func(ctx context.Context, e imageremoval.API) error {
		imageremoval.Leftover(ctx, e, id, imageremoval.Options{Parents: true})
		return nil
	}
}
