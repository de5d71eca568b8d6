package api

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// messages decodes a progress stream and checks the form of every object: one line, "\r\n" behind it.
func messages(t *testing.T, body []byte) []stream.Message {
	t.Helper()
	for line := range strings.Lines(string(body)) {
		if !strings.HasSuffix(line, "}\r\n") || !strings.HasPrefix(line, "{") {
			t.Errorf("line %q", line)
		}
	}
	var all []stream.Message
	for m := range stream.Messages(bytes.NewReader(body)) {
		all = append(all, m)
	}
	return all
}

func has(t *testing.T, all []stream.Message, want string) {
	t.Helper()
	pattern := regexp.MustCompile(want)
	for _, m := range all {
		if pattern.MatchString(m.Status) || pattern.MatchString(m.Error) || pattern.MatchString(m.Stream) {
			return
		}
	}
	t.Errorf("no message like %s in %+v", want, all)
}

func credentials(t *testing.T, a acctest.Auth) http.Header {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"username": a.Username, "password": a.Password, "email": "a@b.c"})
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"X-Registry-Auth": {base64.URLEncoding.EncodeToString(raw)}}
}

// good makes a request whose answer is a progress stream without a failure.
func (e *engine) good(t *testing.T, method, path string, header http.Header) []stream.Message {
	t.Helper()
	got := e.do(t, method, path, header, nil)
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%s %s: %d %q %s", method, path, got.status, got.header.Get("Content-Type"), got.body)
	}
	all := messages(t, got.body)
	for _, m := range all {
		if m.Error != "" || m.ErrorDetail != nil {
			t.Fatalf("%s %s: %s", method, path, got.body)
		}
	}
	return all
}

func TestRegistry(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		auth := acctest.Auth{Username: "hannibal", Password: "s3cret"}
		private, open := acctest.NewRegistry(t, auth), acctest.NewRegistry(t, acctest.Auth{})
		t.Run("group", func(t *testing.T) { // the registries live until all of it has ended
			t.Run("push and pull", func(t *testing.T) { t.Parallel(); pushAndPull(t, e, open) })
			t.Run("all tags", func(t *testing.T) { t.Parallel(); pullAllTags(t, e, open) })
			t.Run("by digest", func(t *testing.T) { t.Parallel(); pullDigest(t, e, open) })
			t.Run("private", func(t *testing.T) { t.Parallel(); pushPrivate(t, e, private, auth) })
			t.Run("auth", func(t *testing.T) { t.Parallel(); checkAuth(t, e, private, auth) })
			t.Run("missing", func(t *testing.T) { t.Parallel(); pullMissing(t, e, open) })
		})
	})
}

// local makes an image and names it for a registry. Its tag there is removed with the test.
func local(t *testing.T, e *engine, registry *acctest.Registry, tags ...string) string {
	t.Helper()
	name := e.name(t)
	e.image(t, name+"/one")
	ref := registry.Ref(name)
	for _, tag := range tags {
		e.must(t, "POST", "/images/"+name+"/one/tag?repo="+url.QueryEscape(ref)+"&tag="+tag, nil)
	}
	t.Cleanup(func() {
		for _, tag := range tags {
			e.do(t, "DELETE", "/images/"+ref+":"+tag+"?force=1", nil, nil)
		}
	})
	return ref
}

func pushAndPull(t *testing.T, e *engine, registry *acctest.Registry) {
	ref := local(t, e, registry, "v1")
	pushed := e.good(t, "POST", "/images/"+ref+"/push?tag=v1", http.Header{"X-Registry-Auth": {"e30="}})
	has(t, pushed, `^The push refers to repository \[`+regexp.QuoteMeta(ref)+`\]$`)
	has(t, pushed, "^Pushed$")
	has(t, pushed, "^v1: digest: sha256:[0-9a-f]{64} size: [0-9]+$")
	has(t, e.good(t, "POST", "/images/"+ref+"/push?tag=v1", http.Header{"X-Registry-Auth": {"e30="}}), "^Layer already exists$")

	before := imageID(t, e, ref+":v1")
	e.must(t, "DELETE", "/images/"+ref+":v1", nil)
	name := path.Base(ref)
	e.must(t, "DELETE", "/images/"+name+"/one", nil)
	pulled := e.good(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref)+"&tag=v1", nil)
	has(t, pulled, "^Pulling from "+name+"$")
	has(t, pulled, "^Pull complete$")
	has(t, pulled, "^Digest: sha256:[0-9a-f]{64}$")
	has(t, pulled, "^Status: Downloaded newer image for "+regexp.QuoteMeta(ref)+":v1$")
	if !slices.ContainsFunc(pulled, func(m stream.Message) bool { return m.ID == "v1" }) {
		t.Errorf("no message about the tag: %+v", pulled)
	}
	if after := imageID(t, e, ref+":v1"); after != before {
		t.Errorf("pulled %s, pushed %s", after, before)
	}
	has(t, e.good(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref+":v1"), nil), "^Status: Image is up to date for ")
}

func imageID(t *testing.T, e *engine, ref string) string {
	t.Helper()
	var image struct{ Id string }
	decode(t, e.must(t, "GET", "/images/"+ref+"/json", nil).body, &image)
	return image.Id
}

// pullAllTags: a pull without a tag takes all of them.
func pullAllTags(t *testing.T, e *engine, registry *acctest.Registry) {
	ref := local(t, e, registry, "v1", "v2")
	e.good(t, "POST", "/images/"+ref+"/push", http.Header{"X-Registry-Auth": {"e30="}})
	for _, tag := range []string{"v1", "v2"} {
		e.must(t, "DELETE", "/images/"+ref+":"+tag, nil)
	}
	e.good(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref), nil)
	for _, tag := range []string{"v1", "v2"} {
		imageID(t, e, ref+":"+tag)
	}
}

func pullDigest(t *testing.T, e *engine, registry *acctest.Registry) {
	ref := local(t, e, registry, "v1")
	digest := ""
	for _, m := range e.good(t, "POST", "/images/"+ref+"/push?tag=v1", http.Header{"X-Registry-Auth": {"e30="}}) {
		if found := regexp.MustCompile("^v1: digest: (sha256:[0-9a-f]{64}) ").FindStringSubmatch(m.Status); found != nil {
			digest = found[1]
		}
	}
	id := imageID(t, e, ref+":v1")
	e.must(t, "DELETE", "/images/"+ref+":v1", nil)
	e.good(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref)+"&tag="+digest, nil)
	if got := imageID(t, e, ref+"@"+digest); got != id {
		t.Errorf("pulled %s, want %s", got, id)
	}
	var rows []struct {
		Id          string
		RepoDigests []string
	}
	decode(t, e.must(t, "GET", "/images/json?digests=1", nil).body, &rows)
	if !slices.ContainsFunc(rows, func(row struct {
		Id          string
		RepoDigests []string
	},
	) bool {
		return row.Id == id && slices.Equal(row.RepoDigests, []string{ref + "@" + digest})
	}) {
		t.Errorf("no row with the digest %s in %+v", digest, rows)
	}
	e.must(t, "DELETE", "/images/"+ref+"@"+digest, nil)
}

func pushPrivate(t *testing.T, e *engine, registry *acctest.Registry, auth acctest.Auth) {
	ref := local(t, e, registry, "v1")
	for name, header := range map[string]http.Header{
		"nobody": {"X-Registry-Auth": {"e30="}}, "wrong": credentials(t, acctest.Auth{Username: auth.Username, Password: "wrong"}),
	} {
		got := e.do(t, "POST", "/images/"+ref+"/push?tag=v1", header, nil)
		if got.status == 200 && !strings.Contains(string(got.body), `"errorDetail"`) || !regexp.MustCompile("no basic auth|unauthorized").Match(got.body) {
			t.Errorf("push as %s: %d %s", name, got.status, got.body)
		}
	}
	e.good(t, "POST", "/images/"+ref+"/push?tag=v1", credentials(t, auth))
	e.must(t, "DELETE", "/images/"+ref+":v1", nil)
	got := e.do(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref)+"&tag=v1", nil, nil)
	if got.status == 200 && !strings.Contains(string(got.body), `"errorDetail"`) {
		t.Errorf("pull as nobody: %d %s", got.status, got.body)
	}
	e.good(t, "POST", "/images/create?fromImage="+url.QueryEscape(ref)+"&tag=v1", credentials(t, auth))
}

func checkAuth(t *testing.T, e *engine, registry *acctest.Registry, auth acctest.Auth) {
	ask := func(password string) answer {
		body := fmt.Sprintf(`{"username":%q,"password":%q,"email":"h@a.com","serveraddress":%q}`, auth.Username, password, registry.Address)
		return e.do(t, "POST", "/auth", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(body))
	}
	if got := ask(auth.Password); got.status != 200 || !strings.Contains(string(got.body), `"Status":"Login Succeeded"`) {
		t.Errorf("right password: %d %s", got.status, got.body)
	}
	if got := ask("wrong"); got.status != 401 && got.status != 500 || !strings.Contains(strings.ToLower(string(got.body)), "unauthorized") {
		t.Errorf("wrong password: %d %s", got.status, got.body)
	}
}

func pullMissing(t *testing.T, e *engine, registry *acctest.Registry) {
	for _, query := range []string{"fromImage=" + url.QueryEscape(registry.Ref(e.name(t)+"/none")) + "&tag=v1"} {
		got := e.do(t, "POST", "/images/create?"+query, nil, nil)
		if got.status != 404 || !strings.Contains(string(got.body), "not found") {
			t.Errorf("%s: %d %s, want 404", query, got.status, got.body)
		}
	}
}

// What one engine saves it loads again, with the names, in the layout of the document.
func TestSaveAndLoad(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		name := e.name(t)
		e.image(t, name+"/one")
		e.must(t, "POST", "/images/"+name+"/one/tag?repo="+name+"/two&tag=v2", nil)
		id := imageID(t, e, name+"/one")
		saved := e.do(t, "GET", "/images/get?names="+name+"/one&names="+name+"/two:v2", nil, nil)
		if saved.status != 200 || saved.header.Get("Content-Type") != "application/x-tar" {
			t.Fatalf("%d %v", saved.status, saved.header)
		}
		checkSaved(t, saved.body, name)
		e.must(t, "DELETE", "/images/"+id+"?force=1", nil)
		loaded := e.do(t, "POST", "/images/load", http.Header{"Content-Type": {"application/x-tar"}}, bytes.NewReader(saved.body))
		if loaded.status != 200 {
			t.Fatalf("load: %d %s", loaded.status, loaded.body)
		}
		// The document's answer is empty; engines after 1.10 say what they loaded, at every version.
		if e.Name != "dockerd" && len(loaded.body) > 0 {
			t.Errorf("load answered %q", loaded.body)
		}
		for _, ref := range []string{name + "/one:latest", name + "/two:v2"} {
			if got := imageID(t, e, ref); got != id {
				t.Errorf("%s is %s, want %s", ref, got, id)
			}
		}
	})
}

// checkSaved looks for the document's layout: a directory by layer with VERSION, json and layer.tar, and repositories.
func checkSaved(t *testing.T, raw []byte, name string) {
	t.Helper()
	files, links := map[string][]byte{}, map[string]string{}
	for archive := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = content
		if h.Typeflag == tar.TypeSymlink { // engines since 25 have each layer once
			links[h.Name] = path.Join(path.Dir(h.Name), h.Linkname)
		}
	}
	for name, target := range links {
		files[name] = files[target]
	}
	var repositories map[string]map[string]string
	decode(t, files["repositories"], &repositories)
	for repo, tag := range map[string]string{name + "/one": "latest", name + "/two": "v2"} {
		layer := repositories[repo][tag]
		if !regexp.MustCompile("^[0-9a-f]{64}$").MatchString(layer) {
			t.Errorf("repositories: %s:%s is %q", repo, tag, layer)
			continue
		}
		if got := string(files[layer+"/VERSION"]); got != "1.0" {
			t.Errorf("VERSION of %s is %q", layer, got)
		}
		var description struct{ ID string }
		decode(t, files[layer+"/json"], &description)
		if description.ID != layer {
			t.Errorf("json of %s is about %q", layer, description.ID)
		}
		if _, err := tar.NewReader(bytes.NewReader(files[layer+"/layer.tar"])).Next(); err != nil {
			t.Errorf("layer.tar of %s: %v", layer, err)
		}
	}
}

// serve answers with the files given, on an address the engine reaches.
func serve(t *testing.T, files map[string][]byte) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, ".tar") {
			w.Header().Set("Content-Type", "application/x-tar")
		}
		_, _ = w.Write(content)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// Imports, builds and ADD take addresses.
func TestAddresses(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		name := e.name(t)
		address := serve(t, map[string][]byte{
			"/root.tar":    tarball(t, [2]string{"etc/from", "address " + name}),
			"/Dockerfile":  []byte("FROM busybox:1\nRUN echo remote-" + name + "\n"),
			"/context.tar": tarball(t, [2]string{"Dockerfile", "FROM busybox:1\nCOPY x /\nRUN cat /x\n"}, [2]string{"x", "context-" + name}),
			"/added":       []byte("added-" + name),
		})
		e.good(t, "POST", "/images/create?fromSrc="+url.QueryEscape(address+"/root.tar")+"&repo="+name+"/imported", nil)
		has(t, e.good(t, "POST", "/build?t="+name+"/r&remote="+url.QueryEscape(address+"/Dockerfile"), nil), "^remote-"+name)
		has(t, e.good(t, "POST", "/build?t="+name+"/c&remote="+url.QueryEscape(address+"/context.tar"), nil), "context-"+name)
		got := e.do(t, "POST", "/build?t="+name+"/a", http.Header{"Content-Type": {"application/x-tar"}}, bytes.NewReader(tarball(t,
			[2]string{"Dockerfile", "FROM busybox:1\nADD " + address + "/added /x/\nRUN cat /x/added\n"})))
		has(t, messages(t, got.body), "added-"+name)
		missing := e.do(t, "POST", "/images/create?fromSrc="+url.QueryEscape(address+"/none.tar")+"&repo="+name+"/none", nil, nil)
		if missing.status == 200 && !strings.Contains(string(missing.body), `"error"`) {
			t.Errorf("import of what is not there: %d %s", missing.status, missing.body)
		}
	})
}

// A build ends with its client and leaves nothing.
func TestBuildIsCancelled(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		name := e.name(t)
		address := serve(t, map[string][]byte{"/Dockerfile": []byte("FROM busybox:1\nRUN echo started-$((1+1)); sleep 1000 # " + name + "\n")})
		events := e.events(t, "since=1", map[string][]string{"event": {"die", "destroy"}})
		c := e.dial(t, "POST", "/build?forcerm=1&t="+name+"/b&remote="+url.QueryEscape(address+"/Dockerfile"), "", false)
		c.until("started-2")
		id := ""
		for _, row := range containers(t, e) {
			if strings.Contains(row.Command, name) {
				id = row.ID
			}
		}
		if id == "" {
			t.Fatalf("no container of the build among %+v", containers(t, e))
		}
		_ = c.Close()
		for gone := false; !gone; {
			var one event
			if err := events.Decode(&one); err != nil {
				t.Fatal(err)
			}
			gone = one.ID == id && one.Status == "destroy"
		}
		if got := e.do(t, "GET", "/images/"+name+"/b/json", nil, nil); got.status != 404 {
			t.Errorf("there is an image: %d", got.status)
		}
	})
}

type row struct {
	ID      string `json:"Id"`
	Command string
}

func containers(t *testing.T, e *engine) []row {
	t.Helper()
	var rows []row
	decode(t, e.must(t, "GET", "/containers/json?all=1", nil).body, &rows)
	return rows
}
