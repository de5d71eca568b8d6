//go:build linux

package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"go.etcd.io/bbolt"
)

// second runs a cleatd in the namespaces of the first, and returns what it wrote when it has ended.
func (b *bench) second(t *testing.T, args ...string) (text string, code int) {
	t.Helper()
	pid, err := b.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	target := fmt.Sprint(pid)
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target", target, "--mount", "--pid", "--", program}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// commandLine is the daemon's own with another socket and pidfile.
func (b *bench) commandLine(t *testing.T, socket string) []string {
	t.Helper()
	pid, err := b.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")[1:]
	if at := slices.Index(args, "--host"); at >= 0 {
		args = slices.Delete(args, at, at+2)
	}
	return slices.Clip(append(args, "--pidfile", socket+".pid", "--config-file", os.DevNull, "--host", "unix://"+socket))
}

// TestSecondDaemon: two daemons cannot have one data root, one socket or one pidfile. The second says so, and the first goes on.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, err := b.run(t.Context(), "runs", &container.HostConfig{NetworkMode: "none"}, "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own := b.commandLine(t, filepath.Join(dir, "s"))
	elsewhere := slices.Clip(append(own, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec")))
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"data root":             {own, []string{filepath.Join(b.data(), "records.db"), "in use by another process"}},
		"socket":                {append(elsewhere, "--host", b.Host), []string{strings.TrimPrefix(b.Host, "unix://"), "another process is listening"}},
		"pidfile":               {append(elsewhere, "--pidfile", filepath.Join(b.Root(), "pid")), []string{"runs already, as process"}},
		"a file as socket":      {append(elsewhere, "--host", "unix://"+plain), []string{plain, "socket"}},
		"a file as data root":   {append(elsewhere, "--data-root", plain), []string{plain, "not a directory"}},
		"a file as exec root":   {append(elsewhere, "--exec-root", plain), []string{plain, "not a directory"}},
		"unwritable data root":  {append(elsewhere, "--data-root", "/proc/sys/x"), []string{"/proc/sys/x"}},
		"a comma in the root":   {append(elsewhere, "--data-root", filepath.Join(dir, "a,b")), []string{"a,b", "comma"}},
		"a socket in no folder": {append(elsewhere, "--host", "unix:///proc/none/s"), []string{"/proc/none"}},
	} {
		text, code := b.second(t, test.args...)
		for _, want := range test.want {
			if code == 0 || !strings.Contains(text, want) {
				t.Errorf("%s: code %d, want …%s…: %s", name, code, want, text)
			}
		}
		if strings.Contains(text, "goroutine ") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if got, err := os.ReadFile(plain); err != nil || string(got) != "mine" {
		t.Errorf("a file of somebody else: %q, %v", got, err)
	}
	b.alive(t, id)
	b.healthy(t)
}

// alive fails unless a container runs and answers.
func (b *bench) alive(t *testing.T, id string) {
	t.Helper()
	var made struct {
		ID string `json:"Id"`
	}
	b.json(t, "POST", "/containers/"+id+"/exec", map[string]any{"Cmd": []string{"echo", "alive"}, "AttachStdout": true}, &made)
	if got := b.call(t, "POST", "/exec/"+made.ID+"/start", "application/json", strings.NewReader(`{}`)); !strings.Contains(got.body, "alive") {
		t.Errorf("exec: %d %q", got.status, got.body)
	}
}

// TestDamagedRecords: a daemon whose databases are damaged, or of a later release, does not start, says what to do, and touches
// nothing; with the files restored all is as before, containers included.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, err := b.run(t.Context(), "runs", &container.HostConfig{NetworkMode: "none"}, "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	args := b.commandLine(t, filepath.Join(t.TempDir(), "s"))
	neighbour := newBench(t) // has namespaces to run in
	b.SignalDaemon(t, syscall.SIGTERM)
	records, blobs := filepath.Join(b.data(), "records.db"), filepath.Join(b.data(), "images", "meta.db")
	page := os.Getpagesize()
	for name, test := range map[string]struct {
		file   string
		damage func(t *testing.T, file string, raw []byte)
		want   []string
	}{
		"records overwritten": {records, overwrite(func(raw []byte) []byte { return bytes.Repeat([]byte("x"), len(raw)) }), []string{"is damaged", "restore it from a backup"}},
		"records cut":         {records, overwrite(func(raw []byte) []byte { return raw[:2*page] }), []string{"is damaged", "missing"}},
		"a page of zeros":     {records, overwrite(func(raw []byte) []byte { clear(raw[2*page:]); return raw }), []string{"is damaged", "page"}},
		"images overwritten":  {blobs, overwrite(func(raw []byte) []byte { clear(raw); return raw }), []string{"is damaged", "restore it from a backup"}},
		"a folder instead":    {records, folder, []string{"is not a file"}},
		"a later release":     {records, later, []string{"format 1000", "use the cleatd that wrote it"}},
		"no JSON in a record": {records, scribble, []string{"containers", id}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(test.file)
			if err != nil {
				t.Fatal(err)
			}
			before := b.tree(t, b.data())
			test.damage(t, test.file, bytes.Clone(raw))
			broken, _ := os.ReadFile(test.file) // a folder has none
			text, code := neighbour.second(t, args...)
			for _, want := range append(test.want, test.file) {
				if name == "no JSON in a record" && want == test.file {
					continue // it names the table and the key
				}
				if code == 0 || !strings.Contains(text, want) {
					t.Errorf("code %d, want …%s…: %s", code, want, text)
				}
			}
			if strings.Contains(text, "goroutine ") {
				t.Error(text)
			}
			if now, _ := os.ReadFile(test.file); !bytes.Equal(now, broken) {
				t.Error("the file was changed")
			}
			if err := errors.Join(os.RemoveAll(test.file), os.WriteFile(test.file, raw, 0o600)); err != nil {
				t.Fatal(err)
			}
			if after := b.tree(t, b.data()); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Errorf("before %q\nafter %q", before, after)
			}
		})
	}
	b.StartDaemon(t)
	b.alive(t, id)
	b.healthy(t)
}

func overwrite(with func([]byte) []byte) func(*testing.T, string, []byte) {
	return func(t *testing.T, file string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(file, with(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func folder(t *testing.T, file string, _ []byte) {
	t.Helper()
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
}

// later writes the number of a format that is to come.
func later(t *testing.T, file string, _ []byte) {
	t.Helper()
	edit(t, file, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("cleat")).Put([]byte("format"), []byte("1000")) })
}

// scribble damages the records of all containers.
func scribble(t *testing.T, file string, _ []byte) {
	t.Helper()
	edit(t, file, func(tx *bbolt.Tx) error {
		containers := tx.Bucket([]byte("containers"))
		return containers.ForEach(func(key, value []byte) error {
			if !json.Valid(value) {
				return errors.New("no JSON")
			}
			return containers.Put(key, value[:len(value)/2])
		})
	})
}

func edit(t *testing.T, file string, do func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(do), db.Close()); err != nil {
		t.Fatal(err)
	}
}
