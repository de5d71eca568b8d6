package images

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
)

var _ API = (*client.Client)(nil)

// fake is an engine that has these.
type fake []image.Summary

func (f fake) ImageList(context.Context, moby.ImageListOptions) (moby.ImageListResult, error) {
	return moby.ImageListResult{Items: f}, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := fake{
		{ID: "sha256:2", RepoTags: []string{"web:2", "web:1"}, RepoDigests: []string{"web@sha256:9"}, Created: 12, Size: 34, Labels: map[string]string{"a": "b"}},
		{ID: "sha256:1", RepoTags: []string{"<none>:<none>"}, RepoDigests: []string{"web@<none>"}},
	}
	got, err := DataSource{}.Read(t.Context(), f, Model{})
	if err != nil {
		t.Fatal(err)
	}
	item := func(id string, tags, digests []string, created, size int64, labels map[string]string) map[string]attr.Value {
		return map[string]attr.Value{"id": types.StringValue(id), "tags": flatten.Texts(tags), "repo_digests": flatten.Texts(digests),
			"created": types.Int64Value(created), "size": types.Int64Value(size), "labels": flatten.TextMap(labels)}
	}
	want := object.List([]map[string]attr.Value{
		item("sha256:2", []string{"web:1", "web:2"}, []string{"web@sha256:9"}, 12, 34, map[string]string{"a": "b"}), item("sha256:1", nil, nil, 0, 0, nil),
	})
	if diff := cmp.Diff(want, got.Images); diff != "" || got.ID.ValueString() != "images" {
		t.Errorf("%s (-want +got):\n%s", got.ID, diff)
	}
}
