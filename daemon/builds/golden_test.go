//go:build linux

package builds_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cleat-dev/cleat/internal/acctest"
)

var update = flag.Bool("update", false, "record what dockerd answers in testdata/golden")

func TestMain(m *testing.M) { acctest.Main(m) }

// golden is one file of testdata/golden: a comment with settings, the build context, and what an engine answers.
//
// The section "dockerd" is recorded. A section "cleatd" is written by hand, where we answer differently on purpose; its
// first line says why.
type golden struct {
	path  string
	file  *txtar.Archive
	query url.Values
	// version of the API; times the context is built, the last answer counts; before is the case built first, archive
	// the name of a compressed archive that is made and added to the context.
	version, before, archive string
	times                    int
}

func readGolden(t testing.TB, path string) golden {
	t.Helper()
	file, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{path: path, file: file, version: "1.41", times: 1}
	for line := range strings.Lines(string(file.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "query":
			if g.query, err = url.ParseQuery(value); err != nil {
				t.Fatal(err)
			}
		case "version":
			g.version = value
		case "before":
			g.before = value
		case "archive":
			g.archive = value
		case "times":
			_, err = fmt.Sscan(value, &g.times)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func goldens(t *testing.T) []golden { t.Helper(); return goldensOf(t) }

func goldensOf(t testing.TB) []golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	var all []golden
	for _, path := range paths {
		all = append(all, readGolden(t, path))
	}
	return all
}

func (g *golden) name() string { return strings.TrimSuffix(filepath.Base(g.path), ".txtar") }

// section returns one of the answers, nil when the file has none.
func (g *golden) section(name string) []byte {
	for _, f := range g.file.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// context is the build context as a tar archive.
func (g *golden) context(t *testing.T) []byte {
	t.Helper()
	var files []entry
	for _, f := range g.file.Files {
		if f.Name != "dockerd" && f.Name != "cleatd" && f.Name != "image" {
			files = append(files, entry{name: f.Name, body: string(f.Data)})
		}
	}
	if g.archive != "" {
		inner := tarOf(t, entry{name: "in/"}, entry{name: "in/file", body: "packed\n"}, entry{name: "in/link", link: "file"})
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(inner)
		must(t, err)
		must(t, z.Close())
		files = append(files, entry{name: g.archive, body: packed.String()})
	}
	return tarOf(t, files...)
}

// entry is a file of an archive: a folder when the name ends in a slash, a link when link is set.
type entry struct {
	name, body, link string
	mode             int64
	kind             byte
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg, Linkname: e.link, ModTime: time.Unix(1e9, 0)}
		switch {
		case e.kind != 0:
			h.Typeflag = e.kind
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case e.link != "":
			h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		}
		if e.mode != 0 {
			h.Mode = e.mode
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.body)
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build sends the case and returns the answer in the form of the golden files, and the id of the image if there is one.
func (g *golden) build(t *testing.T, do func(*http.Request) (*http.Response, error)) (answer, id string) {
	t.Helper()
	for range g.times {
		target := "http://engine/v" + g.version + "/build?" + g.query.Encode()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, bytes.NewReader(g.context(t)))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-tar")
		resp, err := do(r)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		answer, id = normalize(t, resp.StatusCode, body), ""
		if m := builtID.FindSubmatch(body); m != nil {
			id = string(m[1])
		}
	}
	return answer, id
}

var builtID = regexp.MustCompile(`(?:Successfully built |"stream":"sha256:)([0-9a-f]{12,64})`)

// imageSummary is what a build made, as far as it is the same on every engine. Hashes of what was copied are not.
type imageSummary struct {
	Author  string
	Config  map[string]any
	History []string // the layers' sizes are 0 or "+"
}

// summary writes an image's configuration and history. Empty values are left out: engines write them as they like.
func summary(t *testing.T, author string, config any, history []string) string {
	t.Helper()
	raw, err := json.Marshal(config)
	must(t, err)
	all := map[string]any{}
	must(t, json.Unmarshal(raw, &all))
	s := imageSummary{Author: author, Config: map[string]any{}}
	for _, key := range []string{"User", "ExposedPorts", "Env", "Cmd", "Healthcheck", "Volumes", "WorkingDir", "Entrypoint", "OnBuild", "Labels", "StopSignal", "Shell"} {
		switch v := all[key].(type) {
		case nil:
		case string:
			if v != "" {
				s.Config[key] = v
			}
		case []any:
			if len(v) > 0 {
				s.Config[key] = v
			}
		case map[string]any:
			if len(v) > 0 {
				s.Config[key] = v
			}
		}
	}
	for _, line := range history {
		s.History = append(s.History, copied.ReplaceAllString(chowned.ReplaceAllString(line, "$1 $2"), "$1:<hash>"))
	}
	out, err := json.MarshalIndent(s, "", " ")
	must(t, err)
	return string(out) + "\n"
}

var (
	copied = regexp.MustCompile(`\b(file|dir|multi):[0-9a-f]{64}`)
	// dockerd 20.10 has no space between --chown and the hash, later ones have.
	chowned = regexp.MustCompile(`(--chown=\S+?) ?((?:file|dir|multi):[0-9a-f]{64})`)
)

// inspect asks an engine for what a build made. tidy changes the lines of the history.
func inspect(t *testing.T, do func(*http.Request) (*http.Response, error), id string, tidy func(string) string) string {
	t.Helper()
	get := func(path string, to any) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine/v1.41/images/"+id+path, nil)
		must(t, err)
		resp, err := do(r)
		must(t, err)
		defer resp.Body.Close()
		must(t, json.NewDecoder(resp.Body).Decode(to))
	}
	var image struct {
		Author string
		Config map[string]any
	}
	get("/json", &image)
	var steps []struct {
		CreatedBy string
		Size      int64
	}
	get("/history", &steps)
	var history []string
	for _, s := range slices.Backward(steps) {
		if s.CreatedBy == "" { // the import of busybox
			continue
		}
		size := "0"
		if s.Size > 0 {
			size = "+"
		}
		history = append(history, size+" "+tidy(s.CreatedBy))
	}
	return summary(t, image.Author, image.Config, history)
}

var (
	longIDs  = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	shortIDs = regexp.MustCompile(`\b[0-9a-f]{12}\b`)
)

// normalize writes an answer with a message a line, the output of commands in one message, and ids replaced by numbers
// in the order they are seen: 12 and 64 digits of one id have one number.
func normalize(t *testing.T, status int, body []byte) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintln(&out, status)
	var text strings.Builder
	flush := func() {
		for line := range strings.Lines(text.String()) {
			fmt.Fprintf(&out, "stream %q\n", line)
		}
		text.Reset()
	}
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("answer is not JSON: %v: %q", err, body)
		}
		var m map[string]any
		must(t, json.Unmarshal(raw, &m))
		if s, ok := m["stream"].(string); ok && len(m) == 1 {
			text.WriteString(s)
			continue
		}
		flush()
		canonical, err := json.Marshal(m)
		must(t, err)
		fmt.Fprintln(&out, string(canonical))
	}
	flush()
	known := map[string]string{}
	number := func(id string) string {
		key := id[:12]
		if known[key] == "" {
			known[key] = fmt.Sprintf("<%d>", len(known)+1)
		}
		return known[key]
	}
	// One pass over both lengths, so that numbers follow the order in the text.
	both := regexp.MustCompile(longIDs.String() + "|" + shortIDs.String())
	return both.ReplaceAllStringFunc(out.String(), number)
}

// overSocket is a client of an engine behind a Unix socket.
func overSocket(host string) func(*http.Request) (*http.Response, error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(host, "unix://"))
	}}}
	return c.Do
}

// TestRecorded holds the recordings to what dockerd does today; -update makes them.
func TestRecorded(t *testing.T) {
	e := acctest.Dockerd(t)
	all := goldens(t)
	byName := map[string]golden{}
	for _, g := range all {
		byName[g.name()] = g
	}
	for _, g := range all {
		if g.before != "" {
			first := byName[g.before]
			first.build(t, overSocket(e.Host))
		}
		if g.query.Get("nocache") == "" && g.times == 1 {
			g.query.Set("nocache", "1") // cases share an engine: what another left must not show
		}
		got, id := g.build(t, overSocket(e.Host))
		image := ""
		if id != "" {
			image = inspect(t, overSocket(e.Host), id, func(line string) string { return line })
		}
		if !*update {
			if diff := cmp.Diff(string(g.section("dockerd"))+string(g.section("image")), got+image); diff != "" {
				t.Errorf("%s: recorded before (-), now (+):\n%s", g.name(), diff)
			}
			continue
		}
		g.record(t, "dockerd", got)
		if image != "" {
			g.record(t, "image", image)
		}
	}
}

func (g *golden) record(t *testing.T, section, answer string) {
	t.Helper()
	for i := range g.file.Files {
		if g.file.Files[i].Name == section {
			g.file.Files[i].Data = []byte(answer)
			must(t, os.WriteFile(g.path, txtar.Format(g.file), 0o644))
			return
		}
	}
	g.file.Files = append(g.file.Files, txtar.File{Name: section, Data: []byte(answer)})
	must(t, os.WriteFile(g.path, txtar.Format(g.file), 0o644))
}

func diffOf(want []byte, got string) string { return cmp.Diff(string(want), got) }
