package registryimage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/pkg/authconfig"
	apiregistry "github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
)

// world is an engine beside a registry. What the engine has is the text of a manifest; a push puts it under the tag.
type world struct {
	API // calls that are not made
	t   *testing.T
	*client.Registries
	host string

	// local is the engine's image; silent engines do not say its digest, and a registry may refuse to delete, or everything.
	local          string
	silent         bool
	failure        string
	refuses, shuts int

	mu        sync.Mutex
	tags      map[string]digest.Digest
	manifests map[digest.Digest]string
	calls     []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, local: "one", tags: map[string]digest.Digest{}, manifests: map[digest.Digest]string{}}
	s := httptest.NewServer(http.HandlerFunc(w.registry))
	t.Cleanup(s.Close)
	w.host = s.Listener.Addr().String()
	var err error
	if w.Registries, err = client.NewRegistries([]client.RegistryAuth{{Address: w.host, Username: "block", Password: "b"}}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *world) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *world) put(tag, content string) digest.Digest {
	w.mu.Lock()
	defer w.mu.Unlock()
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"annotations":{"is":%q}}`, ocispec.MediaTypeImageManifest, content)
	d := digest.FromString(raw)
	w.tags[tag], w.manifests[d] = d, raw
	return d
}

func (w *world) registry(rw http.ResponseWriter, r *http.Request) {
	user, _, ok := r.BasicAuth()
	if !ok {
		rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name, _ := strings.CutPrefix(r.URL.Path, "/v2/team/app/manifests/")
	d, found := w.tags[name]
	if !found {
		d = digest.Digest(name)
	}
	w.note("%s %s by %s", r.Method, w.named(name), user)
	content, found := w.manifests[d]
	switch {
	case w.shuts != 0:
		rw.WriteHeader(w.shuts)
	case !found:
		rw.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete && w.refuses != 0:
		rw.WriteHeader(w.refuses)
	case r.Method == http.MethodDelete:
		delete(w.manifests, d)
		rw.WriteHeader(http.StatusAccepted)
	default:
		rw.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
		rw.Header().Set("Docker-Content-Digest", d.String())
		_, _ = io.WriteString(rw, content)
	}
}

// named is a reference in words.
func (w *world) named(reference string) string {
	if digest.Digest(reference).Validate() == nil {
		return "digest"
	}
	return reference
}

type stream struct {
	moby.ImagePushResponse
	io.Reader
}

func (s stream) Read(p []byte) (int, error) { return s.Reader.Read(p) }
func (stream) Close() error                 { return nil }

// ImagePush implements API.
func (w *world) ImagePush(_ context.Context, image string, o moby.ImagePushOptions) (moby.ImagePushResponse, error) {
	auth, err := authconfig.Decode(o.RegistryAuth)
	if err != nil {
		w.t.Errorf("credentials of the push: %v", err)
	}
	w.mu.Lock()
	w.note("push %s as %s", strings.TrimPrefix(image, w.host), auth.Username)
	w.mu.Unlock()
	if w.failure != "" {
		return stream{Reader: strings.NewReader(`{"status":"The push refers to repository"}{"errorDetail":{"message":"` + w.failure + `"},"error":"x"}`)}, nil
	}
	d := w.put("1", w.local)
	out := `{"status":"Pushing","id":"a","progressDetail":{"current":1,"total":2}}{"status":"Pushed","id":"a","progressDetail":{}}`
	if !w.silent {
		out += fmt.Sprintf(`{"progressDetail":{},"aux":{"Tag":"1","Digest":%q,"Size":1}}`, d)
	}
	return stream{Reader: strings.NewReader(out)}, nil
}

// ImageBuild implements API.
func (w *world) ImageBuild(_ context.Context, body io.Reader, o moby.ImageBuildOptions) (moby.ImageBuildResult, error) {
	if _, err := io.Copy(io.Discard, body); err != nil {
		return moby.ImageBuildResult{}, err
	}
	w.note("build %s", strings.TrimPrefix(o.Tags[0], w.host))
	return moby.ImageBuildResult{Body: io.NopCloser(strings.NewReader(`{"aux":{"ID":"sha256:1"}}`))}, nil
}

// RegistryAuth implements API.
func (w *world) RegistryAuth(context.Context, string) (string, error) {
	return authconfig.Encode(apiregistry.AuthConfig{Username: "block", Password: "b"})
}

// RegistryAuthConfigs implements API.
func (w *world) RegistryAuthConfigs(context.Context) (map[string]apiregistry.AuthConfig, error) {
	return nil, nil
}

// Repository implements API.
func (w *world) Repository(ctx context.Context, image string, access client.RegistryAccess) (*registry.Repository, error) {
	return w.Registries.Repository(ctx, image, access)
}

type config = map[string]attr.Value

func text(s string) attr.Value { return types.StringValue(s) }

func words(pairs ...string) attr.Value {
	all := map[string]attr.Value{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = text(pairs[i+1])
	}
	return types.MapValueMust(types.StringType, all)
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), New())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func object(t *testing.T, r contract.Resource, values config) types.Object {
	t.Helper()
	all := r.Node().Empty()
	for name, v := range values {
		all[name] = v
	}
	o, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func block(t *testing.T, r contract.Resource, name string, values config) attr.Value {
	t.Helper()
	b, _ := r.Node().Block(name)
	all := b.Node.Empty()
	for n, v := range values {
		all[n] = v
	}
	item, err := b.Node.Object(all)
	if err != nil {
		t.Fatal(err)
	}
	if b.Nesting == contract.Set {
		return types.SetValueMust(b.Node.Type(), []attr.Value{item})
	}
	return types.ListValueMust(b.Node.Type(), []attr.Value{item})
}

func plan(t *testing.T, r contract.Resource, w *world, declared, observed types.Object) contract.Plan {
	t.Helper()
	p, err := r.Plan(t.Context(), w, contract.Request{Config: declared, Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func value(o types.Object, name string) string {
	s, _ := o.Attributes()[name].(types.String)
	return s.ValueString()
}
