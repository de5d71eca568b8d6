package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/test/proxy"
)

// says demands that an error tells what is wrong and what to do.
func says(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(strings.ToLower(out), strings.ToLower(word)) {
			t.Errorf("the output does not say %q:\n%s", word, lastLines(out, 30))
		}
	}
}

// TestEngineKilled kills the engine, as a power cut would, while an apply makes its containers. The error is clear;
// once the engine is back, the next apply breaks the lock of the one that could not release it and does the rest.
func TestEngineKilled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		start func(testing.TB) *acctest.Engine
		// held kills the engine before it hears of a call, else it may be anywhere in it. podman killed in a create
		// leaves a name taken in its storage by a container it knows nothing of, which only "podman rm --storage"
		// removes.
		held bool
	}{
		"dockerd in a call": {start: acctest.NewDockerd},
		"dockerd":           {start: acctest.NewDockerd, held: true},
		"podman":            {start: acctest.NewPodman, held: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := test.start(t)
			before := inventory(t, e)
			p := newCleat(t, e, "cleat-queue", queued)
			ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
			defer cancel()
			now, killed := p.starts(ctx, t), make(chan struct{})
			var out strings.Builder
			cmd := p.command(ctx, &out, "apply", "-auto-approve", "-parallelism=1")
			if test.held {
				var host string
				host, now = hold(ctx, t, e, "cleat-queue-1", killed)
				cmd.Env = append(cmd.Env, "DOCKER_HOST="+host)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(ctx, t, "the moment to kill", now)
			e.Kill(t)
			close(killed)
			_ = cmd.Wait() // the code tells
			if code := cmd.ProcessState.ExitCode(); code != 1 && code != 3 {
				t.Fatalf("exit %d, want 1 or 3\n%s", code, out.String())
			}
			says(t, out.String(), "error", "docker_container.second", "run the same command again")
			e.Restart(t)
			p.apply(t)
			p.settled(t, queuedObjects)
			p.running(t, len(queuedObjects))
			p.destroy(t)
			if after := inventory(t, e); strings.Join(after, "\n") != strings.Join(before, "\n") {
				t.Errorf("there was:\n%s\nnow there is:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

// hold is the address of the engine with something between that holds back the create call of one container until the
// engine is killed. The channel tells when the call has come.
func hold(ctx context.Context, t *testing.T, e *acctest.Engine, name string, killed <-chan struct{}) (string, <-chan string) {
	t.Helper()
	held := make(chan string, 1)
	between, err := proxy.Start(filepath.Join(t.TempDir(), "sock"), e.Host, func(r *http.Request) {
		if r.URL.Query().Get("name") != name {
			return
		}
		held <- name
		select {
		case <-killed:
		case <-ctx.Done():
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = between.Close() })
	return between.Host, held
}

// TestEngineUnreachable: nothing to talk to, in the ways there are.
func TestEngineUnreachable(t *testing.T) {
	t.Parallel()
	acctest.Dockerd(t) // the tests' namespace: nothing answers on the addresses below
	const free = "tcp://127.0.0.1:1"
	for name, test := range map[string]struct {
		host  string
		words []string
	}{
		"no socket":  {"unix:///nowhere/docker.sock", []string{"/nowhere/docker.sock", "DOCKER_HOST"}},
		"refused":    {free, []string{free, "refused"}},
		"no scheme":  {"127.0.0.1", []string{"127.0.0.1", "DOCKER_HOST"}},
		"no network": {"tcp://192.0.2.1:2375", []string{"192.0.2.1:2375"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newCleat(t, acctest.Dockerd(t), "cleat-nowhere", "resource \"docker_volume\" \"v\" {\n  name = \"v\"\n}\n")
			p.driver.env = append(p.driver.env, "DOCKER_HOST="+test.host)
			for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"}} {
				out := p.must(t, 1, command...)
				says(t, out, append(test.words, "error")...)
			}
		})
	}
}

// pulls declares a container of an image that has to be pulled first, beside one that is there.
func pulls(image, provider string) string {
	return fmt.Sprintf(`
%s
resource "docker_container" "old" {
  name        = "cleat-pull-old"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}

resource "docker_image" "app" {
  name = %q
}

resource "docker_container" "new" {
  name        = "cleat-pull-new"
  image       = docker_image.app.image_id
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}
`, provider, image)
}

// TestRegistry pulls from a registry that is down, then from one that asks who we are. Nothing is changed while the
// image cannot be had; with the registry up and credentials given, the same command does it all.
func TestRegistry(t *testing.T) {
	hosted(t, func(t *testing.T, e *acctest.Engine) {
		registry := acctest.NewRegistry(t, acctest.Auth{Username: "robot", Password: "hidden-in-tests"})
		image := registry.Push(t, e, acctest.Busybox, "team/app:1")
		p := newCleat(t, e, "cleat-pull", "resource \"docker_container\" \"old\" {\n  name        = \"cleat-pull-old\"\n  image       = \"busybox:1\"\n"+
			"  command     = [\"sleep\", \"10000\"]\n  stop_signal = \"SIGKILL\"\n}\n")
		p.driver.env = append(p.driver.env, "DOCKER_CONFIG="+t.TempDir(), "HOME="+t.TempDir())
		p.apply(t)
		c := e.Client(t)
		old, err := c.ContainerInspect(t.Context(), "cleat-pull-old", client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		changed := func(configuration string) string { // the old container is to be replaced as well
			return strings.Replace(configuration, `["sleep", "10000"]`, `["sleep", "20000"]`, 1)
		}
		down := fmt.Sprintf("127.0.0.1:%d/team/app:1", acctest.FreePort(t))
		p.configure(t, changed(pulls(down, "")))
		says(t, p.must(t, 1, "apply", "-auto-approve"), down, "refused", "main.tf")

		p.configure(t, changed(pulls(image, "")))
		says(t, p.must(t, 1, "apply", "-auto-approve"), image, "main.tf", "registry_auth")

		wrong := fmt.Sprintf("provider \"docker\" {\n  registry_auth {\n    address  = %q\n    username = \"robot\"\n    password = \"not-this-one\"\n  }\n}\n", registry.Address)
		p.configure(t, changed(pulls(image, wrong)))
		out := p.must(t, 1, "apply", "-auto-approve")
		says(t, out, image, "main.tf")
		if strings.Contains(out, "not-this-one") {
			t.Error("the password is in the output")
		}
		again, err := c.ContainerInspect(t.Context(), "cleat-pull-old", client.ContainerInspectOptions{})
		if err != nil || again.Container.ID != old.Container.ID || again.Container.State.StartedAt != old.Container.State.StartedAt {
			t.Errorf("the running container was touched although the image could not be had (%v)", err)
		}

		right := strings.Replace(wrong, "not-this-one", registry.Auth.Password, 1)
		p.configure(t, changed(pulls(image, right)))
		if out := p.apply(t); strings.Contains(out, registry.Auth.Password) {
			t.Error("the password is in the output")
		}
		p.settled(t, []string{"cleat-ledger-cleat-pull", "docker_container.new", "docker_container.old"})
		p.destroy(t)
		if _, err := c.ImageInspect(t.Context(), image); err == nil {
			t.Errorf("image %s is still there", image)
		}
	})
}

// TestDiskFull builds an image that does not fit on the engine's disk: the error says so, the containers that run go
// on running, and with a smaller image the same command succeeds.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	e := acctest.NewDockerd(t)
	e.Kill(t)
	data := filepath.Join(filepath.Dir(e.Dir()), "data")
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		e.Kill(t)
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	e.Restart(t)
	if err := acctest.LoadBusybox(t.Context(), e.Client(t), acctest.Busybox); err != nil {
		t.Fatal(err)
	}
	p := newCleat(t, e, "cleat-full", `
resource "docker_container" "old" {
  name        = "cleat-full-old"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}

resource "docker_image" "big" {
  name = "cleat-full:1"

  build {
    context = "${path.module}/big"
  }
}
`)
	p.write(t, "big/Dockerfile", "FROM busybox:1\nCOPY blob /blob\n")
	p.write(t, "big/blob", "little")
	p.apply(t)
	blob := bytes.Repeat([]byte("does not fit "), 64<<20/13)
	if err := os.WriteFile(filepath.Join(p.dir, "big/blob"), blob, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, p.must(t, 1, "apply", "-auto-approve"), "no space left on device", "docker_image.big", "main.tf")
	p.running(t, 1)
	p.write(t, "big/blob", "small")
	p.apply(t)
	p.settled(t, []string{"cleat-ledger-cleat-full", "docker_container.old"})
	p.destroy(t)
}

// TestEngineGone: something answers in the engine's place, a load balancer or proxy, and cannot reach it.
func TestEngineGone(t *testing.T) {
	t.Parallel()
	e := acctest.NewDockerd(t)
	p := newCleat(t, e, "cleat-lost", "resource \"docker_volume\" \"v\" {\n  name = \"cleat-lost\"\n}\n")
	p.apply(t)
	between, err := proxy.Start(filepath.Join(t.TempDir(), "sock"), "unix:///nowhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = between.Close() })
	env := p.driver.env
	p.driver.env = append(p.driver.env[:1:1], "DOCKER_HOST="+between.Host)
	out := p.must(t, 1, "apply", "-auto-approve")
	says(t, out, "error", between.Host)
	p.driver.env = env
	p.settled(t, []string{"docker_volume.v"})
	p.destroy(t)
}
