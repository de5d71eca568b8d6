package takeover

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// commandTimeout bounds one command: a hang fails with what was printed so far.
const commandTimeout = 3 * time.Minute

// world is one age of the peer on one engine.
type world struct {
	t      *testing.T
	engine *acctest.Engine
	// dir has the configuration and the state.
	dir   string
	words *strings.Replacer
	// objects are ids and inspections by name.
	objects map[string]object
	http    *http.Client
	// shown is what the test shows, for design/provider-conformance.md.
	shown *acctest.Shown
}

// object is one the peer made, or just a value.
type object struct {
	// kind is the noun of the API, such as "containers".
	kind, id  string
	inspected any
}

// path is that of the inspection.
func (o object) path() string {
	return "/" + o.kind + "/" + o.id + map[string]string{"containers": "/json", "plugins": "/json"}[o.kind]
}

// newWorld makes the objects of an age and lays its configuration and state.
func newWorld(t *testing.T, e *acctest.Engine, age string) *world {
	t.Helper()
	socket := strings.TrimPrefix(e.Host, "unix://")
	w := &world{t: t, engine: e, dir: t.TempDir(), objects: map[string]object{}, shown: e.Shows(t), http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
	prefix := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(t.Name()), "-")
	words := []string{"PREFIX", strings.TrimPrefix(prefix, "test"), "NETWORK", "bridge", "DEFAULT", "bridge", "NETNAME", "bridge"}
	if e.Name == "podman" { // its network of the mode bridge has a name of its own
		words[5], words[7] = "podman", "podman"
	}
	subnet := e.Subnet(int(subnets.Add(1)))
	words = append(words, "SUBNET0", subnet.String(), "HOST0", strings.TrimSuffix(subnet.Addr().String(), "0"))
	for n := range 2 {
		name, port := fmt.Sprintf("PORT%d", n), acctest.FreePort(t)
		words = append(words, name, strconv.Itoa(port))
		w.objects[strconv.Itoa(port)] = object{inspected: float64(port)}
	}
	if age == registries {
		registry := acctest.NewRegistry(t, acctest.Auth{})
		words = append(words, "REGISTRY", registry.Address)
		w.objects["pushed"] = object{inspected: pushed(t, e, registry, "team/"+words[1]+":1")}
	}
	w.words = strings.NewReplacer(words...)
	w.create(w.read(age, "objects.json"))
	w.write("main.tf", w.read(age, "main.tf"))
	if age == composed {
		w.write("compose.yaml", w.read(age, "compose.yaml"))
	}
	w.write("terraform.tfstate", w.fill(w.read(age, "state.json")))
	w.write("terraformrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n    \"kreuzwerker/docker\" = %[2]q\n  }\n  direct {}\n}\n",
		ours, filepath.Dir(acctest.Built(t, "terraform-provider-docker"))))
	return w
}

// pushed puts an image into a registry and returns its digest.
func pushed(t *testing.T, e *acctest.Engine, registry *acctest.Registry, name string) string {
	t.Helper()
	registry.Push(t, e, acctest.Busybox, name)
	repository, tag, _ := strings.Cut(name, ":")
	answer, err := registry.Do(t.Context(), http.MethodHead, "/v2/"+repository+"/manifests/"+tag)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.Header.Get("Docker-Content-Digest")
}

// read returns a file of an age with the words of this world.
func (w *world) read(age, name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", age, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.words.Replace(string(content))
}

func (w *world) file(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// step is one call by which the peer makes an object.
type step struct {
	As            string          // the object's name in "${name}"
	Get, Post     string          // the path
	Put           string          // a folder of a container, for a file of Content
	Plugin        string          // the name of a plugin, whose configuration is Body
	Body          json.RawMessage // of Post
	File, Content string
}

func (w *world) create(text string) {
	w.t.Helper()
	var steps []step
	if err := json.Unmarshal([]byte(text), &steps); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range steps {
		switch {
		case s.Put != "":
			w.call(http.MethodPut, w.fill(s.Put), archive(w.t, file{s.File, 0o644, []byte(s.Content)}))
		case s.Plugin != "":
			// An engine refuses to make two plugins with the same files.
			files := []file{{"config.json", 0o644, s.Body}, {"rootfs/plugin", 0o755, w.pluginProgram()}, {"rootfs/name", 0o644, []byte(s.Plugin)}}
			w.call(http.MethodPost, "/plugins/create?name="+s.Plugin, archive(w.t, files...))
			w.made(step{As: s.As, Post: "/plugins"}, []byte(fmt.Sprintf(`{"Name": %q}`, s.Plugin)))
		case s.Get != "":
			w.objects[s.As] = object{inspected: w.inspect(s.Get)}
		default:
			answer := w.call(http.MethodPost, w.fill(s.Post), []byte(w.fill(string(s.Body))))
			if s.As != "" {
				w.made(s, answer)
			}
		}
	}
	for name, o := range w.objects { // when everything is connected and started
		if o.kind != "" {
			o.inspected = w.inspect(o.path())
			w.objects[name] = o
		}
	}
}

// made remembers an object a call made, and has it removed should the test fail to.
func (w *world) made(s step, answer []byte) {
	w.t.Helper()
	var made struct {
		ID   string `json:"Id"`
		Name string `json:"Name"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		w.t.Fatal(err)
	}
	o := object{kind: strings.Split(s.Post, "/")[1], id: cmp.Or(made.ID, made.Name)}
	w.objects[s.As] = o
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), commandTimeout)
		defer cancel()
		if code, answer, err := w.send(ctx, http.MethodDelete, "/"+o.kind+"/"+o.id+"?force=1&v=1", nil); err != nil || code >= 400 && code != http.StatusNotFound {
			w.t.Errorf("remove %s: %d %s %v", s.As, code, answer, err)
		}
	})
}

func (w *world) exists(o object) bool {
	w.t.Helper()
	code, answer, err := w.send(w.t.Context(), http.MethodGet, o.path(), nil)
	if err != nil || code != http.StatusOK && code != http.StatusNotFound {
		w.t.Fatalf("%s: %d %s %v", o.path(), code, answer, err)
	}
	return code == http.StatusOK
}

func (w *world) inspect(path string) any {
	w.t.Helper()
	var inspected any
	if err := json.Unmarshal(w.call(http.MethodGet, path, nil), &inspected); err != nil {
		w.t.Fatal(err)
	}
	return inspected
}

// call is send for what is to work.
func (w *world) call(method, path string, body []byte) []byte {
	w.t.Helper()
	code, answer, err := w.send(w.t.Context(), method, path, body)
	if err != nil || code >= 400 {
		w.t.Fatalf("%s %s: %d %s %v", method, path, code, answer, err)
	}
	return answer
}

func (w *world) send(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPut || strings.HasPrefix(path, "/plugins/create") {
		req.Header.Set("Content-Type", "application/x-tar")
	}
	answer, err := w.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, content, err
}

// file is one of an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

func archive(t *testing.T, files ...file) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range files {
		err := tw.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))})
		if err == nil {
			_, err = tw.Write(f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// pluginProgram is what plugins run: without one that answers, an engine enables none.
func (w *world) pluginProgram() []byte {
	w.t.Helper()
	program := filepath.Join(w.t.TempDir(), "plugin")
	build := exec.CommandContext(w.t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "../../provider/acceptance/testdata/plugin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

// reference is "${name}" or "${name:path}"; with the quotes of JSON around it the value replaces them too.
var reference = regexp.MustCompile(`"\$\{([a-z0-9-]+)(?::([^}]+))?\}"|\$\{([a-z0-9-]+)(?::([^}]+))?\}`)

// fill puts what references stand for in their place.
func (w *world) fill(text string) string {
	w.t.Helper()
	return reference.ReplaceAllStringFunc(text, func(match string) string {
		parts := reference.FindStringSubmatch(match)
		quoted := parts[1] != ""
		name, path := parts[1]+parts[3], parts[2]+parts[4]
		o, ok := w.objects[name]
		if !ok {
			w.t.Fatalf("%s: there is no object %q", match, name)
		}
		var value any = o.id
		if path != "" || o.id == "" {
			value = w.walk(o.inspected, path)
		}
		if !quoted {
			return fmt.Sprint(value)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(encoded)
	})
}

func (w *world) walk(value any, path string) any {
	w.t.Helper()
	for _, key := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(v) {
				w.t.Fatalf("%s: no element %q", path, key)
			}
			value = v[n]
		}
		if value == nil {
			w.t.Fatalf("%s: the engine says nothing of %q", path, key)
		}
	}
	return value
}

// terraform runs it and demands that it ends well.
func (w *world) terraform(args ...string) string {
	w.t.Helper()
	code, out := w.try(args...)
	if code != 0 {
		w.t.Fatalf("terraform %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (w *world) try(args ...string) (int, string) {
	w.t.Helper()
	return w.run(acctest.Program(w.t, "terraform"), args...)
}

func (w *world) run(program string, args ...string) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.WaitDelay = w.dir, 5*time.Second
	cmd.Env = append(w.engine.Env(), "TF_CLI_CONFIG_FILE="+filepath.Join(w.dir, "terraformrc"), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
