package schema

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// step is one call of a walk through the life of objects.
type step struct {
	// call is the method and the path of the document, target what the path becomes; "" when it is the same.
	call, target string
	body         any
	status       int
	// save keeps a field of the answer for targets, as {save}.
	save, field string
}

// life makes, changes and removes one of everything. name is that of its objects.
func life(w *world, name string) []step {
	nothing := url.QueryEscape(`{"label":["nobody-has-this"]}`)
	sleeper := object{"Image": acctest.Busybox, "Cmd": list{"sleep", "3600"}, "Labels": object{"a": "b"}, "StopSignal": "SIGKILL",
		"HostConfig": object{"Memory": 64 << 20, "MemorySwap": -1}}
	return []step{
		{call: "POST /containers/create", target: "/containers/create?name=" + name, body: sleeper, status: 201, save: "c", field: "Id"},
		{call: "POST /containers/create", target: "/containers/create?name=" + name, body: sleeper, status: 409},
		{call: "POST /containers/create", body: object{"Image": "nobody:1"}, status: 404},
		{call: "POST /containers/create", body: object{"Image": acctest.Busybox, "HostConfig": object{"Memory": 1}}, status: 400},
		{call: "POST /containers/{id}/start", target: "/containers/{c}/start", status: 204},
		{call: "POST /containers/{id}/start", target: "/containers/{c}/start", status: 304},
		{call: "POST /containers/{id}/start", target: "/containers/nobody/start", status: 404},
		{call: "POST /containers/{id}/resize", target: "/containers/{c}/resize?h=20&w=80", status: 200},
		{call: "POST /containers/{id}/update", target: "/containers/{c}/update", body: object{"CpuShares": 512, "RestartPolicy": object{"Name": "no"}}, status: 200},
		{call: "POST /containers/{id}/exec", target: "/containers/{c}/exec", body: object{"Cmd": list{"true"}, "AttachStdout": true}, status: 201, save: "e", field: "Id"},
		{call: "POST /containers/{id}/exec", target: "/containers/nobody/exec", body: object{"Cmd": list{"true"}}, status: 404},
		{call: "POST /exec/{id}/start", target: "/exec/{e}/start", body: object{"Detach": true}, status: 200},
		{call: "POST /containers/{id}/rename", target: "/containers/{c}/rename?name=" + name + "-new", status: 204},
		{call: "POST /containers/{id}/rename", target: "/containers/{c}/rename?name=running", status: 409},
		{call: "POST /containers/{id}/pause", target: "/containers/{c}/pause", status: 204},
		{call: "POST /containers/{id}/exec", target: "/containers/{c}/exec", body: object{"Cmd": list{"true"}}, status: 409},
		{call: "POST /containers/{id}/unpause", target: "/containers/{c}/unpause", status: 204},
		{call: "POST /commit", target: "/commit?container={c}&repo=schema/" + name + "&comment=c", body: object{"Cmd": list{"date"}}, status: 201, save: "i", field: "Id"},
		{call: "POST /commit", target: "/commit?container=nobody", status: 404},
		{call: "PUT /containers/{id}/archive", target: "/containers/{c}/archive?path=/tmp", body: []byte(nil), status: 200},
		{call: "PUT /containers/{id}/archive", target: "/containers/{c}/archive?path=/nothing", body: []byte(nil), status: 404},
		{call: "POST /networks/create", body: object{"Name": name, "CheckDuplicate": true, "Labels": object{"a": "b"}}, status: 201, save: "n", field: "Id"},
		{call: "POST /networks/create", body: object{"Name": "x", "Driver": "nobody"}, status: 404},
		{call: "POST /networks/{id}/connect", target: "/networks/{n}/connect", body: object{"Container": name + "-new"}, status: 200},
		{call: "POST /networks/{id}/connect", target: "/networks/nobody/connect", body: object{"Container": name + "-new"}, status: 404},
		{call: "DELETE /networks/{id}", target: "/networks/{n}", status: 403},
		{call: "POST /networks/{id}/disconnect", target: "/networks/{n}/disconnect", body: object{"Container": name + "-new", "Force": true}, status: 200},
		{call: "DELETE /networks/{id}", target: "/networks/{n}", status: 204},
		{call: "DELETE /networks/{id}", target: "/networks/{n}", status: 404},
		{call: "POST /volumes/create", body: object{"Name": name, "Labels": object{"a": "b"}, "DriverOpts": object{}}, status: 201},
		{call: "DELETE /volumes/{name}", target: "/volumes/" + name, status: 204},
		{call: "DELETE /volumes/{name}", target: "/volumes/" + name, status: 404},
		{call: "DELETE /volumes/{name}", target: "/volumes/schema-volume", status: 409},
		{call: "POST /containers/{id}/kill", target: "/containers/{c}/kill?signal=CONT", status: 204},
		{call: "DELETE /containers/{id}", target: "/containers/{c}", status: 409},
		{call: "POST /containers/{id}/restart", target: "/containers/{c}/restart?t=1", status: 204},
		{call: "POST /containers/{id}/stop", target: "/containers/{c}/stop?t=1", status: 204},
		{call: "POST /containers/{id}/stop", target: "/containers/{c}/stop", status: 304},
		{call: "POST /containers/{id}/kill", target: "/containers/{c}/kill", status: 409},
		{call: "POST /containers/{id}/wait", target: "/containers/{c}/wait", status: 200},
		{call: "POST /images/{name}/tag", target: "/images/{i}/tag?repo=schema/" + name + "&tag=2", status: 201},
		{call: "POST /images/{name}/tag", target: "/images/{i}/tag?repo=UPPER", status: 400},
		{call: "DELETE /images/{name}", target: "/images/{i}?force=1", status: 200},
		{call: "DELETE /images/{name}", target: "/images/nobody", status: 404},
		{call: "DELETE /images/{name}", target: "/images/" + acctest.Busybox, status: 409},
		{call: "DELETE /containers/{id}", target: "/containers/{c}?v=1", status: 204},
		{call: "DELETE /containers/{id}", target: "/containers/{c}", status: 404},
		{call: "POST /build", target: "/build?t=schema/" + name, body: [2]string{"Dockerfile", "FROM busybox:1\nLABEL v=" + name + "\n"}, status: 200},
		{call: "DELETE /images/{name}", target: "/images/schema/" + name + "?force=1", status: 200},
		{call: "POST /auth", body: object{"username": "u", "password": "p", "serveraddress": registryOf(w)}, status: 200},
		{call: "POST /containers/prune", target: "/containers/prune?filters=" + nothing, status: 200},
		{call: "POST /images/prune", target: "/images/prune?filters=" + nothing, status: 200},
		{call: "POST /networks/prune", target: "/networks/prune?filters=" + nothing, status: 200},
		{call: "POST /volumes/prune", target: "/volumes/prune?filters=" + nothing, status: 200},
		{call: "POST /build/prune", status: 200},
		{call: "POST /swarm/init", body: object{"ListenAddr": "0.0.0.0:1"}, status: 503},
		{call: "POST /swarm/join", body: object{}, status: 503},
		{call: "POST /swarm/leave", status: 503},
		{call: "POST /services/create", body: object{}, status: 503},
		{call: "POST /secrets/create", body: object{}, status: 503},
		{call: "POST /configs/create", body: object{}, status: 503},
		{call: "POST /nodes/{id}/update", target: "/nodes/x/update", body: object{}, status: 503},
		{call: "DELETE /services/{id}", target: "/services/x", status: 503},
		{call: "POST /plugins/{name}/enable", target: "/plugins/x/enable", status: 404},
		{call: "DELETE /plugins/{name}", target: "/plugins/a/b:c", status: 404},
		{call: "POST /plugins/pull", target: "/plugins/pull?remote=x", body: list{}, status: 500},
	}
}

func registryOf(w *world) string {
	address, _, _ := strings.Cut(w.ref, "/")
	return address
}

// TestCreating: the calls that make, change and remove answer as each document says.
func TestCreating(t *testing.T) {
	w := newWorld(t)
	wrong := &findings{}
	versions(t, func(t *testing.T, d *document) {
		saved := map[string]string{}
		for _, s := range life(w, fmt.Sprintf("life%d", d.minor)) {
			method, path, _ := strings.Cut(s.call, " ")
			if d.operation(method, path) == nil {
				continue
			}
			target := s.target
			if target == "" {
				target = path
			}
			for name, value := range saved {
				target = strings.ReplaceAll(target, "{"+name+"}", value)
			}
			body := s.body
			switch files := body.(type) {
			case [2]string:
				body = tarball(t, files)
			case []byte:
				body = tarball(t, [2]string{"file", "text"})
			}
			got := w.send(t, d.minor, method, target, nil, body, 0)
			if got.status != s.status {
				wrong.add(d.minor, "%s: %d, want %d: %s", s.call, got.status, s.status, cut(got.body))
			}
			values := wrong.check(d, method, path, path, got, false)
			if s.save == "" {
				continue
			}
			if len(values) == 0 {
				t.Fatalf("1.%d: %s: nothing to keep in %d %s", d.minor, s.call, got.status, got.body)
			}
			saved[s.save] = fmt.Sprint(values[0].(object)[s.field])
		}
	})
	wrong.report(t)
}
