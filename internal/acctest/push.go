package acctest

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
)

// Push tags an image of the engine and pushes it into the registry under the name given ("team/app:1"). It returns
// the full name; the engine itself does not keep that tag.
func (r *Registry) Push(tb testing.TB, e *Engine, image, name string) string {
	tb.Helper()
	ctx, ref := tb.Context(), r.Ref(name)
	c, err := e.client()
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ImageTag(ctx, client.ImageTagOptions{Source: image, Target: ref}); err != nil {
		tb.Fatalf("tag %s: %v", ref, err)
	}
	answer, err := c.ImagePush(ctx, ref, client.ImagePushOptions{RegistryAuth: r.header(tb)})
	if err != nil {
		tb.Fatalf("push %s: %v", ref, err)
	}
	defer answer.Close()
	if err := progress(ref, answer); err != nil {
		tb.Fatal(err)
	}
	if _, err := c.ImageRemove(ctx, ref, client.ImageRemoveOptions{}); err != nil {
		tb.Fatalf("untag %s: %v", ref, err)
	}
	return ref
}

// header is the value of X-Registry-Auth.
func (r *Registry) header(tb testing.TB) string {
	tb.Helper()
	content, err := json.Marshal(registry.AuthConfig{Username: r.Auth.Username, Password: r.Auth.Password, ServerAddress: r.Address})
	if err != nil {
		tb.Fatal(err)
	}
	return base64.URLEncoding.EncodeToString(content)
}
