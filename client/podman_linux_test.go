package client

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// The commands of a build have its hosts and limits, on every engine. Podman alone builds with options of security: dockerd's
// builder on Linux has none.
func TestBuildsAlike(t *testing.T) {
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		c, err := New(t.Context(), Config{Host: e.Host})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		const file = "FROM " + acctest.Busybox + "\nRUN cat /etc/hosts; echo limit $(ulimit -Sn) $(ulimit -Hn); grep Seccomp: /proc/self/status\n"
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(file))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		options := moby.ImageBuildOptions{
			Dockerfile: "Dockerfile", NoCache: true, Remove: true, NetworkMode: "host", ExtraHosts: []string{"one:192.0.2.7", "two:192.0.2.8"},
			Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
		}
		wanted := []string{`192.0.2.7\tone`, `192.0.2.8\ttwo`, "limit 100 200"}
		if e.Name == "podman" {
			options.SecurityOpt = []string{"label=disable", "seccomp=unconfined"}
			wanted = append(wanted, `Seccomp:\t0`)
		}
		answer, err := c.ImageBuild(t.Context(), &archive, options)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		said, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(string(said), want) {
				t.Errorf("no %q in what was built:\n%s", want, said)
			}
		}
	})
}

// TestInspectBesideRemovals: an image is told of while others come and go. Podman stumbles over those.
func TestInspectBesideRemovals(t *testing.T) {
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		c, err := New(t.Context(), Config{Host: e.Host})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		var all sync.WaitGroup
		for worker := range 6 {
			all.Go(func() {
				made, err := c.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"true"}, Labels: map[string]string{"worker": fmt.Sprint(worker)}}})
				if err != nil {
					t.Error(err)
					return
				}
				defer func() {
					if _, err := c.ContainerRemove(context.WithoutCancel(t.Context()), made.ID, moby.ContainerRemoveOptions{}); err != nil {
						t.Error(err)
					}
				}()
				for n := range 8 {
					name := fmt.Sprintf("beside-%d:%d", worker, n)
					if _, err := c.ContainerCommit(t.Context(), made.ID, moby.ContainerCommitOptions{Reference: name, Config: &container.Config{}}); err != nil {
						t.Errorf("commit %s: %v", name, err)
						continue
					}
					if _, err := c.ImageInspect(t.Context(), name); err != nil {
						t.Errorf("inspect %s: %v", name, err)
					}
					if _, err := c.ImageRemove(t.Context(), name, moby.ImageRemoveOptions{}); err != nil {
						t.Errorf("remove %s: %v", name, err)
					}
				}
			})
		}
		all.Wait()
	})
}
