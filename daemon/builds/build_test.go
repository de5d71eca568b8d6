//go:build linux

package builds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/builds"
)

// result is what a build over the Go interface gave.
type result struct {
	id, text string
	messages []stream.Message
	err      error
}

// build builds a context; Remove is on unless change turns it off.
func (w *world) build(ctx context.Context, body []byte, change func(*client.ImageBuildOptions)) result {
	o := client.ImageBuildOptions{Remove: true}
	if change != nil {
		change(&o)
	}
	var r result
	r.id, r.err = w.Build(ctx, bytes.NewReader(body), o, func(m stream.Message) error {
		r.text += m.Stream
		r.messages = append(r.messages, m)
		return nil
	})
	return r
}

func dockerfile(t testing.TB, text string, more ...entry) []byte {
	t.Helper()
	return tarOf(t, append([]entry{{name: "Dockerfile", body: text}}, more...)...)
}

// hits counts the steps that came from the cache.
func (r result) hits() int { return strings.Count(r.text, " ---> Using cache\n") }

// ok fails the test when a build failed.
func (r result) ok(t testing.TB) result {
	t.Helper()
	if r.err != nil {
		t.Fatalf("build: %v\n%s", r.err, r.text)
	}
	return r
}

// TestCacheSeesWhatMatters changes one thing after the other and looks where the cache ends.
func TestCacheSeesWhatMatters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = "FROM busybox:1\nCOPY f d /c/\nARG v=1\nRUN echo $v > /out\n"
	base := []entry{{name: "f", body: "f"}, {name: "d/"}, {name: "d/x", body: "x"}, {name: "d/l", link: "x"}}
	first := w.build(t.Context(), dockerfile(t, file, base...), nil).ok(t)
	arg := func(v string) func(*client.ImageBuildOptions) {
		return func(o *client.ImageBuildOptions) { o.BuildArgs = map[string]*string{"v": &v} }
	}
	for _, test := range []struct {
		name   string
		files  []entry
		change func(*client.ImageBuildOptions)
		hits   int
	}{
		{"nothing", base, nil, 3},
		{"content", []entry{{name: "f", body: "g"}, base[1], base[2], base[3]}, nil, 0},
		{"mode", []entry{{name: "f", body: "f", mode: 0o755}, base[1], base[2], base[3]}, nil, 0},
		{"name in a folder", []entry{base[0], base[1], {name: "d/y", body: "x"}, {name: "d/l", link: "x"}}, nil, 0},
		{"target of a link", []entry{base[0], base[1], base[2], {name: "d/l", link: "y"}}, nil, 0},
		{"file outside of what is copied", append([]entry{{name: "z", body: "z"}}, base...), nil, 3},
		{"argument", base, arg("2"), 2},
		{"argument with the default's value", base, arg("1"), 3},
		{"limits", base, func(o *client.ImageBuildOptions) { o.Memory = 64 << 20 }, 3},
		{"nocache", base, func(o *client.ImageBuildOptions) { o.NoCache = true }, 0},
	} {
		got := w.build(t.Context(), dockerfile(t, file, test.files...), test.change).ok(t)
		if got.hits() != test.hits {
			t.Errorf("%s: %d steps from the cache, want %d\n%s", test.name, got.hits(), test.hits, got.text)
		}
		if same := got.id == first.id; same != (test.hits == 3) {
			t.Errorf("%s: the same image as the first: %v", test.name, same)
		}
	}
}

// TestCachedImageGoes: what is removed while it is looked up is made again. The build holds it before it looks, so that it cannot
// go afterwards.
func TestCachedImageGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := dockerfile(t, "FROM busybox:1\nARG v=1\nRUN echo $v > /out\n")
	first := w.build(t.Context(), body, nil).ok(t)
	w.images.held = func(id string) {
		if !w.Holds(id) {
			t.Errorf("%s is not held", id)
		}
		if id == first.id {
			w.images.mu.Lock()
			delete(w.images.byID, id)
			w.images.mu.Unlock()
		}
	}
	second := w.build(t.Context(), body, nil).ok(t)
	if second.hits() != 1 || second.id == first.id {
		t.Errorf("%d steps from the cache, want 1\n%s", second.hits(), second.text)
	}
	if w.Holds(second.id) || w.Holds(first.id) {
		t.Error("held after the build")
	}
}

// TestCacheOutlivesTheDaemon also forgets what is not there any more.
func TestCacheOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := dockerfile(t, "FROM busybox:1\nENV a=b\nRUN true\n")
	first := w.build(t.Context(), body, nil).ok(t)
	w.open(t)
	if again := w.build(t.Context(), body, nil).ok(t); again.hits() != 2 || again.id != first.id {
		t.Errorf("after a restart %d steps are cached, want 2", again.hits())
	}
	must(t, w.images.Remove(t.Context(), first.id))
	if again := w.build(t.Context(), body, nil).ok(t); again.hits() != 1 {
		t.Errorf("without its image the last step is cached:\n%s", again.text)
	}
	w.images.mu.Lock()
	clear(w.images.byID)
	w.images.mu.Unlock()
	w.open(t)
	if r := w.build(t.Context(), body, nil); !errors.Is(r.err, errs.ErrNotFound) {
		t.Errorf("without any image: %v", r.err)
	}
}

// TestCacheFrom takes steps from the history of an image that came without parents.
func TestCacheFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := dockerfile(t, "FROM busybox:1\nENV a=b\nRUN echo x > /x\nRUN echo y > /y\nCMD z\n")
	first := w.build(t.Context(), body, nil).ok(t)
	w.images.mu.Lock() // as if it had been pulled, alone
	pulled := w.images.byID[first.id]
	pulled.Parent = ""
	for id, i := range w.images.byID {
		if i.Parent != "" {
			delete(w.images.byID, id)
		}
	}
	w.images.byID[pulled.ID] = pulled
	w.images.names["docker.io/library/pulled:latest"] = pulled.ID
	w.images.mu.Unlock()
	from := func(names ...string) func(*client.ImageBuildOptions) {
		return func(o *client.ImageBuildOptions) { o.CacheFrom = names }
	}
	again := w.build(t.Context(), body, from("missing", "pulled")).ok(t)
	if again.hits() != 4 || again.id != first.id {
		t.Errorf("%d steps from the source, want all 4 and the source itself\n%s", again.hits(), again.text)
	}
	other := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nENV a=b\nRUN echo x > /x\nRUN cat /x\n"), from("pulled")).ok(t)
	if other.hits() != 2 || !strings.Contains(other.text, "x\n") {
		t.Errorf("%d steps from the source, want 2\n%s", other.hits(), other.text)
	}
	// The index knows these steps by now, but the source has no part in them.
	if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nENV other=1\n"), nil).ok(t); r.hits() != 0 {
		t.Error("a new step is cached")
	}
	if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nENV other=1\n"), from("pulled")).ok(t); r.hits() != 0 {
		t.Error("a step was taken from an image that is not in cachefrom")
	}
}

// TestCancelled cancels a build in the middle of a command: nothing of it is left.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		begun := 0
		w.containers.running = func(string) {
			if begun++; begun == 2 {
				cancel()
			}
		}
		images := w.images.count()
		body := dockerfile(t, "FROM busybox:1\nENV a=b\nRUN echo x > /x\nCOPY f /f\nRUN sleep 1000\n", entry{name: "f", body: "f"})
		r := w.build(ctx, body, func(o *client.ImageBuildOptions) { o.Remove = !keep })
		if !errors.Is(r.err, context.Canceled) {
			t.Errorf("cancelled build: %v", r.err)
		}
		if left := append(w.left(t), w.containers.ids()...); len(left) > 0 && !keep {
			t.Errorf("left behind: %v", left)
		}
		if n := w.images.count(); n != images {
			t.Errorf("%d images are left", n-images)
		}
		w.containers.running = nil
		for _, id := range w.containers.ids() { // steps that ended before and were to be kept
			must(t, w.containers.Remove(t.Context(), id))
		}
		if left := w.left(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nENV a=b\n"), nil).ok(t); r.hits() != 0 {
			t.Error("a step whose image was removed is cached")
		}
	}
}

// TestClientLeaves cancels over HTTP.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.containers.running = func(string) { cancel() }
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine/build", bytes.NewReader(dockerfile(t, "FROM busybox:1\nRUN sleep 1000\n")))
	must(t, err)
	resp, err := w.do(r)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("client: %v", err)
	}
	w.close() // waits for the handler
	if left := append(w.left(t), w.containers.ids()...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestKilled finds, at the next start, what a daemon that was killed has left.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.containers.Create(t.Context(), &container.Config{Image: "busybox:1"}, &container.HostConfig{})
	must(t, err)
	dir := filepath.Join(w.root, "builds", "build-1", "containers")
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, made.ID), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, strings.Repeat("f", 64)), nil, 0o600)) // gone already
	w.open(t)
	if left := append(w.left(t), w.containers.ids()...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRunContainer is what the containers service is asked for.
func TestRunContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.build(t.Context(), dockerfile(t, "FROM busybox:1\nENTRYPOINT [\"e\"]\nUSER app\nWORKDIR /w\nHEALTHCHECK CMD x\nARG a=1\nVOLUME /v\nLABEL l=1\nEXPOSE 80\nRUN true\n"),
		func(o *client.ImageBuildOptions) {
			o.Memory, o.MemorySwap, o.CPUShares, o.CPUPeriod, o.CPUQuota = 1<<26, -1, 2, 3, 4
			o.CPUSetCPUs, o.CPUSetMems, o.CgroupParent, o.ShmSize, o.NetworkMode = "0", "0", "/p", 5, "none"
			o.ExtraHosts, o.Ulimits = []string{"a:1.2.3.4"}, []*container.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}}
		}).ok(t)
	host := &container.HostConfig{
		NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}, ExtraHosts: []string{"a:1.2.3.4"}, ShmSize: 5,
		Resources: container.Resources{Memory: 1 << 26, MemorySwap: -1, CPUShares: 2, CPUPeriod: 3, CPUQuota: 4, CpusetCpus: "0", CpusetMems: "0",
			CgroupParent: "/p", Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}}},
	}
	if diff := cmp.Diff(host, w.containers.last.host); diff != "" {
		t.Errorf("host configuration (-want +got):\n%s", diff)
	}
	got := w.containers.last.config
	config := &container.Config{
		Image: got.Image, User: "app", WorkingDir: "/w", Env: []string{"PATH=/bin", "a=1"}, Cmd: []string{"/bin/sh", "-c", "true"}, Entrypoint: []string{""},
		Healthcheck: &dockerspec.HealthcheckConfig{Test: []string{"NONE"}}, Volumes: map[string]struct{}{"/v": {}}, Labels: map[string]string{"l": "1"},
		ExposedPorts: got.ExposedPorts,
	}
	if diff := cmp.Diff(config, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if w.containers.created != 1 {
		t.Errorf("%d containers were made for one RUN", w.containers.created)
	}
}

// TestHeredocs are documents in RUN, COPY and ADD.
func TestHeredocs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = "FROM busybox:1\nENV v=val\n" +
		"RUN <<EOF\necho one\necho $v\nEOF\n" +
		"RUN cat <<A <<-B\na $v\nA\n\tb\n\tB\n" +
		"RUN <<EOF\n#!/bin/cat\nscript\nEOF\n" +
		"COPY <<one <<\"two\" /d/\n1 $v \"q\"\none\n2 $v\ntwo\n" +
		"ADD <<-x /file\n\tindented\nx\n" +
		"RUN cat /d/one /d/two /file\n"
	r := w.build(t.Context(), dockerfile(t, file), nil).ok(t)
	for _, want := range []string{"one\nval\n", "b\n", "#!/bin/cat\nscript\n", "1 val \"q\"\n2 $v\nindented\n"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("output lacks %q:\n%s", want, r.text)
		}
	}
	if r := w.build(t.Context(), dockerfile(t, strings.Replace(file, "#!/bin/cat\nscript", "#!/bin/cat\nother", 1)), nil).ok(t); r.hits() != 3 {
		t.Errorf("another script: %d steps from the cache, want 3", r.hits())
	}
}

// TestChmod is a flag dockerd's classic builder has not.
func TestChmod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = "FROM busybox:1\nCOPY --chmod=4711 --chown=1:2 f d /x/\nRUN ls -ln /x | awk '{print $1,$3,$4}'\n"
	r := w.build(t.Context(), dockerfile(t, file, entry{name: "f", body: "f"}, entry{name: "d/"}, entry{name: "d/g", body: "g"}), nil).ok(t)
	if strings.Count(r.text, "-rws--x--x 1 2\n") != 2 {
		t.Error(r.text)
	}
	for _, bad := range []string{"u+x", "9", "10000", "-1"} {
		if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nCOPY --chmod="+bad+" f /\n", entry{name: "f"}), nil); r.err == nil {
			t.Errorf("chmod %s was accepted", bad)
		}
	}
	if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nCOPY --link f /\n", entry{name: "f"}), nil); r.err == nil || !strings.Contains(r.err.Error(), "--link") {
		t.Errorf("--link: %v", r.err)
	}
}

// TestFromAndPull is what is asked of the images service.
func TestFromAndPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var pulls []string
	w.images.pull = func(ref string, auth registry.AuthConfig, platform string) error {
		pulls = append(pulls, strings.TrimSpace(ref+" "+auth.Username+" "+platform))
		if strings.Contains(ref, "absent") {
			return errs.ErrNotFound
		}
		base, err := w.images.Resolve(context.WithoutCancel(t.Context()), "busybox:1")
		if err != nil {
			return err
		}
		repo, tag, _ := strings.Cut(ref, ":")
		return w.images.Tag(context.WithoutCancel(t.Context()), base.ID, repo, tag)
	}
	auth := func(o *client.ImageBuildOptions) {
		o.AuthConfigs = map[string]registry.AuthConfig{"https://index.docker.io/v1/": {Username: "hub"}, "https://r.example/v2/": {Username: "other"}}
	}
	r := w.build(t.Context(), dockerfile(t, "FROM r.example/a:1 AS x\nFROM user/b:2\nCOPY --from=r.example/a:1 /etc/passwd /\n"), auth).ok(t)
	if len(r.messages) == 0 || !strings.Contains(fmt.Sprint(r.messages), "Pulling from") {
		t.Error("the pull's progress is not in the stream")
	}
	w.build(t.Context(), dockerfile(t, "FROM busybox:1\n"), func(o *client.ImageBuildOptions) { o.PullParent = true }).ok(t)
	w.build(t.Context(), dockerfile(t, "FROM busybox:1\n"), func(o *client.ImageBuildOptions) {
		o.Platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	}).ok(t)
	if r := w.build(t.Context(), dockerfile(t, "FROM --platform=linux/s390x busybox:1\n"), nil); !errors.Is(r.err, errs.ErrNotFound) {
		t.Errorf("foreign platform: %v", r.err)
	}
	if r := w.build(t.Context(), dockerfile(t, "FROM absent:1\n"), nil); !errors.Is(r.err, errs.ErrNotFound) {
		t.Errorf("absent image: %v", r.err)
	}
	want := []string{"r.example/a:1 other", "user/b:2 hub", "busybox:1", "busybox:1  linux/s390x", "absent:1"}
	if diff := cmp.Diff(want, pulls); diff != "" {
		t.Errorf("pulls (-want +got):\n%s", diff)
	}
}

// TestConcurrent builds the same and different things at the same time; one is cancelled while others use its images.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wait sync.WaitGroup
	for n := range 12 {
		wait.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body := dockerfile(t, fmt.Sprintf("FROM busybox:1\nENV same=1\nRUN echo same > /s\nCOPY f /f\nRUN echo %d > /n\n", n%4), entry{name: "f", body: "f"})
			r := w.Service
			cancelled := n%5 == 4
			_, err := r.Build(ctx, bytes.NewReader(body), client.ImageBuildOptions{Remove: true, Tags: []string{fmt.Sprintf("c%d", n)}}, func(m stream.Message) error {
				if cancelled && strings.HasPrefix(m.Stream, "Step 4/") {
					cancel()
				}
				return nil
			})
			if cancelled != errors.Is(err, context.Canceled) || !cancelled && err != nil {
				t.Errorf("build %d: %v", n, err)
			}
		})
	}
	wait.Wait()
	if left := append(w.left(t), w.containers.ids()...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAddURL fetches sources.
func TestAddURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/dir/file.tar":
			rw.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			_, _ = rw.Write(tarOf(t, entry{name: "inside", body: "x"}))
		case "/":
			rw.Header().Set("Content-Disposition", `attachment; filename="../../evil/named"`)
			_, _ = io.WriteString(rw, "disposition")
		case "/none/":
			_, _ = io.WriteString(rw, "none")
		default:
			http.Error(rw, "not here", http.StatusNotFound)
		}
	}))
	t.Cleanup(web.Close)
	file := strings.ReplaceAll("FROM busybox:1\nADD URL/dir/file.tar /d/\nADD URL/ /d/\nADD --chown=1 URL/none/ /plain\nRUN find /d | sort; cat /d/named /plain; ls -ln /plain /d/file.tar | awk '{print $1,$3,$6,$7,$8}'\n", "URL", web.URL)
	r := w.build(t.Context(), dockerfile(t, file), nil).ok(t)
	for _, want := range []string{"/d\n/d/file.tar\n/d/named\n", "dispositionnone", "-rw------- 1 ", "-rw------- 0 Jan 2 "} {
		if !strings.Contains(r.text, want) {
			t.Errorf("output lacks %q:\n%s", want, r.text)
		}
	}
	for _, bad := range []string{"ADD URL/nothing /x", "ADD URL/none/ /d/", "COPY URL/dir/file.tar /x", "ADD http://127.0.0.1:1/x /x"} {
		if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\n"+strings.ReplaceAll(bad, "URL", web.URL)+"\n"), nil); r.err == nil {
			t.Errorf("%s succeeded", bad)
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRemote builds contexts that are somewhere else.
func TestRemote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repository := gitRepository(t)
	files := http.FileServer(http.Dir(repository))
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/text":
			_, _ = io.WriteString(rw, "FROM busybox:1\nRUN echo from text\n")
		case "/context":
			rw.Header().Set("Content-Type", "application/x-tar")
			_, _ = rw.Write(tarOf(t, entry{name: "Dockerfile", body: "FROM busybox:1\nCOPY . /c\nRUN find /c | sort\n"}, entry{name: ".dockerignore", body: "no*\n!not"},
				entry{name: "none", body: "x"}, entry{name: "not", body: "x"}, entry{name: "nodir/deep/x", body: "x"}))
		case "/html":
			_, _ = io.WriteString(rw, "<html><body>")
		case "/empty":
		default:
			files.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(web.Close)
	for _, test := range []struct{ remote, want, fails string }{
		{remote: web.URL + "/text", want: "from text\n"},
		{remote: web.URL + "/context", want: "/c\n/c/.dockerignore\n/c/Dockerfile\n/c/not\n"},
		{remote: web.URL + "/html", fails: "unsupported Content-Type"},
		{remote: web.URL + "/empty", fails: "empty response"},
		{remote: web.URL + "/absent", fails: "404"},
		{remote: "nothing", fails: "remoteURL (nothing) could not be recognized as URL"},
		{remote: "client-session", fails: "BuildKit"},
		{remote: web.URL + "/repo.git", want: "master"},
		{remote: web.URL + "/repo.git#other", want: "other"},
		{remote: web.URL + "/repo.git#v1", want: "master"},
		{remote: web.URL + "/repo.git#:sub", want: "in sub"},
		{remote: web.URL + "/repo.git#:out", fails: "not a directory"},
		{remote: web.URL + "/repo.git#absent", fails: "error fetching"},
		{remote: web.URL + "/repo.git#--upload-pack=x", fails: "invalid refspec"},
	} {
		r := w.build(t.Context(), nil, func(o *client.ImageBuildOptions) { o.RemoteContext, o.NoCache = test.remote, true })
		switch {
		case test.fails == "" && r.err != nil:
			t.Errorf("%s: %v", test.remote, r.err)
		case test.fails != "" && (r.err == nil || !strings.Contains(r.err.Error(), test.fails)):
			t.Errorf("%s: got %v, want %q", test.remote, r.err, test.fails)
		case !strings.Contains(r.text, test.want):
			t.Errorf("%s: output lacks %q:\n%s", test.remote, test.want, r.text)
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// gitRepository makes a folder with repo.git, to be served as files.
func gitRepository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	root := t.TempDir()
	work := filepath.Join(root, "work")
	must(t, os.MkdirAll(filepath.Join(work, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(work, "Dockerfile"), []byte("FROM busybox:1\nCOPY name /\nRUN cat /name\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(work, "name"), []byte("master\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(work, "sub", "Dockerfile"), []byte("FROM busybox:1\nRUN echo in sub\n"), 0o644))
	must(t, os.Symlink("/etc", filepath.Join(work, "out")))
	for _, line := range []string{
		"init -q -b master", "add .", "commit -q -m one", "tag v1", "checkout -q -b other", "!other", "commit -q -a -m two", "checkout -q master",
		"clone -q --bare . ../repo.git", "--git-dir=../repo.git update-server-info",
	} {
		if text, ok := strings.CutPrefix(line, "!"); ok {
			must(t, os.WriteFile(filepath.Join(work, "name"), []byte(text+"\n"), 0o644))
			continue
		}
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, strings.Fields(line)...)...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", line, err, out)
		}
	}
	return root
}

// TestAnswers are statuses and headers over HTTP that the recorded cases do not have.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := func() io.Reader { return bytes.NewReader(dockerfile(t, "FROM busybox:1\nRUN exit 9\n")) }
	for _, test := range []struct {
		query  string
		status int
		want   string
	}{
		{"version=2", 400, "BuildKit"},
		{"session=abc", 400, "BuildKit"},
		{"version=3", 400, "invalid version"},
		{"version=1", 200, `"code":9`},
		{"labels=[]", 400, "error reading labels"},
		{"ulimits=[null]", 400, "ulimit"},
		{"cachefrom={}", 400, "cache-from"},
		{"shmsize=x", 400, "shmsize"},
		{"memory=x", 200, `"code":9`},
		{"platform=%2F%2F", 400, "invalid OS component"},
		{"outputs=" + url.QueryEscape(`[{"Type":"local"}]`), 400, "BuildKit"},
		{"t=a@sha256:" + strings.Repeat("0", 64), 500, "digest"},
		{"remote=x", 500, "could not be recognized"},
		{"securityopt=x", 400, "security"},
	} {
		status, answer := w.post(t, "1.41", test.query, body())
		if status != test.status || !strings.Contains(string(answer), test.want) {
			t.Errorf("%s: %d %s, want %d with %q", test.query, status, answer, test.status, test.want)
		}
	}
	status, answer := w.post(t, "1.41", "", strings.NewReader("this is no archive, but long enough to be one"+strings.Repeat(".", 1000)))
	if status != 400 || !json.Valid(answer) {
		t.Errorf("no archive: %d %s", status, answer)
	}
	if status, answer = w.post(t, "1.41", "", strings.NewReader("")); status != 500 || !strings.Contains(string(answer), "Cannot locate specified Dockerfile: Dockerfile") {
		t.Errorf("no context: %d %s", status, answer)
	}
	var failed *builds.CommandError
	if r := w.build(t.Context(), dockerfile(t, "FROM busybox:1\nRUN exit 9\n"), nil); !errors.As(r.err, &failed) || failed.Code != 9 {
		t.Errorf("error: %v", r.err)
	}
	for _, id := range w.containers.ids() {
		must(t, w.containers.Remove(t.Context(), id))
	}
}
