//go:build linux

package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// callTimeout bounds one call: a daemon that hangs fails the test, not the suite.
const callTimeout = 60 * time.Second

// reply is what came back of a call.
type reply struct {
	status int
	header http.Header
	body   string
}

// failed reports whether a call came to nothing, by its status or in its stream, and with which words.
func (r reply) failed() (why string, failed bool) {
	for d := json.NewDecoder(strings.NewReader(r.body)); ; {
		var m struct{ Error, Message string }
		if err := d.Decode(&m); err != nil {
			return r.body, r.status >= 400
		}
		if m.Error != "" || r.status >= 400 {
			return m.Error + m.Message, true
		}
	}
}

// dial returns a connection to the daemon.
func (b *bench) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(b.Host, "unix://"))
}

// plainHTTP is a client without any idea of Docker.
func (b *bench) plainHTTP(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx) }}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask makes a call with a client and reads all of its answer. An answer that is cut is no failure of the test: what is
// asked may be the daemon's limits.
func ask(ctx context.Context, c *http.Client, method, path, kind string, body io.Reader) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return reply{}, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := c.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return reply{}, fmt.Errorf("%s %s: %w after %q", method, path, err, content)
	}
	return reply{response.StatusCode, response.Header, string(content)}, nil
}

// call makes a call that has to have an answer, on a connection of its own that does not stay.
func (b *bench) call(t *testing.T, method, path, kind string, body io.Reader) reply {
	t.Helper()
	client := b.plainHTTP(t)
	defer client.CloseIdleConnections()
	got, err := ask(t.Context(), client, method, path, kind, body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// json makes a call with a JSON body that has to succeed, and decodes the answer.
func (b *bench) json(t *testing.T, method, path string, body, into any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	got := b.call(t, method, path, "application/json", bytes.NewReader(raw))
	if why, failed := got.failed(); failed {
		t.Fatalf("%s %s: %d %s", method, path, got.status, why)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(got.body), into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, got.body)
		}
	}
}

// healthy fails when the daemon has said that something is wrong with itself.
func (b *bench) healthy(t *testing.T) {
	t.Helper()
	log := b.Log(100_000)
	for _, word := range []string{"panic", "goroutine ", "SIGSEGV", "fatal error"} {
		if at := strings.Index(log, word); at >= 0 {
			t.Errorf("the daemon wrote %q: %.3000s", word, log[at:])
		}
	}
	if got := b.call(t, "GET", "/_ping", "", nil); got.status != http.StatusOK {
		t.Errorf("ping: %d %s", got.status, got.body)
	}
}

// grows are the files and folders of the data root that come and go by themselves: databases, what is kept to begin quickly, and
// what is about to be removed in the background.
var grows = []string{"layers/.init", "layers/.empty", "layers/.views", "layers/.gone-*", "images/content/ingest", "builds"}

// tree is what is in the data root: paths, with links and folders marked. What is mounted inside is left out.
func (b *bench) tree(t *testing.T, root string) []string {
	t.Helper()
	all := []string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, pattern := range grows {
			if ok, err := filepath.Match(pattern, name); err != nil {
				return err
			} else if ok && entry.IsDir() {
				return fs.SkipDir
			}
		}
		all = append(all, name)
		if entry.IsDir() && entry.Name() == "rootfs" && strings.HasPrefix(name, "layers/") {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// data is the data root as this process sees it.
func (b *bench) data() string { return filepath.Join(b.Root(), "data") }

// unchanged waits until the data root has what it had: files of what is removed go in the background.
func (b *bench) unchanged(t *testing.T, before []string, root string) {
	t.Helper()
	b.collect(t)
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		diff := cmp.Diff(before, b.tree(t, root))
		if diff == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("the data root (-before +after):\n%s", diff)
			return
		}
	}
}

// steady is what is in the data root when the daemon has removed all that nothing refers to. Files go last, in no order, after
// their collection's transaction; but collections run one after the other, and what each leaves of its own image has names of
// its own: two looks that agree, with a whole collection between them, have nothing in them that is about to go.
func (b *bench) steady(t *testing.T, root string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	var last []string
	for {
		layer := "images/content/blobs/sha256/" + b.collect(t)
		now := b.tree(t, root)
		for tick := time.NewTicker(20 * time.Millisecond); slices.Contains(now, layer); now = b.tree(t, root) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("the data root does not come to rest: %q", now)
			}
		}
		if slices.Equal(now, last) {
			return now
		}
		if ctx.Err() != nil {
			t.Fatalf("the data root does not come to rest (-before +after):\n%s", cmp.Diff(last, now))
		}
		last = now
	}
}

// collect has the daemon look for what nothing refers to, and returns the digest of a layer that is gone when it has.
func (b *bench) collect(t *testing.T) (layer string) {
	t.Helper()
	raw := pack(t, file("collected", fmt.Sprint(time.Now())))
	got := b.call(t, "POST", "/images/create?fromSrc=-&repo=collected", "application/x-tar", bytes.NewReader(raw))
	if why, failed := got.failed(); failed {
		t.Fatalf("import: %d %s", got.status, why)
	}
	if got := b.call(t, "DELETE", "/images/collected", "", nil); got.status != http.StatusOK {
		t.Fatalf("remove: %d %s", got.status, got.body)
	}
	return strings.TrimPrefix(digestOf(raw), "sha256:")
}

// things are what a client sees: containers, images, volumes, networks.
func (b *bench) things(t *testing.T) []string {
	t.Helper()
	var all []string
	var containers []struct {
		Names []string
		State string
	}
	b.json(t, "GET", "/containers/json?all=1", nil, &containers)
	for _, c := range containers {
		all = append(all, fmt.Sprint("container ", c.Names, c.State))
	}
	var images []struct{ RepoTags []string }
	b.json(t, "GET", "/images/json?all=1", nil, &images)
	for _, i := range images {
		all = append(all, fmt.Sprint("image ", i.RepoTags))
	}
	var volumes struct{ Volumes []struct{ Name string } }
	b.json(t, "GET", "/volumes", nil, &volumes)
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	var networks []struct{ Name string }
	b.json(t, "GET", "/networks", nil, &networks)
	for _, n := range networks {
		all = append(all, "network "+n.Name)
	}
	slices.Sort(all)
	return all
}

// hostConfig is a container without network of busybox.
func hostConfig(fields map[string]any) map[string]any {
	host := map[string]any{"NetworkMode": "none"}
	for key, value := range fields {
		host[key] = value
	}
	return host
}

// make makes a container of busybox and returns its id.
func (b *bench) make(t *testing.T, name string, config, host map[string]any, command ...string) string {
	t.Helper()
	body := map[string]any{"Image": acctest.Busybox, "Cmd": command, "HostConfig": hostConfig(host)}
	for key, value := range config {
		body[key] = value
	}
	var made struct {
		ID string `json:"Id"`
	}
	b.json(t, "POST", "/containers/create?name="+name, body, &made)
	return made.ID
}
