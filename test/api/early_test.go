package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// early runs what of remote-api-v1.2.md takes two sides. The only engine that speaks it is cleatd: a dockerd refuses what
// is before 1.12.
func early(t *testing.T, tests map[string]func(*testing.T, *engine)) {
	t.Helper()
	kind{"cleatd", acctest.Cleatd}.run(t, func(t *testing.T, e *engine) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, e)
			})
		}
	})
}

func TestAttach12(t *testing.T) {
	early(t, map[string]func(*testing.T, *engine){
		"merged": attachMerged12, "before start": attachBeforeStart12, "logs and stream": attachLogs12, "terminal": attachTerminal12,
	})
}

// attachMerged12: what the container writes to either stream comes as it is.
func attachMerged12(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; echo out $x; read y; echo err $y >&2; cat")
	c := e.dial(t, "POST", "/v1.2/containers/"+id+"/attach?stream=1&stdin=1&stdout=1&stderr=1", "", false)
	c.head(200, map[string]string{"Content-Type": rawStream, "Upgrade": ""})
	c.send("a\n")
	if got := c.until("a\n"); got != "out a\n" {
		t.Errorf("%q, want it without a frame", got)
	}
	c.send("b\n")
	if got := c.until("b\n"); got != "err b\n" {
		t.Errorf("%q, want it without a frame", got)
	}
	c.send("rest\n")
	c.closeWrite()
	if got := c.rest(); got != "rest\n" {
		t.Errorf("%q, want the rest", got)
	}
}

func attachBeforeStart12(t *testing.T, e *engine) {
	id := e.create(t, e.name(t), map[string]any{"Cmd": []string{"sh", "-c", "echo first; exit 4"}})
	c := e.dial(t, "POST", "/v1.2/containers/"+id+"/attach?stream=1&stdout=1&stderr=1", "", false)
	if got := e.raw(t, "POST", "/v1.2/containers/"+id+"/start", nil, nil); got.status != 200 {
		t.Fatalf("start: %d %s", got.status, got.body)
	}
	if got := c.rest(); got != "first\n" {
		t.Errorf("%q", got)
	}
}

// attachLogs12 is what section 3.1 of the document does after a start.
func attachLogs12(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "echo before; read x; echo $x")
	e.dial(t, "GET", "/containers/"+id+"/logs?follow=1&stdout=1", "", false).until("before\n")
	c := e.dial(t, "POST", "/v1.2/containers/"+id+"/attach?logs=1&stream=1&stdin=1&stdout=1&stderr=1", "", false)
	if got := c.until("\n"); got != "before\n" {
		t.Errorf("%q", got)
	}
	c.send("after\n")
	if got := c.rest(); got != "after\n" {
		t.Errorf("%q", got)
	}
}

func attachTerminal12(t *testing.T, e *engine) {
	id := catContainer(t, e, map[string]any{"Tty": true})
	c := e.dial(t, "POST", "/v1.2/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", false)
	c.head(200, map[string]string{"Content-Type": rawStream})
	c.send("hello\n")
	if got := c.until("hello\r\nhello\r\n"); got != "hello\r\nhello\r\n" {
		t.Errorf("%q, want the echo and the answer", got)
	}
}

func TestSocket12(t *testing.T) {
	early(t, map[string]func(*testing.T, *engine){"stream": func(t *testing.T, e *engine) {
		id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; echo got $x; echo err >&2")
		ws := e.websocket(t, "/v1.2/containers/"+id+"/attach/ws?logs=0&stream=1&stdin=1&stdout=1&stderr=1")
		if err := ws.WriteMessage(websocket.TextMessage, []byte("it\n")); err != nil {
			t.Fatal(err)
		}
		if got := received(t, ws); !strings.Contains(got, "got it\n") || !strings.Contains(got, "err\n") {
			t.Errorf("received %q", got)
		}
	}, "missing": func(t *testing.T, e *engine) {
		header := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}
		if got := e.raw(t, "GET", "/v1.2/containers/"+e.name(t)+"/attach/ws?stream=1", header, nil); got.status != 404 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}})
}

// lines are the objects of a progress stream as they were sent.
func lines(t *testing.T, got answer) []map[string]any {
	t.Helper()
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%d %q %s", got.status, got.header.Get("Content-Type"), got.body)
	}
	var all []map[string]any
	for line := range strings.Lines(string(got.body)) {
		if !strings.HasSuffix(line, "}\r\n") {
			t.Errorf("line %q", line)
		}
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		all = append(all, o)
	}
	return all
}

// plainLines fails for a key that the document of 1.2 does not show, and returns all texts.
func plainLines(t *testing.T, got answer) string {
	t.Helper()
	var texts strings.Builder
	for _, o := range lines(t, got) {
		for key, value := range o {
			words, ok := value.(string)
			if key != "status" && key != "progress" && key != "error" || !ok {
				t.Errorf("key %s of %v", key, o)
			}
			texts.WriteString(key + "=" + words + "\n")
		}
	}
	return texts.String()
}

func TestRegistry12(t *testing.T) {
	auth := acctest.Auth{Username: "hannibal", Password: "s3cret"}
	private, open := acctest.NewRegistry(t, auth), acctest.NewRegistry(t, acctest.Auth{})
	early(t, map[string]func(*testing.T, *engine){
		"push and pull":   func(t *testing.T, e *engine) { pushAndPull12(t, e, open) },
		"auth in a body":  func(t *testing.T, e *engine) { pushPrivate12(t, e, private, auth) },
		"pull of nothing": func(t *testing.T, e *engine) { pullMissing12(t, e, open) },
		"check auth":      func(t *testing.T, e *engine) { checkAuth12(t, e, private, auth) },
	})
}

// pushAndPull12: registry= says where a name without a registry is pulled from.
func pushAndPull12(t *testing.T, e *engine, registry *acctest.Registry) {
	ref := local(t, e, registry, "v1")
	pushed := plainLines(t, e.raw(t, "POST", "/v1.2/images/"+ref+"/push", nil, nil))
	if !strings.Contains(pushed, "status=The push refers to repository ["+ref+"]\n") || strings.Contains(pushed, "error=") {
		t.Errorf("push: %s", pushed)
	}
	before := imageID(t, e, ref+":v1")
	e.must(t, "DELETE", "/images/"+ref+":v1", nil)
	e.must(t, "DELETE", "/images/"+path.Base(ref)+"/one", nil)
	query := url.Values{"fromImage": {path.Base(ref)}, "tag": {"v1"}, "registry": {"http://" + registry.Address + "/v1/"}}
	pulled := plainLines(t, e.raw(t, "POST", "/v1.2/images/create?"+query.Encode(), nil, nil))
	if !strings.HasPrefix(pulled, "status=Pulling repository "+ref+":v1\n") || strings.Contains(pulled, "error=") {
		t.Errorf("pull: %s", pulled)
	}
	if !regexp.MustCompile(`status=[0-9a-f]{12}: (Downloading|Extracting)\n(.*\n)*|progress=[0-9]+/([0-9]+ \([0-9.]+%\)|\? \(n/a\))\n`).MatchString(pulled) {
		t.Errorf("no progress in %s", pulled)
	}
	if after := imageID(t, e, ref+":v1"); after != before {
		t.Errorf("pulled %s, pushed %s", after, before)
	}
	name := e.name(t) // a name without a registry goes where registry= says
	e.image(t, name+"/one")
	query = url.Values{"registry": {"http://" + registry.Address + "/v1/"}}
	if out := plainLines(t, e.raw(t, "POST", "/v1.2/images/"+name+"/one/push?"+query.Encode(), nil, nil)); strings.Contains(out, "error=") {
		t.Errorf("push: %s", out)
	}
	elsewhere := registry.Ref(name) + "/one"
	if out := plainLines(t, e.raw(t, "POST", "/v1.2/images/create?tag=latest&fromImage="+url.QueryEscape(elsewhere), nil, nil)); strings.Contains(out, "error=") {
		t.Errorf("pull of what was pushed: %s", out)
	}
	e.must(t, "DELETE", "/images/"+elsewhere+":latest", nil)
	if got := e.raw(t, "POST", "/v1.2/images/"+ref+"-none/push", nil, nil); got.status != 404 {
		t.Errorf("push of what is not here: %d %s", got.status, got.body)
	}
}

// pushPrivate12: the body is the credentials, without a word about its type. From 1.5 on it is not read.
func pushPrivate12(t *testing.T, e *engine, registry *acctest.Registry, auth acctest.Auth) {
	ref := local(t, e, registry, "v1")
	push := func(version, password string) answer {
		body := fmt.Sprintf(`{"username":%q,"password":%q,"email":"h@a.com"}`, auth.Username, password)
		return e.raw(t, "POST", "/v"+version+"/images/"+ref+"/push", nil, strings.NewReader(body))
	}
	for _, refused := range []answer{push("1.2", "wrong"), push("1.5", auth.Password)} {
		if refused.status == 200 && !strings.Contains(string(refused.body), `"error"`) || !regexp.MustCompile("no basic auth|unauthorized").Match(refused.body) {
			t.Errorf("refused: %d %s", refused.status, refused.body)
		}
	}
	if got := plainLines(t, push("1.2", auth.Password)); strings.Contains(got, "error=") {
		t.Errorf("push: %s", got)
	}
	got := e.raw(t, "POST", "/v1.2/images/"+ref+"/push", nil, strings.NewReader(`{"username":`))
	if got.status != 400 {
		t.Errorf("push with nonsense: %d %s", got.status, got.body)
	}
}

// pullMissing12: the document has 200 and 500 only; what the registry says is the stream's last object.
func pullMissing12(t *testing.T, e *engine, registry *acctest.Registry) {
	ref := registry.Ref(e.name(t) + "/none")
	got := lines(t, e.raw(t, "POST", "/v1.2/images/create?tag=v1&fromImage="+url.QueryEscape(ref), nil, nil))
	if len(got) != 2 || got[0]["status"] != "Pulling repository "+ref+":v1" || !strings.Contains(fmt.Sprint(got[1]["error"]), "not found") || len(got[1]) != 1 {
		t.Errorf("%v", got)
	}
}

func checkAuth12(t *testing.T, e *engine, registry *acctest.Registry, auth acctest.Auth) {
	ask := func(password string) answer {
		body := fmt.Sprintf(`{"username":%q,"password":%q,"email":"h@a.com","serveraddress":%q}`, auth.Username, password, registry.Address)
		return e.raw(t, "POST", "/v1.2/auth", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(body))
	}
	got := ask(auth.Password)
	var status map[string]any
	decode(t, got.body, &status)
	if diff := cmp.Diff(map[string]any{"Status": "Login Succeeded"}, status); diff != "" || got.status != 200 {
		t.Errorf("right password: %d (-want +got)\n%s", got.status, diff)
	}
	if got := ask("wrong"); got.status != 401 {
		t.Errorf("wrong password: %d %s", got.status, got.body)
	}
}

// A file is put into an image, under a name or into a folder, and the image's settings stay.
func TestInsert12(t *testing.T) {
	early(t, map[string]func(*testing.T, *engine){"insert": func(t *testing.T, e *engine) {
		address := serve(t, map[string][]byte{"/a $file's": []byte("inserted\n"), "/b": []byte("other\n")})
		for url, want := range map[string]string{
			"url=" + url.QueryEscape(address+"/a%20$file's") + "&path=" + url.QueryEscape("/new dir/it's"): "/new dir/it's",
			"url=" + url.QueryEscape(address+"/b") + "&path=/etc":                                          "/etc/b",
		} {
			got := lines(t, e.raw(t, "POST", "/v1.2/images/"+acctest.Busybox+"/insert?"+url, nil, nil))
			if len(got) < 3 || got[0]["status"] != "Inserting..." || got[1]["status"] != "Inserting" {
				t.Fatalf("%s: %v", url, got)
			}
			id, ok := got[len(got)-1]["status"].(string)
			if !ok || !regexp.MustCompile("^[0-9a-f]{12}$").MatchString(id) {
				t.Fatalf("%s: %v", url, got)
			}
			container := e.run(t, e.name(t), map[string]any{"Image": id}, "cat", want)
			e.must(t, "POST", "/containers/"+container+"/wait", nil)
			if out := e.raw(t, "POST", "/v1.2/containers/"+container+"/attach?logs=1&stdout=1&stderr=1", nil, nil); string(out.body) != "inserted\n" && string(out.body) != "other\n" {
				t.Errorf("%s: %q", want, out.body)
			}
		}
	}, "triggers": func(t *testing.T, e *engine) {
		name, address := e.name(t), serve(t, map[string][]byte{"/b": []byte("other\n")})
		e.must(t, "POST", "/build?t="+name+"/base", tarball(t, [2]string{"Dockerfile", "FROM " + acctest.Busybox + "\nONBUILD RUN exit 1\n"}))
		got := lines(t, e.raw(t, "POST", "/v1.2/images/"+name+"/base/insert?path=/b&url="+url.QueryEscape(address+"/b"), nil, nil))
		id := fmt.Sprint(got[len(got)-1]["status"])
		var image struct{ Config struct{ OnBuild []string } }
		decode(t, e.must(t, "GET", "/images/"+id+"/json", nil).body, &image)
		if diff := cmp.Diff([]string{"RUN exit 1"}, image.Config.OnBuild); diff != "" {
			t.Errorf("triggers (-want +got):\n%s", diff)
		}
		e.must(t, "DELETE", "/images/"+id, nil)
	}})
}

// Each version shows of an index's answer what it knows.
func TestSearchAcrossVersions(t *testing.T) {
	address := serve(t, map[string][]byte{"/v1/search": []byte(`{"num_results":1,"results":[
		{"name":"a/sshd","description":"d","star_count":3,"is_official":false,"is_automated":true}]}`)})
	e := newEngine(acctest.NewCleatd(t, "--search-index="+address))
	for version, want := range map[string]string{
		"1.2":  `[{"Description":"d","Name":"a/sshd"}]`,
		"1.6":  `[{"Description":"d","Name":"a/sshd"}]`,
		"1.7":  `[{"description":"d","is_official":false,"is_trusted":true,"name":"a/sshd","star_count":3}]`,
		"1.11": `[{"description":"d","is_official":false,"is_trusted":true,"name":"a/sshd","star_count":3}]`,
		"1.12": `[{"star_count":3,"is_official":false,"name":"a/sshd","is_automated":true,"description":"d"}]`,
	} {
		got := e.raw(t, "GET", "/v"+version+"/images/search?term=sshd", nil, nil)
		var have, wanted any
		decode(t, got.body, &have)
		decode(t, []byte(want), &wanted)
		if diff := cmp.Diff(wanted, have); diff != "" || got.status != 200 {
			t.Errorf("%s: %d (-want +got)\n%s", version, got.status, diff)
		}
	}
}
