package schema

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// generated are the calls with a JSON body that TestRequests makes bodies for, and how what they made is removed:
// {made} is the id or name in the answer.
var generated = []struct{ call, target, remove, field string }{
	{"POST /containers/create", "", "/containers/{made}?force=1&v=1", "Id"},
	{"POST /containers/{id}/update", "/containers/subject/update", "", ""},
	{"POST /containers/{id}/exec", "/containers/subject/exec", "", ""},
	{"POST /exec/{id}/start", "/exec/{exec}/start", "", ""},
	{"POST /networks/create", "", "/networks/{made}", "Id"},
	{"POST /networks/{id}/connect", "/networks/subject/connect", "", ""},
	{"POST /networks/{id}/disconnect", "/networks/subject/disconnect", "", ""},
	{"POST /volumes/create", "", "/volumes/{made}?force=1", "Name"},
	{"POST /commit", "/commit?container=still", "/images/{made}?force=1", "Id"},
}

// notGenerated are the calls with a JSON body that TestRequests leaves out, and why. Those of swarm mode and plugins
// are refused whatever they say: TestCreating has them.
var notGenerated = map[string]string{
	"POST /auth":                   "asks the registry that the body names; TestCreating has it",
	"POST /build":                  "its body is a tarball",
	"POST /images/create":          "its body is a tarball",
	"POST /images/load":            "its body is a tarball",
	"PUT /volumes/{name}":          "volumes of a swarm",
	"PUT /containers/{id}/archive": "its body is a tarball",
}

// perVersion is how many bodies each call gets at each version; the newest gets more of them.
const perVersion, atNewest = 8, 100

// TestRequests: whatever a client may say by the schema, the answer is one of the document's, and nothing is left.
func TestRequests(t *testing.T) {
	e := newEngine(acctest.NewCleatd(t))
	e.subjects(t)
	before := e.things(t)
	wrong := &findings{}
	taken, refused := map[string]int{}, map[string]int{}
	for minor := oldest; minor <= newest; minor++ {
		d := documentOf(t, minor)
		complete(d, wrong)
		n := perVersion
		if minor == newest {
			n = atNewest
		}
		for _, c := range generated {
			method, path, _ := strings.Cut(c.call, " ")
			schema := d.request(method, path)
			if schema == nil {
				t.Fatalf("1.%d: %s has no body", minor, c.call)
			}
			for i := range n {
				g := &generator{Rand: rand.New(rand.NewPCG(uint64(minor), uint64(i))), share: []float64{0.02, 0.06, 0.3}[i%3], pools: e.pools(),
					needed: []string{"Image", "Cmd", "Container", "Name"}}
				body, _ := g.value(schema, "", 0).(object)
				if body == nil {
					body = object{}
				}
				target := strings.ReplaceAll(c.target, "{exec}", "nobody")
				if strings.Contains(c.target, "{exec}") && i%2 == 0 {
					target = strings.ReplaceAll(c.target, "{exec}", e.must(t, "POST", "/containers/subject/exec", object{"Cmd": list{"true"}}, "Id"))
					body["Detach"] = true // an attached one lasts as long as its client
				}
				if target == "" {
					target = path
				}
				got := e.send(t, minor, method, target, nil, body, 0)
				wrong.generated(d, c.call, body, got)
				if got.status >= 400 {
					refused[c.call]++
					continue
				}
				taken[c.call]++
				e.remove(t, c.remove, c.field, got)
			}
		}
	}
	wrong.report(t)
	for _, c := range generated {
		t.Logf("%s: %d accepted, %d refused", c.call, taken[c.call], refused[c.call])
		if taken[c.call] == 0 || refused[c.call] == 0 {
			t.Errorf("%s: %d accepted, %d refused: there is nothing to learn from that", c.call, taken[c.call], refused[c.call])
		}
	}
	if diff := cmp.Diff(before, e.things(t)); diff != "" {
		t.Errorf("left behind (-before +after):\n%s", diff)
	}
	if log := e.Log(1 << 20); strings.Contains(log, "panic") {
		t.Errorf("something panicked:\n%s", log)
	}
}

// complete: each call with a body is made or has a reason.
func complete(d *document, wrong *findings) {
	for path, item := range d.Paths.Map() {
		for method, operation := range item.Operations() {
			call := method + " " + path
			if operation.RequestBody == nil || notGenerated[call] != "" {
				continue
			}
			if area, _, _ := strings.Cut(path[1:], "/"); slices.Contains([]string{"swarm", "services", "nodes", "secrets", "configs", "plugins"}, area) {
				continue
			}
			if !slices.ContainsFunc(generated, func(g struct{ call, target, remove, field string }) bool { return g.call == call }) {
				wrong.add(d.minor, "%s gets no bodies", call)
			}
		}
	}
}

// generated checks the answer to a body: a status of the document below 500, in the right form.
func (f *findings) generated(d *document, call string, body object, got reply) {
	method, path, _ := strings.Cut(call, " ")
	sent, _ := json.Marshal(body)
	if got.status >= http.StatusInternalServerError {
		f.add(d.minor, "%s: %d %s for %s", call, got.status, cut(got.body), cut(sent))
		return
	}
	f.check(d, method, path, path, got, false)
}

// subjects are what the calls are about.
func (e *engine) subjects(t *testing.T) {
	t.Helper()
	e.run(t, "subject", object{"Image": acctest.Busybox, "Cmd": list{"sleep", "36000"}, "HostConfig": object{"Memory": 128 << 20, "MemorySwap": -1}})
	e.must(t, "POST", "/containers/create?name=still", object{"Image": acctest.Busybox, "Cmd": list{"true"}}, "")
	e.must(t, "POST", "/networks/create", object{"Name": "subject"}, "")
	e.must(t, "POST", "/volumes/create", object{"Name": "subject"}, "")
	// What is made once, for an image's first container and a container's first exec, is not left behind.
	first := e.must(t, "POST", "/containers/create", object{"Image": acctest.HTTPServer}, "Id")
	e.must(t, "DELETE", "/containers/"+first, nil, "")
	exec := e.must(t, "POST", "/containers/subject/exec", object{"Cmd": list{"true"}}, "Id")
	e.must(t, "POST", "/exec/"+exec+"/start", object{"Detach": true}, "")
	e.until(t, `{"event":["exec_die"]}`)
}

// pools are the texts of bodies: mostly sensible, so that some are accepted.
func (e *engine) pools() map[string][]any {
	dir := e.Dir()
	return map[string][]any{
		anyText: {"", "x", "subject", "a=b", "1", "/x", "x:y", "ünïcode", "a b", strings.Repeat("long", 100), "0", "\x00", "../x", "-1", "true"},
		"Image": {acctest.Busybox, acctest.Busybox, acctest.HTTPServer, "", "nobody"},
		"Cmd":   {list{"true"}, list{"sleep", "1"}, nil, "true"}, "Entrypoint": {nil, list{}, list{"env"}, ""},
		"Container": {"subject", "still", "nobody", ""}, "NetworkMode": {"bridge", "none", "host", "default", "subject", "container:subject", "container:", "nobody"},
		"Name": {"generated", "generated-2", "", "with space", "subject"}, "Driver": {"", "bridge", "local", "default", "nobody"},
		"Binds[]": {dir + ":/b", "subject:/v", "/anonymous", "subject:/v:ro,nocopy", ":", "x:y:z:a", dir + ":/", dir + ":/b:rshared"},
		"Source":  {dir, "subject", "", "/nothing/here"}, "Target": {"/t", "", "relative", "/"}, "PathOnHost": {"/dev/null", "/nothing", ""},
		"Hostname": {"host", "", strings.Repeat("h", 64), "under_score"}, "MacAddress": {"02:42:00:00:00:99", "", "x"},
		"PortBindings{}": {"80/tcp", "53/udp", "x", "70000/tcp", ""}, "HostPort": {"", "0", "8080-8090", "x", "70000"}, "HostIp": {"", "127.0.0.1", "::1", "x"},
		"ExposedPorts{}": {"80/tcp", "80", "x/tcp"}, "IPv4Address": {"", "172.20.30.33", "x"}, "IPv6Address": {"", "2001:db8:abcd::3033", "x"},
		"Subnet": {"", "10.250.0.0/24", "10.250.0.0/33", "x"}, "IPRange": {"", "10.250.0.0/28", "x"}, "Gateway": {"", "10.250.0.1", "x"},
		"CgroupParent": {"", e.cgroup()}, "Dns[]": {"8.8.8.8", "x"}, "ExtraHosts[]": {"a:1.2.3.4", "x"}, "StopSignal": {"SIGTERM", "15", "x"},
		"User": {"root", "app", "nobody:nobody", "1000:1000", "no such user"}, "WorkingDir": {"/", "/tmp", "relative", ""}, "Env[]": {"A=1", "B", "=x"},
		"VolumeDriver": {"", "local", "nobody"}, "Volumes{}": {"/data", "relative", "/"}, "Tmpfs{}": {"/run", "relative"}, "Tmpfs.*": {"", "size=1m", "nonsense=1"},
		"LogConfig":  {object{"Type": "json-file", "Config": object{"max-size": "1m"}}, object{"Type": "none"}, object{"Type": "nobody"}, object{"Config": object{"x": "y"}}},
		"DetachKeys": {"", "ctrl-p,ctrl-q", "nonsense"},
	}
}

// cgroup is a control group of the engine's own, removed with it.
func (e *engine) cgroup() string { return "/" + filepath.Base(e.Root()) }

// remove takes away what an accepted call made.
func (e *engine) remove(t *testing.T, remove, field string, got reply) {
	t.Helper()
	if remove == "" {
		return
	}
	var made object
	if err := json.Unmarshal(got.body, &made); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	name := fmt.Sprint(made[field])
	if name == "subject" {
		return // a volume that was there
	}
	if gone := e.send(t, newest, "DELETE", strings.ReplaceAll(remove, "{made}", name), nil, nil, 0); gone.status >= 400 {
		t.Errorf("remove %s: %d %s", name, gone.status, gone.body)
	}
}

// things is all there is on the engine, and the files it keeps.
func (e *engine) things(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	for kind, path := range map[string]string{"containers": "/containers/json?all=1", "images": "/images/json?all=1", "networks": "/networks", "volumes": "/volumes"} {
		got := e.send(t, newest, "GET", path, nil, nil, 0)
		var names []string
		var rows []object
		body := got.body
		if kind == "volumes" {
			var outer struct{ Volumes json.RawMessage }
			if err := json.Unmarshal(body, &outer); err != nil {
				t.Fatal(err)
			}
			body = outer.Volumes
		}
		if err := json.Unmarshal(body, &rows); err != nil {
			t.Fatalf("%s: %v: %s", path, err, got.body)
		}
		for _, row := range rows {
			names = append(names, fmt.Sprint(row["Names"], row["RepoTags"], row["Name"]))
		}
		slices.Sort(names)
		all[kind] = names
	}
	files := []string{}
	err := filepath.WalkDir(e.Root(), func(path string, _ fs.DirEntry, err error) error {
		if !strings.Contains(path, "/content/blobs/") { // what nothing refers to is collected after the answer
			files = append(files, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	all["files"] = files
	return all
}
