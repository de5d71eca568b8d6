//go:build linux

package daemon

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// disk is the data root of a cleatd on a file system of its own, which can be full.
type disk struct {
	*bench
	size int64
}

// newDisk starts a cleatd whose data root is a tmpfs. It is mounted in the daemon's mount namespace and goes with that.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{newBench(t), 1 << 30}
	if err := d.mount(t, "-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=711", d.size), "tmpfs"); err != nil {
		t.Fatal(err)
	}
	d.SignalDaemon(t, syscall.SIGKILL) // it begins anew on the empty disk
	d.StartDaemon(t)
	if err := acctest.LoadBusybox(t.Context(), d.docker, acctest.Busybox); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) mount(t *testing.T, args ...string) error {
	t.Helper()
	pid, err := d.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--target", strconv.Itoa(pid), "--mount", "--", "mount"}, append(args, d.data())...)
	if out, err := exec.CommandContext(t.Context(), "nsenter", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("nsenter %q: %w: %s", args, err, out)
	}
	return nil
}

// root is the data root as the daemon sees it.
func (d *disk) root(t *testing.T) string {
	t.Helper()
	pid, err := d.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join("/proc", strconv.Itoa(pid), "root", d.data())
}

func (d *disk) used(t *testing.T) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.root(t), &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks-st.Bfree) * st.Bsize
}

// fill leaves that many bytes on the disk, free all of it.
func (d *disk) fill(t *testing.T, left int64) {
	t.Helper()
	var err error
	for range 100 { // it may have less than is used by the time it is asked for
		if err = d.mount(t, "-o", fmt.Sprintf("remount,size=%d", d.used(t)+left)); err == nil {
			return
		}
	}
	t.Error(err)
}

func (d *disk) free(t *testing.T) {
	t.Helper()
	if err := d.mount(t, "-o", fmt.Sprintf("remount,size=%d", d.size)); err != nil {
		t.Error(err)
	}
}

// noise is what does not compress.
func noise(n int, seed byte) []byte {
	raw := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(raw)
	return raw
}

// file and folder are entries of an archive.
func file(name string, content string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), Uname: content}
}

// pack makes an archive. The content of a file is in its Uname, which the archive has not.
func pack(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		content := h.Uname
		h.Uname = ""
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// halfway is a body in whose middle something happens.
func halfway(raw []byte, do func()) io.Reader {
	return io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), &once{do: do}, bytes.NewReader(raw[len(raw)/2:]))
}

type once struct{ do func() }

func (o *once) Read([]byte) (int, error) {
	o.do()
	return 0, io.EOF
}

const megabyte = 1 << 20

// saved is an image of one layer as a tarball to load.
func (d *disk) saved(t *testing.T, name string, layer []byte) []byte {
	t.Helper()
	got := d.call(t, "POST", "/images/create?fromSrc=-&repo="+name, "application/x-tar", bytes.NewReader(layer))
	if why, failed := got.failed(); failed {
		t.Fatalf("import: %s", why)
	}
	out := d.call(t, "GET", "/images/"+name+"/get", "", nil)
	if out.status != http.StatusOK {
		t.Fatalf("save: %d %s", out.status, out.body)
	}
	d.remove(t, "/images/"+name)
	return []byte(out.body)
}

// TestDiskFull: on a full disk what needs room fails and says why, nothing half-made stays, what runs goes on, also over a
// restart of the daemon, and what frees room works.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	acctest.Program(t, "nsenter")
	d := newDisk(t)
	layer := pack(t, file("noise", string(noise(12*megabyte, 1))))
	image := d.saved(t, "small/image", layer)
	with := d.volumeImage(t)
	writer := d.make(t, "writer", nil, nil, "sh", "-c", "mkdir /put; text=$(printf %02000d 0); while :; do echo $text of the log; sleep 0.01; done")
	big := d.make(t, "big", nil, nil, "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=24 && echo written && sleep 1000")
	for _, id := range []string{writer, big} {
		d.json(t, "POST", "/containers/"+id+"/start", nil, nil)
	}
	d.logged(t, big, "written")
	registry := newLiar(t)
	registry.image("full/pull:1", layer)
	before := d.steady(t, d.root(t))

	half := func() { d.fill(t, megabyte) }
	for name, call := range map[string]func() reply{
		"load": func() reply { return d.call(t, "POST", "/images/load", "application/x-tar", bytes.NewReader(image)) },
		"load, full on the way": func() reply {
			d.free(t)
			return d.call(t, "POST", "/images/load", "application/x-tar", halfway(image, half))
		},
		"import": func() reply {
			return d.call(t, "POST", "/images/create?fromSrc=-&repo=full/import", "application/x-tar", bytes.NewReader(layer))
		},
		"import, full on the way": func() reply {
			d.free(t)
			return d.call(t, "POST", "/images/create?fromSrc=-&repo=full/import", "application/x-tar", halfway(layer, half))
		},
		"pull": func() reply {
			return d.call(t, "POST", "/images/create?fromImage="+url.QueryEscape(registry.ref("full/pull"))+"&tag=1", "", nil)
		},
		"pull, full on the way": func() reply {
			d.free(t)
			registry.halfway(half)
			defer registry.halfway(nil)
			return d.call(t, "POST", "/images/create?fromImage="+url.QueryEscape(registry.ref("full/pull"))+"&tag=1", "", nil)
		},
		"build context": func() reply {
			context := pack(t, file("Dockerfile", "FROM busybox:1\nCOPY noise /\n"), file("noise", string(noise(12*megabyte, 2))))
			return d.call(t, "POST", "/build?t=full/build&forcerm=1", "application/x-tar", bytes.NewReader(context))
		},
		"build step": func() reply {
			context := pack(t, file("Dockerfile", "FROM busybox:1\nRUN dd if=/dev/zero of=/big bs=1M count=2000\n"))
			return d.call(t, "POST", "/build?t=full/build&forcerm=1", "application/x-tar", bytes.NewReader(context))
		},
		"commit": func() reply { return d.call(t, "POST", "/commit?container="+big+"&repo=full/commit", "", nil) },
		"create with a volume's content": func() reply {
			return d.call(t, "POST", "/containers/create?name=full-volume", "application/json", strings.NewReader(`{"Image":"`+with+`","Cmd":["true"]}`))
		},
		"put archive": func() reply {
			return d.call(t, "PUT", "/containers/"+writer+"/archive?path=/put", "application/x-tar", bytes.NewReader(layer))
		},
	} {
		half()
		got := call()
		why, failed := got.failed()
		said := strings.Contains(why, "no space left on device") || name == "build step" && strings.Contains(got.body, "No space left on device")
		if !failed || !said || got.status != http.StatusOK && got.status != http.StatusInternalServerError {
			t.Errorf("%s: %d %.500s", name, got.status, got.body)
		}
		d.free(t)
		d.unchanged(t, before, d.root(t))
	}

	starter := d.make(t, "starter", nil, nil, "sleep", "1000")
	d.fill(t, 0)
	d.goesOn(t, writer, big)
	d.cannotStart(t, starter)
	d.SignalDaemon(t, syscall.SIGKILL)
	d.StartDaemon(t)
	d.goesOn(t, writer)
	// What frees room works: a container is stopped and removed, an image goes.
	d.json(t, "POST", "/containers/"+big+"/stop?t=0", nil, nil)
	d.remove(t, "/containers/"+big)
	d.remove(t, "/images/"+with)
	d.free(t)
	d.json(t, "POST", "/containers/"+starter+"/start", nil, nil)
	d.goesOn(t, starter)
	d.afterwards(t, writer, image)
	d.healthy(t)
}

// volumeImage is an image with a volume that has content.
func (d *disk) volumeImage(t *testing.T) string {
	t.Helper()
	context := pack(t, file("Dockerfile", "FROM busybox:1\nCOPY noise /data/noise\nVOLUME /data\n"), file("noise", string(noise(4*megabyte, 3))))
	got := d.call(t, "POST", "/build?t=full/volume", "application/x-tar", bytes.NewReader(context))
	if why, failed := got.failed(); failed {
		t.Fatalf("build: %s", why)
	}
	return "full/volume"
}

// logged waits until a container has written a word.
func (b *bench) logged(t *testing.T, id, word string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine/containers/"+id+"/logs?follow=1&stdout=1&stderr=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.plainHTTP(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var seen bytes.Buffer
	for buf := make([]byte, 4096); !strings.Contains(seen.String(), word); {
		n, err := response.Body.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			t.Fatalf("no %q in the log: %v: %.500s", word, err, seen.String())
		}
	}
}

// goesOn: containers run, can be looked at, and take commands.
func (d *disk) goesOn(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		var found struct{ State container.State }
		d.json(t, "GET", "/containers/"+id+"/json", nil, &found)
		if !found.State.Running {
			t.Fatalf("container %s does not run any more: %+v", id, found.State)
		}
		var made struct {
			ID string `json:"Id"`
		}
		d.json(t, "POST", "/containers/"+id+"/exec", map[string]any{"Cmd": []string{"echo", "alive"}, "AttachStdout": true}, &made)
		if got := d.call(t, "POST", "/exec/"+made.ID+"/start", "application/json", strings.NewReader(`{}`)); !strings.Contains(got.body, "alive") {
			t.Errorf("exec: %d %q", got.status, got.body)
		}
	}
}

// cannotStart: a start that the disk has no room for says so, and the container is as it was.
func (d *disk) cannotStart(t *testing.T, id string) {
	t.Helper()
	got := d.call(t, "POST", "/containers/"+id+"/start", "", nil)
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "no space left on device") {
		t.Errorf("start: %d %s", got.status, got.body)
	}
	var found struct{ State container.State }
	d.json(t, "GET", "/containers/"+id+"/json", nil, &found)
	if found.State.Running || found.State.Pid != 0 {
		t.Errorf("after it: %+v", found.State)
	}
}

// afterwards: with room all is as if nothing had been.
func (d *disk) afterwards(t *testing.T, writer string, image []byte) {
	t.Helper()
	d.logged(t, writer, "lines lost, the log could not be written")
	d.logged(t, writer, "of the log")
	got := d.call(t, "POST", "/images/load", "application/x-tar", bytes.NewReader(image))
	if why, failed := got.failed(); failed {
		t.Errorf("load: %s", why)
	}
	id := d.make(t, "again", nil, nil, "true")
	d.json(t, "POST", "/containers/"+id+"/start", nil, nil)
	var ended struct{ StatusCode int }
	d.json(t, "POST", "/containers/"+id+"/wait", nil, &ended)
	if raw, err := json.Marshal(ended); err != nil || ended.StatusCode != 0 {
		t.Errorf("%s, %v", raw, err)
	}
}
