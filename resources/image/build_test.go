package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

func (g *rig) builds(dir string, more map[string]attr.Value) types.Object {
	g.Helper()
	values := map[string]attr.Value{"context": str(dir)}
	for name, v := range more {
		values[name] = v
	}
	return g.object(map[string]attr.Value{"name": str("app:v1"), "build": g.build(values)})
}

func TestChangedFileIsAPlannedBuild(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n", "a": "one", ".dockerignore": "ignored\n", "ignored": "x"})
	config := g.builds(dir, nil)
	first := g.apply(config, g.r.Node().Null())
	if calls := g.e.taken(); calls != "build app:v1" {
		t.Errorf("create called %s", calls)
	}
	put(t, dir, "ignored", "y")
	if p := g.plan(config, first); len(p.Changes) > 0 {
		t.Errorf("an ignored file is a change: %s", changes(p.Changes))
	}

	put(t, dir, "a", "two")
	put(t, dir, "b", "new")
	p := g.plan(config, first)
	if diff := cmp.Diff("build_context update (build context): a changed; added b", changes(p.Changes)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	for _, name := range []string{"id", "image_id", "repo_digest"} {
		if !p.Planned.Attributes()[name].IsUnknown() {
			t.Errorf("%s is planned as %s, want unknown", name, p.Planned.Attributes()[name])
		}
	}
	g.e.taken()
	second := g.apply(config, first)
	if diff := cmp.Diff("build app:v1; inspect sha256:built1; remove sha256:built1 force=false", g.e.taken()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if value(second, "image_id") != "sha256:built2" {
		t.Errorf("image_id %q", value(second, "image_id"))
	}
	if names := tarNames(t, g.e.body); !slices.Equal(names, []string{".dockerignore", "Dockerfile", "a", "b"}) {
		t.Errorf("sent %v", names)
	}
}

func tarNames(t *testing.T, body []byte) []string {
	t.Helper()
	var names []string
	for r := tar.NewReader(bytes.NewReader(body)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func TestBuildIsOnlyWhatWasPlanned(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n", "a": "one"})
	config := g.builds(dir, nil)
	first := g.apply(config, g.r.Node().Null())
	put(t, dir, "a", "two")
	p := g.plan(config, first)
	put(t, dir, "a", "three")
	g.e.taken()
	_, err := g.do(p, first)
	if path, _ := contract.PathOf(err); path != "build.context" || !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "a changed") {
		t.Errorf("error %v", err)
	}
	if calls := g.e.taken(); calls != "" {
		t.Errorf("called %s", calls)
	}
}

func TestLostRecordBuildsAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	config := g.builds(dir, nil)
	g.apply(config, g.r.Node().Null())
	imported, err := g.r.Import(t.Context(), g.e, "app:v1")
	if err != nil {
		t.Fatal(err)
	}
	p := g.plan(config, imported)
	if diff := cmp.Diff("build update (configuration), build_context update (build context)", changes(p.Changes)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	g.apply(config, imported)
}

func TestFromBuildToPull(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	first := g.apply(g.builds(dir, map[string]attr.Value{"tag": list("app:also")}), g.r.Node().Null())
	g.e.taken()
	result := g.apply(g.object(map[string]attr.Value{"name": str("app:v1")}), first)
	want := `pull app:v1 auth="token" platforms=0; inspect app:v1; inspect app:also; remove app:also force=false; inspect sha256:built1; remove sha256:built1 force=false`
	if diff := cmp.Diff(want, g.e.taken()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if !result.Attributes()["build_context"].IsNull() {
		t.Errorf("build_context stays: %s", result.Attributes()["build_context"])
	}
}

func TestFailedBuild(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	log := filepath.Join(t.TempDir(), "log")
	recorded, err := os.ReadFile("testdata/build_fail_docker.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	g.e.buildOut = string(recorded)
	null := g.r.Node().Null()
	_, err = g.do(g.plan(g.builds(dir, map[string]attr.Value{"build_log_file": str(log)}), null), null)
	want := `image "app:v1": build: Step 2/3 : RUN echo one; echo two; exit 3: The command '/bin/sh -c echo one; echo two; exit 3' returned a non-zero code: 3
last output of the build:
  Step 1/3 : FROM busybox:test
   ---> 49a6f3892e8b
  Step 2/3 : RUN echo one; echo two; exit 3
   ---> Running in 58ec2a1ee7f6
  one
  two`
	if err == nil || !errors.Is(err, errs.ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	written, err := os.ReadFile(log)
	if err != nil || !strings.HasSuffix(string(written), "Running in 58ec2a1ee7f6\none\ntwo\n") {
		t.Errorf("build_log_file holds %q (%v)", written, err)
	}
}

func TestBuildOptions(t *testing.T) {
	t.Parallel()
	n := newRig(t).r.Node()
	b, _ := n.Block("build")
	values := map[string]attr.Value{
		"context": str("https://example.com/x.git"), "dockerfile": str("d/Dockerfile"), "build_args": dict("A", "1"),
		"label": dict("l", "1"), "labels": dict("l", "0", "m", "2"), "tag": list("app", "docker.io/library/app:v1", "x/y:z"), "target": str("stage"),
		"platform": str("linux/arm64/v8"), "no_cache": types.BoolValue(true), "cache_from": list("c:1"), "pull_parent": types.BoolValue(true),
		"network_mode": str("host"), "extra_hosts": list("a:1.2.3.4"), "cgroup_parent": str("cg"), "cpu_period": types.Int64Value(1),
		"cpu_quota": types.Int64Value(2), "cpu_set_cpus": str("0"), "cpu_set_mems": str("1"), "cpu_shares": types.Int64Value(3),
		"memory": types.Int64Value(4), "memory_swap": types.Int64Value(5), "shm_size": types.Int64Value(6), "isolation": str("process"),
		"security_opt": list("seccomp=x"), "squash": types.BoolValue(true), "force_remove": types.BoolValue(true), "remove": types.BoolValue(false),
		"suppress_output": types.BoolValue(true), "session_id": str("s"), "build_id": str("b"),
		"ulimit":      item(t, b.Node, "ulimit", map[string]attr.Value{"name": str("nofile"), "soft": types.Int64Value(1), "hard": types.Int64Value(2)}),
		"auth_config": item(t, b.Node, "auth_config", map[string]attr.Value{"host_name": str("docker.io"), "user_name": str("u"), "password": str("p")}),
	}
	one := "1"
	want := moby.ImageBuildOptions{
		Tags: []string{"app:v1", "app:latest", "x/y:z"}, SuppressOutput: true, RemoteContext: "https://example.com/x.git", NoCache: true, ForceRemove: true,
		PullParent: true, Isolation: "process", CPUSetCPUs: "0", CPUSetMems: "1", CPUShares: 3, CPUQuota: 2, CPUPeriod: 1, Memory: 4, MemorySwap: 5,
		CgroupParent: "cg", NetworkMode: "host", ShmSize: 6, Dockerfile: "d/Dockerfile", Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}},
		BuildArgs: map[string]*string{"A": &one},
		AuthConfigs: map[string]registry.AuthConfig{
			"known.test": {Username: "k"},
			hub:          {Username: "u", Password: "p", ServerAddress: hub},
		},
		Labels: map[string]string{"l": "1", "m": "2"}, Squash: true, CacheFrom: []string{"c:1"}, SecurityOpt: []string{"seccomp=x"},
		ExtraHosts: []string{"a:1.2.3.4"}, Target: "stage", SessionID: "s", Version: build.BuilderV1, BuildID: "b",
		Platforms: []ocispec.Platform{{OS: "linux", Architecture: "arm64", Variant: "v8"}},
	}
	g := newRig(t)
	g.e.auths = map[string]registry.AuthConfig{"known.test": {Username: "k"}}
	null := g.r.Node().Null()
	result, err := g.do(g.plan(g.object(map[string]attr.Value{"name": str("app:v1"), "build": g.build(values)}), null), null)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, g.e.built); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if len(g.e.body) > 0 || !result.Attributes()["build_context"].IsNull() {
		t.Error("a context the engine fetches is sent or hashed")
	}
}

func TestFailedStepsAreRemovedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		declared types.Bool
		want     bool
	}{{types.BoolNull(), true}, {types.BoolValue(true), true}, {types.BoolValue(false), false}} {
		o, err := buildOptions(t.Context(), newEngine(), Model{Name: types.StringValue("a")}, Build{ForceRemove: c.declared})
		if err != nil || o.ForceRemove != c.want || !o.Remove {
			t.Errorf("force_remove = %s: %t, %v", c.declared, o.ForceRemove, err)
		}
	}
}

func TestOldEngineRefusesWhatItWouldPassOver(t *testing.T) {
	t.Parallel()
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n"})
	for name, c := range map[string]struct {
		version string
		value   attr.Value
		refused bool
	}{
		"build_args": {"1.20", dict("A", "1"), true},
		"labels":     {"1.23", dict("A", "1"), false},
		"target":     {"1.28", str("x"), true},
		"no_cache":   {"1.18", types.BoolValue(true), false},
	} {
		g := newRig(t)
		g.e.version = c.version
		null := g.r.Node().Null()
		p, err := g.r.Plan(t.Context(), g.e, contract.Request{Config: g.builds(dir, map[string]attr.Value{name: c.value}), Observed: null})
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.r.Create(t.Context(), g.e, p.Planned)
		if path, _ := contract.PathOf(err); (err != nil) != c.refused || c.refused && path != "build[0]."+name {
			t.Errorf("%s at %s: %v", name, c.version, err)
		}
	}
}

// early is an engine that answers without reading what it is sent.
type early struct {
	*engine
	err error
}

func (e early) ImageBuild(context.Context, io.Reader, moby.ImageBuildOptions) (moby.ImageBuildResult, error) {
	return moby.ImageBuildResult{}, e.err
}

func TestEngineThatAnswersEarly(t *testing.T) {
	t.Parallel()
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n", "big": strings.Repeat("x", 1<<20)})
	for text, want := range map[string]error{
		"dockerfile parse error line 2: unknown instruction: FOO": errs.ErrInvalid,
		"pull access denied, unauthorized":                        errs.ErrUnauthorized,
	} {
		e := early{newEngine(), errors.New(text)}
		m := Model{Name: types.StringValue("app:v1"), Build: contract.BlocksOf(Build{Context: types.StringValue(dir), Dockerfile: types.StringValue("Dockerfile")})}
		_, err := New().Create(t.Context(), e, m)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error %v", text, err)
		}
		if hint := strings.Contains(err.Error(), "registry_auth"); hint != (want == errs.ErrUnauthorized) {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// meddler changes a file of the context between its hash and its sending.
type meddler struct {
	*engine
	file string
}

func (e meddler) ImageBuild(ctx context.Context, body io.Reader, o moby.ImageBuildOptions) (moby.ImageBuildResult, error) {
	if err := os.WriteFile(e.file, []byte("two"), 0o644); err != nil {
		return moby.ImageBuildResult{}, err
	}
	return e.engine.ImageBuild(ctx, body, o)
}

func TestFileThatChangesWhileItIsSent(t *testing.T) {
	t.Parallel()
	// "a" is large enough that "z" is not sent before the engine reads.
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\n", "a": strings.Repeat("x", 1<<20), "z": "one"})
	e := meddler{newEngine(), filepath.Join(dir, "z")}
	m := Model{Name: types.StringValue("app:v1"), Build: contract.BlocksOf(Build{Context: types.StringValue(dir), Dockerfile: types.StringValue("Dockerfile")})}
	_, err := New().Create(t.Context(), e, m)
	if !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "z: changed while it was being sent") {
		t.Errorf("error %v", err)
	}
	if len(e.names) > 0 {
		t.Errorf("half a context was built: %v", e.names)
	}
}
