package api

import (
	"archive/tar"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// hostile are archives no engine may follow out of where they belong.
func hostile(t *testing.T) map[string][]byte {
	t.Helper()
	good := tarball(t, [2]string{"etc/", ""}, [2]string{"etc/name", strings.Repeat("x", 4096)})
	return map[string][]byte{
		"dots":                pack(t, tar.Header{Name: "../../outside", Typeflag: tar.TypeReg}),
		"link out":            pack(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/"}, tar.Header{Name: "l/outside", Typeflag: tar.TypeReg}),
		"hard link out":       pack(t, tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "../../../../etc/passwd"}),
		"truncated":           good[:len(good)-4096],
		"no archive":          []byte(strings.Repeat("nothing like a tarball ", 100)),
		"damaged gzip":        append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), bytes.Repeat([]byte{0xff}, 600)...),
		"damaged xz":          append([]byte("\xfd7zXZ\x00"), bytes.Repeat([]byte{0xff}, 600)...),
		"zstd of 2 GiB":       append([]byte("\x28\xb5\x2f\xfd\x00\xa8"), bytes.Repeat([]byte{0}, 600)...),
		"a size of exabytes":  huge(t),
		"negative and binary": bytes.Repeat([]byte{0x80, 0xff, 0x00, 0x7f}, 512),
	}
}

func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// huge is the header of a file far larger than what follows.
func huge(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: 1 << 60, Typeflag: tar.TypeReg, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Archives that are damaged, or lead out of where they belong, make no image and leave nothing; the daemon goes on.
func TestHostileArchives(t *testing.T) {
	e := newEngine(acctest.NewCleatd(t))
	before := e.things(t)
	header := http.Header{"Content-Type": {"application/x-tar"}}
	for name, raw := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			for _, call := range []string{"POST /images/load", "POST /build?t=hostile/b&rm=1&forcerm=1", "POST /images/create?fromSrc=-&repo=hostile/i"} {
				method, path, _ := strings.Cut(call, " ")
				got := e.do(t, method, path, header, bytes.NewReader(raw))
				failed := got.status >= 400 || strings.Contains(string(got.body), `"errorDetail"`)
				// A file system may hold links to anywhere: they are followed inside of it.
				inside := strings.HasPrefix(path, "/images/create") && (name == "link out" || name == "dots")
				if !failed && !inside {
					t.Errorf("%s: %d %q", call, got.status, got.body)
				}
				if got.status >= 400 && len(bytes.TrimSpace(got.body)) == 0 {
					t.Errorf("%s: %d without a message", call, got.status)
				}
			}
			e.do(t, "DELETE", "/images/hostile/i?force=1", nil, nil)
			if diff := cmp.Diff(before, e.things(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
		})
	}
	noPanic(t, e)
}

// Bodies without end are refused with a message.
func TestOversizedBody(t *testing.T) {
	e := newEngine(acctest.NewCleatd(t))
	body := `{"Image":"busybox:1","Labels":{"x":"` + strings.Repeat("x", 64<<20) + `"}}`
	got := e.do(t, "POST", "/containers/create", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(body))
	if got.status != 413 || !strings.Contains(string(got.body), "larger") {
		t.Errorf("%d %.200s", got.status, got.body)
	}
	e.must(t, "GET", "/_ping", nil)
	noPanic(t, e)
}

// What is done twice says so.
func TestTwice(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		name := e.name(t)
		id := e.create(t, name, map[string]any{"Cmd": []string{"sleep", "1000"}})
		for _, step := range []struct {
			call string
			want int
		}{
			{"POST /containers/" + id + "/start", 204},
			{"POST /containers/" + id + "/start", 304},
			{"POST /containers/" + id + "/pause", 204},
			{"POST /containers/" + id + "/pause", 409},
			{"POST /containers/" + id + "/unpause", 204},
			{"POST /containers/" + id + "/unpause", 500},
			{"POST /containers/" + id + "/stop?t=0", 204},
			{"POST /containers/" + id + "/stop?t=0", 304},
			{"DELETE /containers/" + id, 204},
			{"DELETE /containers/" + id, 404},
		} {
			method, path, _ := strings.Cut(step.call, " ")
			if got := e.do(t, method, path, nil, nil); got.status != step.want || got.status >= 400 && !strings.Contains(string(got.body), id) {
				t.Errorf("%s: %d %s, want %d", step.call, got.status, got.body, step.want)
			}
		}
	})
}

// A port that another container has: the start fails, names it, and the container is as it was.
func TestPortTaken(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		name := e.name(t)
		published := map[string]any{"Cmd": []string{"sleep", "1000"}, "ExposedPorts": map[string]any{"80/tcp": map[string]any{}}}
		published["HostConfig"] = map[string]any{"PortBindings": map[string]any{"80/tcp": []map[string]string{{"HostPort": "18080"}}}}
		first, second := e.create(t, name+"-a", published), e.create(t, name+"-b", published)
		e.must(t, "POST", "/containers/"+first+"/start", nil)
		got := e.do(t, "POST", "/containers/"+second+"/start", nil, nil)
		if got.status != 500 || !strings.Contains(string(got.body), "port is already allocated") || !strings.Contains(string(got.body), "18080") {
			t.Errorf("%d %s", got.status, got.body)
		}
		var state struct {
			State           struct{ Running bool }
			NetworkSettings struct{ IPAddress string }
		}
		decode(t, e.must(t, "GET", "/containers/"+second+"/json", nil).body, &state)
		if state.State.Running || state.NetworkSettings.IPAddress != "" {
			t.Errorf("after it: %+v", state)
		}
		e.must(t, "DELETE", "/containers/"+first+"?force=1", nil)
		e.must(t, "POST", "/containers/"+second+"/start", nil)
	})
}

// noPanic looks at what the daemon wrote.
func noPanic(t *testing.T, e *engine) {
	t.Helper()
	log := e.Log(10000)
	for _, word := range []string{"panic", "goroutine ", "SIGSEGV"} {
		if strings.Contains(log, word) {
			t.Errorf("the daemon wrote %q:\n%s", word, log)
		}
	}
}
