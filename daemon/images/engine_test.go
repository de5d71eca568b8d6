//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	types "github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/registry"
)

// TestRegistry pushes to and pulls from a real registry with credentials, beside a real engine.
func TestRegistry(t *testing.T) {
	t.Parallel()
	r := acctest.NewRegistry(t, acctest.Auth{Username: "u", Password: "p"})
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	base := w.made(r.Ref("team/app"), "1", "a", "dir/")
	top := w.built(base, r.Ref("team/app"), "b")
	if err := w.Push(ctx, r.Ref("team/app"), "1", "", types.AuthConfig{}, ignore); err == nil || !strings.Contains(err.Error(), "no basic auth credentials") {
		t.Errorf("push by nobody: %v", err)
	}
	if err := w.Push(ctx, r.Ref("team/app"), "none", "", credentials(r), ignore); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("push of nothing: %v", err)
	}
	out, said := collect()
	must(t, w.Push(ctx, r.Ref("team/app"), "", "", credentials(r), out))
	checkPattern(t, "push", said(), `The push refers to repository \[`+regexp.QuoteMeta(r.Ref("team/app"))+`\]
([0-9a-f]{12}): Preparing
([0-9a-f]{12}: Pushing
)?[0-9a-f]{12}: Pushed
1: digest: sha256:[0-9a-f]{64} size: [0-9]+
\{"Tag":"1","Digest":"sha256:[0-9a-f]{64}","Size":[0-9]+\}
[0-9a-f]{12}: Preparing
[0-9a-f]{12}: Preparing
(?s:.*)latest: digest: sha256:[0-9a-f]{64} size: [0-9]+
\{"Tag":"latest".*\}`)
	before, err := w.Resolve(ctx, top)
	must(t, err)
	if len(before.RepoDigests) != 1 {
		t.Errorf("digests after the push: %v", before.RepoDigests)
	}

	other := newWorld(t, registry.Config{})
	if err := other.Pull(ctx, r.Ref("team/app"), types.AuthConfig{}, "", ignore); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), "pull access denied for "+r.Ref("team/app")) {
		t.Errorf("pull by nobody: %v", err)
	}
	wrong := credentials(r)
	wrong.Password = "wrong"
	if err := other.Pull(ctx, r.Ref("team/app"), wrong, "", ignore); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("pull with a wrong password: %v", err)
	}
	if err := other.Pull(ctx, r.Ref("team/app:none"), credentials(r), "", ignore); !errors.Is(err, errs.ErrNotFound) ||
		!strings.HasPrefix(err.Error(), "manifest for "+r.Ref("team/app:none")+" not found: manifest unknown: manifest unknown") {
		t.Errorf("pull of nothing: %v", err)
	}
	out, said = collect()
	must(t, other.PullAll(ctx, r.Ref("team/app"), credentials(r), "", out))
	messages := strings.Join(said(), "\n")
	for _, want := range []string{"1: Pulling from team/app", "latest: Pulling from team/app", ": Pulling fs layer", ": Download complete", ": Extracting", ": Pull complete",
		": Already exists", "Digest: sha256:", "Status: Downloaded newer image for " + r.Ref("team/app")} {
		if !strings.Contains(messages, want) {
			t.Errorf("pull did not say %q:\n%s", want, messages)
		}
	}
	out, said = collect()
	must(t, other.Pull(ctx, r.Ref("team/app"), credentials(r), "", out))
	checkPattern(t, "second pull", said(), `latest: Pulling from team/app
Digest: sha256:[0-9a-f]{64}
Status: Image is up to date for `+regexp.QuoteMeta(r.Ref("team/app"))+`:latest`)
	pulled, err := other.Resolve(ctx, r.Ref("team/app"))
	must(t, err)
	if pulled.ID != top || !cmp.Equal(pulled.RepoDigests, before.RepoDigests) || pulled.Parent != "" {
		t.Errorf("pulled %+v, pushed %+v", pulled, before)
	}
	if diff := cmp.Diff([]string{"a", "b", "dir"}, other.see(top)); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	must(t, other.Pull(ctx, before.RepoDigests[0], credentials(r), "", ignore))

	login, err := other.Login(ctx, credentials(r))
	if err != nil || login.Status != "Login Succeeded" {
		t.Errorf("login: %+v %v", login, err)
	}
	if _, err := other.Login(ctx, wrong); !errors.Is(err, errs.ErrUnauthorized) {
		t.Errorf("login with a wrong password: %v", err)
	}
	found, err := other.Distribution(ctx, r.Ref("team/app"), credentials(r))
	if err != nil || found.Platforms[0].OS != "linux" || !strings.HasSuffix(before.RepoDigests[0], found.Descriptor.Digest.String()) {
		t.Errorf("distribution: %+v %v", found, err)
	}
}

func checkPattern(t *testing.T, what string, said []string, pattern string) {
	t.Helper()
	if text := strings.Join(said, "\n"); !regexp.MustCompile("^" + pattern + "$").MatchString(text) {
		t.Errorf("%s said:\n%s\nwant:\n%s", what, text, pattern)
	}
}

// TestEngineExchangesImages: what dockerd pushes and saves we pull and load, and the other way round, with equal IDs.
func TestEngineExchangesImages(t *testing.T) {
	t.Parallel()
	e, r := acctest.Dockerd(t), acctest.NewRegistry(t, acctest.Auth{})
	w, ctx, c := newWorld(t, registry.Config{}), t.Context(), e.Client(t)
	must(t, acctest.LoadOwn(ctx, c, "exchange:1", "images exchange"))
	theirs, err := c.ImageInspect(ctx, "exchange:1")
	must(t, err)
	ref := r.Push(t, e, "exchange:1", "exchange:1")
	must(t, w.Pull(ctx, ref, types.AuthConfig{}, "", ignore))
	pulled, err := w.Inspect(ctx, ref)
	must(t, err)
	if pulled.ID != theirs.ID || pulled.Size != theirs.Size {
		t.Errorf("pulled %s with %d bytes, the engine has %s with %d", pulled.ID, pulled.Size, theirs.ID, theirs.Size)
	}

	// Their archive.
	saved, err := c.ImageSave(ctx, []string{"exchange:1"})
	must(t, err)
	theirArchive, err := io.ReadAll(saved)
	must(t, err, saved.Close())
	loader := newWorld(t, registry.Config{})
	out, said := collect()
	must(t, loader.Load(ctx, bytes.NewReader(theirArchive), true, out))
	checkPattern(t, "load", said(), "Loaded image: exchange:1")
	got, err := loader.Resolve(ctx, "exchange:1")
	must(t, err)
	if got.ID != theirs.ID || got.Size != theirs.Size {
		t.Errorf("loaded %s with %d bytes, the engine has %s with %d", got.ID, got.Size, theirs.ID, theirs.Size)
	}

	// Our archive, of an image with parents and two names.
	top := w.built(w.made("ours", "base", "a"), "ours", "b")
	must(t, w.Tag(ctx, "ours", "ours", "second", false))
	var ours bytes.Buffer
	must(t, w.Save(ctx, []string{"ours", ref}, &ours))
	answer, err := c.ImageLoad(ctx, bytes.NewReader(ours.Bytes()))
	must(t, err)
	loaded, err := io.ReadAll(answer)
	must(t, err, answer.Close())
	for _, name := range []string{"ours:base", "ours:latest", "ours:second"} {
		if !strings.Contains(string(loaded), "Loaded image: "+name) {
			t.Errorf("the engine did not load %s: %s", name, loaded)
		}
		t.Cleanup(func() { _, _ = c.ImageRemove(t.Context(), name, client.ImageRemoveOptions{}) })
	}
	here, err := c.ImageInspect(ctx, "ours")
	must(t, err)
	if here.ID != top || !cmp.Equal(slices.Sorted(slices.Values(here.RepoTags)), []string{"ours:latest", "ours:second"}) {
		t.Errorf("the engine has %s %v, want %s", here.ID, here.RepoTags, top)
	}
	for _, name := range []string{"ours:base", "ours:latest", "ours:second", "exchange:1"} {
		_, err := c.ImageRemove(ctx, name, client.ImageRemoveOptions{})
		must(t, err)
	}
	checkLayouts(t, ours.Bytes(), top)
}

// checkLayouts loads one archive three times, each time with only one of its tables of contents.
func checkLayouts(t *testing.T, raw []byte, top string) {
	t.Helper()
	for layout, without := range map[string][]string{
		"manifest": {"index.json", "oci-layout", "repositories"}, "oci": {"manifest.json", "repositories"}, "legacy": {"index.json", "manifest.json", "oci-layout"},
	} {
		w := newWorld(t, registry.Config{})
		must(t, w.Load(t.Context(), bytes.NewReader(strip(t, raw, without)), false, ignore))
		image, err := w.Resolve(t.Context(), "ours:second")
		if err != nil {
			t.Errorf("%s: %v", layout, err)
			continue
		}
		if layout != "legacy" && image.ID != top {
			t.Errorf("%s: image %s, want %s", layout, image.ID, top)
		}
		if layout == "legacy" && (image.Parent == "" || len(image.Config.History) != 2) {
			t.Errorf("%s: an image with parent and history: %+v", layout, image)
		}
		if diff := cmp.Diff([]string{"a", "b"}, w.see("ours")); diff != "" {
			t.Errorf("%s: content (-want +got):\n%s", layout, diff)
		}
	}
}

// strip returns an archive without some of its files.
func strip(t *testing.T, raw []byte, without []string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			must(t, w.Close())
			return buf.Bytes()
		}
		must(t, err)
		if slices.Contains(without, h.Name) {
			continue
		}
		must(t, w.WriteHeader(h))
		_, err = io.Copy(w, r)
		must(t, err)
	}
}

// TestSkopeo: skopeo reads our archives in both of its formats, and we read both of those it writes.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	w, ctx, dir := newWorld(t, registry.Config{}), t.Context(), t.TempDir()
	top := w.built(w.made("", "", "a"), "app", "b")
	ours := filepath.Join(dir, "ours.tar")
	f, err := os.Create(ours)
	must(t, err, w.Save(ctx, []string{"app"}, f), f.Close())
	for _, source := range []string{"docker-archive:" + ours + ":docker.io/library/app:latest", "oci-archive:" + ours + ":latest"} {
		for _, format := range []string{"docker-archive", "oci-archive"} {
			theirs := filepath.Join(dir, strings.ReplaceAll(source[:6]+format, ":", "")+".tar")
			cmd := exec.CommandContext(ctx, skopeo, "--insecure-policy", "copy", "-q", source, format+":"+theirs+":docker.io/library/copy:1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v: %s", cmd.Args, err, out)
			}
			raw, err := os.ReadFile(theirs)
			must(t, err)
			other := newWorld(t, registry.Config{})
			must(t, other.Load(ctx, bytes.NewReader(raw), false, ignore))
			image, err := other.Resolve(ctx, "copy:1")
			if same := source[:3] == format[:3]; err != nil || same && image.ID != top { // the other way it rewrites the configuration
				t.Errorf("%s to %s: %+v %v, want %s", source, format, image.ID, err, top)
			}
			if diff := cmp.Diff([]string{"a", "b"}, other.see("copy:1")); diff != "" {
				t.Errorf("%s to %s: content (-want +got):\n%s", source, format, diff)
			}
		}
	}
}

// TestRemoveAsEngine runs the same script on a real engine and here and compares every answer.
func TestRemoveAsEngine(t *testing.T) {
	t.Parallel()
	e, w, ctx := acctest.NewDockerd(t), newWorld(t, registry.Config{}), t.Context()

	var names []string
	made := map[string]string{}
	base := w.made("one", "1", "a")
	for name, id := range map[string]string{"base": base, "child": w.built(base, "two", "b"), "plain": w.made("three", "1", "c"), "digested": w.made("four", "1", "d")} {
		made[name] = id
	}
	names = []string{"one:1", "two:latest", "three:1", "four:1"}
	var saved bytes.Buffer
	must(t, w.Save(ctx, names, &saved))
	answer, err := e.Client(t).ImageLoad(ctx, bytes.NewReader(saved.Bytes()))
	must(t, err)
	_, err = io.Copy(io.Discard, answer)
	must(t, err, answer.Close())

	fresh := newWorld(t, registry.Config{})
	host := fresh.serve()
	must(t, fresh.Load(ctx, bytes.NewReader(saved.Bytes()), true, ignore))

	script := []string{
		"POST /v1.41/images/three:1/tag?repo=three&tag=2", "POST /v1.41/images/three:1/tag?repo=other/three&tag=1",
		"POST /v1.41/images/" + hexOf(made["plain"])[:12] + "/tag?repo=short", "POST /v1.41/images/none/tag?repo=x", "POST /v1.41/images/one:1/tag?repo=UPPER", "POST /v1.41/images/one:1/tag?repo=x&tag=b@d",
		"GET /v1.41/images/json", "GET /v1.41/images/json?filters=" + `{"reference":["three"]}`, "GET /v1.41/images/json?filters=" + `{"color":["three"]}`, "GET /v1.41/images/json?filters=" + `{"dangling":["x"]}`,
		"GET /v1.41/images/none/json", "GET /v1.41/images/none/history", "GET /v1.41/images/two/history", "GET /v1.41/images/none/get", "GET /v1.41/images/get?names=one:1&names=none",
		"DELETE /v1.41/images/" + made["plain"], "DELETE /v1.41/images/none", "DELETE /v1.41/images/three:9", "DELETE /v1.41/images/three:2", "DELETE /v1.41/images/short",
		"DELETE /v1.41/images/" + made["plain"] + "?force=1", "DELETE /v1.41/images/one", "DELETE /v1.41/images/one:1", "DELETE /v1.41/images/" + hexOf(made["child"])[:12], "DELETE /v1.41/images/four:1?noprune=1",
		"GET /v1.41/images/json?all=1", "GET /v1.18/images/none/json", "POST /v1.18/images/none/tag?repo=x", "DELETE /v1.18/images/none",
	}
	for _, line := range script {
		method, path, _ := strings.Cut(line, " ")
		path = strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D", "[", "%5B", "]", "%5D").Replace(path)
		wantStatus, wantBody := call(t, e.Host, method, path, nil)
		status, body := call(t, host, method, path, nil)
		if diff := cmp.Diff(normal(wantStatus, wantBody), normal(status, body)); diff != "" && differ[line] == "" {
			t.Errorf("%s (-engine +ours):\n%s", line, diff)
		}
	}
}

// differ are the answers that are not the engine's, with the reason.
var differ = map[string]string{
	"POST /v1.41/images/one:1/tag?repo=UPPER":     "the document lists 400 for bad parameters, the engine says 500",
	"POST /v1.41/images/one:1/tag?repo=x&tag=b@d": "the same",
	"GET /v1.41/images/none/json":                 "the engine says it twice",
	"GET /v1.18/images/none/json":                 "the same",
}

// normal is an answer without what need not be equal: the engine's own images, the order of what is equally old, null
// for an empty list, capitals.
func normal(status int, body string) any {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return map[string]any{"status": status, "text": strings.ToLower(body)}
	}
	if o, ok := v.(map[string]any); ok && o["message"] != nil {
		return map[string]any{"status": status, "text": strings.ToLower(fmt.Sprint(o["message"]))}
	}
	items, ok := v.([]any)
	if !ok {
		return map[string]any{"status": status, "json": v}
	}
	listed := map[string]any{}
	for n, item := range items {
		o, _ := item.(map[string]any)
		id, _ := o["Id"].(string)
		if _, listing := o["RepoTags"]; !listing {
			listed[strconv.Itoa(n)] = item
			continue
		}
		tags := fmt.Sprint(o["RepoTags"])
		if strings.Contains(tags, "busybox") || strings.Contains(tags, "cleat-test") {
			continue
		}
		words := strings.Fields(strings.Trim(tags, "[]"))
		slices.Sort(words)
		o["RepoTags"] = words
		if o["RepoDigests"] == nil {
			o["RepoDigests"] = []any{}
		}
		listed[id] = o
	}
	return map[string]any{"status": status, "list": listed}
}

// TestCLI drives the service with the real docker client.
func TestCLI(t *testing.T) {
	t.Parallel()
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("the docker client is not installed")
	}
	r := acctest.NewRegistry(t, acctest.Auth{Username: "u", Password: "p"})
	w := newWorld(t, registry.Config{})
	host := w.serve()
	config := t.TempDir()
	run := func(stdin io.Reader, arguments ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), docker, arguments...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host, "DOCKER_API_VERSION=1.41", "DOCKER_CONFIG="+config, "DOCKER_CONTENT_TRUST=0")
		cmd.Stdin = stdin
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("docker %v: %v: %s", arguments, err, out)
		}
		return string(out)
	}
	has := func(out, want string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	has(run(bytes.NewReader(archive(t, entry{Name: "a"})), "import", "-m", "hello", "-", r.Ref("app:1")), "sha256:")
	has(run(strings.NewReader("p"), "login", "-u", "u", "--password-stdin", r.Address), "Login Succeeded")
	has(run(nil, "push", r.Ref("app:1")), "1: digest: sha256:")
	has(run(nil, "history", r.Ref("app:1")), "hello")
	has(run(nil, "rmi", r.Ref("app:1")), "Deleted: sha256:")
	out := run(nil, "pull", r.Ref("app:1"))
	has(out, "Pull complete")
	has(out, "Status: Downloaded newer image for "+r.Ref("app:1"))
	has(run(nil, "pull", "-a", r.Ref("app")), "Image is up to date for "+r.Ref("app"))
	has(run(nil, "images", "--digests"), "sha256:")
	saved := filepath.Join(config, "saved.tar")
	run(nil, "save", "-o", saved, r.Ref("app:1"))
	run(nil, "tag", r.Ref("app:1"), "copy")
	has(run(nil, "rmi", "copy"), "Untagged: copy:latest")
	has(run(nil, "load", "-i", saved), "Loaded image: "+r.Ref("app:1"))
	has(run(nil, "image", "inspect", r.Ref("app:1")), `"Os": "linux"`)
	has(run(nil, "image", "prune", "-a", "-f"), "Total reclaimed space: 1B")
}
