//go:build linux

package daemon

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// racers is how many clients ask for the same at the same time.
const racers = 16

// tally counts answers of calls that are made at the same time.
type tally struct {
	mu       sync.Mutex
	statuses map[int]int
	bodies   []string // of failures
}

// atOnce makes calls at the same time; call gives the number of each.
func (b *bench) atOnce(t *testing.T, n int, call func(i int) (method, path, body string)) *tally {
	t.Helper()
	result := &tally{statuses: map[int]int{}}
	client := b.plainHTTP(t)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			method, path, body := call(i)
			<-start
			got, err := ask(t.Context(), client, method, path, "application/json", strings.NewReader(body))
			result.mu.Lock()
			defer result.mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			result.statuses[got.status]++
			if got.status >= 400 {
				result.bodies = append(result.bodies, fmt.Sprintf("%s %s: %d %s", method, path, got.status, got.body))
			}
		})
	}
	close(start)
	group.Wait()
	client.CloseIdleConnections()
	return result
}

// only fails unless all answers are among these.
func (r *tally) only(t *testing.T, what string, allowed ...int) {
	t.Helper()
	for status := range r.statuses {
		if !slices.Contains(allowed, status) {
			t.Errorf("%s: %v, want %v: %.2000s", what, r.statuses, allowed, strings.Join(r.bodies, "\n"))
			return
		}
	}
}

// TestRaces: whatever many clients do to one thing at the same time, each has a documented answer, as many win as can, and
// nothing is left of it.
func TestRaces(t *testing.T) {
	t.Parallel()
	port := acctest.FreePort(t)
	b := newBench(t, "--metrics-addr", "127.0.0.1:"+strconv.Itoa(port))
	b.json(t, "POST", "/networks/create", map[string]any{"Name": "race-net"}, nil)
	b.remove(t, "/containers/"+b.make(t, "", nil, nil, "true")) // makes folders that stay
	tree, things := b.steady(t, b.data()), b.things(t)
	before := b.rest(t, port)
	for range 3 {
		b.raceContainer(t)
		b.raceNames(t)
		b.raceVolumes(t)
		b.raceImages(t)
		b.raceNetworks(t)
	}
	b.storm(t)
	b.same(t, things)
	b.unchanged(t, tree, b.data())
	b.atRest(t, "races", port, before)
	b.healthy(t)
}

// raceContainer: one call after the other, each by all clients.
func (b *bench) raceContainer(t *testing.T) {
	t.Helper()
	id := b.make(t, "", nil, map[string]any{"NetworkMode": "bridge"}, "sleep", "1000")
	all := func(method, path string) *tally {
		return b.atOnce(t, racers, func(int) (string, string, string) { return method, "/containers/" + id + path, "" })
	}
	for _, step := range []struct {
		path    string
		allowed []int
		wins    int // how many have the first of these; 0 is any number
	}{
		{"/start", []int{204, 304}, 1},
		{"/pause", []int{204, 409}, 1},
		{"/unpause", []int{204, 500}, 1}, // 500 is the engines' own answer for what is not paused
		{"/restart?t=0", []int{204}, racers},
		{"/resize?h=10&w=10", []int{200, 409, 500}, 0}, // there is no terminal
		{"/stop?t=0", []int{204, 304}, 0},
		{"/start", []int{204, 304}, 1},
		{"/kill", []int{204, 409}, 0},
		{"/start", []int{204, 304}, 1},
		{"/update", []int{200}, 0},
	} {
		got := all("POST", step.path)
		got.only(t, step.path, step.allowed...)
		if wins := got.statuses[step.allowed[0]]; step.wins > 0 && wins != step.wins || wins == 0 && step.path[:3] != "/re" {
			t.Errorf("%s: %v", step.path, got.statuses)
		}
	}
	execs := b.atOnce(t, racers, func(int) (string, string, string) { return "POST", "/containers/" + id + "/exec", `{"Cmd":["true"]}` })
	execs.only(t, "exec", 201)
	var files []tar.Header
	for i := range 200 {
		files = append(files, file("raced/"+strconv.Itoa(i), "x"))
	}
	archive := string(pack(t, files...))
	unpack := b.atOnce(t, racers, func(int) (string, string, string) {
		return "PUT", "/containers/" + id + "/archive?path=/", archive
	})
	unpack.only(t, "unpack", 200)
	connect := b.atOnce(t, racers, func(i int) (string, string, string) {
		return "POST", "/networks/race-net/" + []string{"connect", "disconnect"}[i%2], `{"Container":"` + id + `"}`
	})
	connect.only(t, "connect and disconnect", 200, 403, 404, 409)
	renamed := b.atOnce(t, racers, func(i int) (string, string, string) {
		return "POST", "/containers/" + id + "/rename?name=race-" + strconv.Itoa(i), ""
	})
	renamed.only(t, "rename", 204)
	got := all("DELETE", "?force=1")
	got.only(t, "remove", 204, 404, 409)
	if got.statuses[204] == 0 {
		t.Errorf("nobody removed it: %v", got.statuses)
	}
}

// raceNames: one name is given once.
func (b *bench) raceNames(t *testing.T) {
	t.Helper()
	got := b.atOnce(t, racers, func(int) (string, string, string) {
		return "POST", "/containers/create?name=race-name", `{"Image":"busybox:1","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}`
	})
	got.only(t, "create", 201, 409)
	if got.statuses[201] != 1 {
		t.Errorf("one name: %v", got.statuses)
	}
	b.remove(t, "/containers/race-name")
	got = b.atOnce(t, racers, func(i int) (string, string, string) {
		if i%2 == 0 {
			return "POST", "/containers/create?name=race-name", `{"Image":"busybox:1","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}`
		}
		return "DELETE", "/containers/race-name", ""
	})
	got.only(t, "create and remove", 201, 204, 404, 409)
	b.remove(t, "/containers/race-name")
}

// raceVolumes: a volume in use stays.
func (b *bench) raceVolumes(t *testing.T) {
	t.Helper()
	id := b.make(t, "race-user", nil, map[string]any{"Binds": []string{"race-volume:/data"}}, "true")
	got := b.atOnce(t, racers, func(i int) (string, string, string) {
		if i%2 == 0 {
			return "POST", "/volumes/create", `{"Name":"race-volume"}`
		}
		return "DELETE", "/volumes/race-volume", ""
	})
	got.only(t, "a volume in use", 201, 409)
	b.remove(t, "/containers/"+id)
	got = b.atOnce(t, racers, func(i int) (string, string, string) {
		switch i % 3 {
		case 0:
			return "POST", "/volumes/create", `{"Name":"race-volume"}`
		case 1:
			return "DELETE", "/volumes/race-volume", ""
		}
		return "POST", "/containers/create?name=race-vol-" + strconv.Itoa(i), `{"Image":"busybox:1","Cmd":["true"],"HostConfig":{"NetworkMode":"none","Binds":["race-volume:/data"]}}`
	})
	got.only(t, "a volume that comes and goes", 201, 204, 404, 409)
	for i := range racers {
		b.remove(t, "/containers/race-vol-"+strconv.Itoa(i))
	}
	b.remove(t, "/volumes/race-volume")
}

// raceImages: an image is pulled, tagged, used and removed.
func (b *bench) raceImages(t *testing.T) {
	t.Helper()
	layer := pack(t, file("noise", string(noise(megabyte, byte(rand.Uint32())))))
	r := newLiar(t)
	r.image("race/image:1", layer)
	ref := r.ref("race/image") + ":1"
	pull := "/images/create?fromImage=" + url.QueryEscape(r.ref("race/image")) + "&tag=1"
	got := b.atOnce(t, 2*racers, func(i int) (string, string, string) {
		switch i % 4 {
		case 0:
			return "DELETE", "/images/" + ref, ""
		case 1:
			return "POST", "/containers/create?name=race-image-" + strconv.Itoa(i), `{"Image":"` + ref + `","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}`
		}
		return "POST", pull, ""
	})
	got.only(t, "pull, create and remove", 200, 201, 404, 409)
	for i := range 2 * racers {
		b.remove(t, "/containers/race-image-"+strconv.Itoa(i))
	}
	if got := b.call(t, "POST", pull, "", nil); got.status != http.StatusOK || strings.Contains(got.body, "errorDetail") {
		t.Errorf("a last pull: %d %s", got.status, got.body)
	}
	id := b.make(t, "", map[string]any{"Image": ref}, nil, "true")
	body := b.call(t, "GET", "/containers/"+id+"/archive?path=/noise", "", nil)
	if body.status != http.StatusOK || !bytes.Contains([]byte(body.body), noiseOf(layer)) {
		t.Errorf("its file: %d, %d bytes", body.status, len(body.body))
	}
	b.remove(t, "/containers/"+id)
	b.remove(t, "/images/"+ref)
}

// noiseOf is part of the one file of a layer.
func noiseOf(layer []byte) []byte { return layer[1024:2048] }

// raceNetworks: a network in use stays; a name is given as often as it is asked for, or once with CheckDuplicate, which 1.44 implies.
func (b *bench) raceNetworks(t *testing.T) {
	t.Helper()
	got := b.atOnce(t, racers, func(int) (string, string, string) { return "POST", "/networks/create", `{"Name":"race-own"}` })
	got.only(t, "networks of one name", 201, 409)
	if got.statuses[201] != 1 {
		t.Errorf("networks of one name: %v", got.statuses)
	}
	got = b.atOnce(t, racers, func(i int) (string, string, string) {
		if i%2 == 0 {
			return "DELETE", "/networks/race-own", ""
		}
		return "POST", "/containers/create?name=race-net-" + strconv.Itoa(i), `{"Image":"busybox:1","Cmd":["true"],"HostConfig":{"NetworkMode":"race-own"}}`
	})
	got.only(t, "network that goes", 201, 204, 404, 409)
	for i := range racers {
		b.remove(t, "/containers/race-net-"+strconv.Itoa(i))
	}
}

// storm: everybody does anything to one container.
func (b *bench) storm(t *testing.T) {
	t.Helper()
	calls := []struct{ method, path, body string }{
		{"POST", "/start", ""}, {"POST", "/stop?t=0", ""}, {"POST", "/kill", ""}, {"POST", "/restart?t=0", ""}, {"POST", "/pause", ""}, {"POST", "/unpause", ""},
		{"POST", "/rename?name=storm-%d", ""}, {"POST", "/exec", `{"Cmd":["true"]}`}, {"GET", "/json?size=1", ""}, {"GET", "/top", ""}, {"GET", "/logs?stdout=1", ""},
		{"GET", "/changes", ""}, {"GET", "/stats?stream=0", ""}, {"POST", "/update", `{"Memory":67108864,"MemorySwap":134217728}`}, {"GET", "/archive?path=/etc", ""},
		{"GET", "/export", ""}, {"POST", "/resize?h=1&w=1", ""}, {"DELETE", "?force=1&v=1", ""}, {"DELETE", "", ""},
	}
	for round := range 6 {
		id := b.make(t, "", nil, map[string]any{"NetworkMode": "bridge", "Binds": []string{"storm-volume:/data"}}, "sh", "-c", "echo on; sleep 1000")
		got := b.atOnce(t, 4*len(calls), func(i int) (string, string, string) {
			c := calls[rand.IntN(len(calls))]
			if round > 0 && i%4 != 0 && c.method == "DELETE" { // or it is gone at once
				c = calls[0]
			}
			path := c.path
			if strings.Contains(path, "%d") {
				path = fmt.Sprintf(path, round*1000+i)
			}
			return c.method, "/containers/" + id + path, c.body
		})
		for _, failure := range got.bodies {
			if !documented(failure) {
				t.Errorf("storm: %s", failure)
			}
		}
		b.remove(t, "/containers/"+id+"?force=1&v=1")
		if got := b.call(t, "GET", "/containers/"+id+"/json", "", nil); got.status != http.StatusNotFound {
			t.Errorf("it is still there: %d %s", got.status, got.body)
		}
	}
	b.remove(t, "/volumes/storm-volume")
}

// documented reports whether an answer to a call that came at a bad time is one that clients know.
func documented(failure string) bool {
	for _, words := range []string{
		": 404 ", ": 409 ", "is not paused", "is not running", "resize", // 500 of engines for the wrong state
	} {
		if strings.Contains(failure, words) {
			return true
		}
	}
	return false
}
