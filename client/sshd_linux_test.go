package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// noCommands keeps this machine's ssh and docker commands out of reach, and gives the process a home of its own.
func noCommands(t *testing.T) {
	t.Helper()
	cleanEnv(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("PATH", t.TempDir())
}

// TestOpenSSH reaches real engines through a real sshd, with no command but sshd itself.
func TestOpenSSH(t *testing.T) {
	for _, e := range []*acctest.Engine{acctest.Dockerd(t), acctest.Podman(t), acctest.Cleatd(t)} {
		t.Run(e.Name, func(t *testing.T) {
			noCommands(t)
			gate, server := acctest.StartSSHD(t), acctest.StartSSHD(t, "ForceCommand /bin/false")
			raw, err := os.ReadFile(gate.KnownHosts)
			if err != nil {
				t.Fatal(err)
			}
			hosts, err := os.OpenFile(server.KnownHosts, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hosts.Write(raw); err != nil {
				t.Fatal(err)
			}
			if err := hosts.Close(); err != nil {
				t.Fatal(err)
			}
			config := fmt.Sprintf("Host gate\n  HostName 127.0.0.1\n  Port %s\n  IdentityFile %s\nHost *\n  User root\n  UserKnownHostsFile %s\n  IdentityFile %s\n",
				gate.Port, gate.Key, server.KnownHosts, server.Key)
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := New(t.Context(), Config{Host: server.Host(strings.TrimPrefix(e.Host, "unix://")), SSHOpts: []string{"-F", file, "-J", "gate"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			var all sync.WaitGroup
			for range 30 {
				all.Go(func() {
					if _, err := c.ContainerInspect(t.Context(), "none", moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
						t.Errorf("inspect: %v", err)
					}
				})
			}
			all.Wait()
			attach(t, c)
			if a, b := gate.Connections(), server.Connections(); a != 1 || b != 1 {
				t.Errorf("%d and %d SSH connections, want one of each", a, b)
			}
			for _, cut := range []func(){server.Cut, gate.Cut} { // K#262
				cut()
				if _, err := c.ContainerInspect(t.Context(), "none", moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
					t.Errorf("inspect after a cut: %v", err)
				}
				c.wire.pool.CloseIdleConnections() // those of before may not have noticed, and creations are not sent twice
				attach(t, c)
			}
		})
	}
}

// attach runs a container that sends back what it gets: the stream is closed on one side and read on the other.
func attach(t *testing.T, c *Client) {
	t.Helper()
	made, err := c.ContainerCreate(t.Context(), moby.ContainerCreateOptions{
		Config:     &container.Config{Image: acctest.Busybox, Cmd: []string{"cat"}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := c.ContainerRemove(t.Context(), made.ID, moby.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}()
	stream, err := c.ContainerAttach(t.Context(), made.ID, moby.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := c.ContainerStart(t.Context(), made.ID, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stream.Conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(stream.Reader); err != nil || !strings.HasSuffix(string(got), "hello\n") {
		t.Errorf("the container sent %q, %v", got, err)
	}
}

// TestOpenSSHCommand: where sshd lets nobody connect to sockets, the host's docker command does.
func TestOpenSSHCommand(t *testing.T) {
	docker := acctest.Program(t, "docker")
	e := acctest.Dockerd(t)
	noCommands(t)
	server := acctest.StartSSHD(t, "AllowStreamLocalForwarding no", "SetEnv PATH="+filepath.Dir(docker)+":/usr/bin:/bin", "MaxSessions 5")
	opts := []string{"-i", server.Key, "-o", "UserKnownHostsFile=" + server.KnownHosts}
	c, err := New(t.Context(), Config{Host: server.Host(strings.TrimPrefix(e.Host, "unix://")), SSHOpts: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	attach(t, c)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if _, err := c.ContainerInspect(t.Context(), fmt.Sprintf("none%d", i), moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("inspect: %v", err)
			}
		})
	}
	all.Wait()

	none := acctest.StartSSHD(t, "AllowStreamLocalForwarding no", "SetEnv PATH=/nowhere")
	_, err = New(t.Context(), Config{Host: none.Host(""), SSHOpts: []string{"-i", none.Key, "-o", "UserKnownHostsFile=" + none.KnownHosts}})
	if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "does not let us connect to the engine's socket (open failed), and has no docker command to do it; see that an engine runs there") {
		t.Errorf("no way in: %v", err)
	}
	_, err = New(t.Context(), Config{Host: none.Host(""), SSHOpts: []string{"-i", none.Key, "-o", "UserKnownHostsFile=/nowhere"}}) // K#80
	if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "docker engine at "+none.Host("")+": the key of [127.0.0.1]:"+none.Port+" is not known") {
		t.Errorf("unknown host: %v", err)
	}
}

// TestSSHNotUnderstood: what only the ssh command does is left to it, and its absence is told with the reason.
func TestSSHNotUnderstood(t *testing.T) {
	noCommands(t)
	_, err := New(t.Context(), Config{Host: "ssh://far", SSHOpts: []string{"-o", "ProxyCommand=nc %h %p"}})
	if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "there is no ssh command on this machine, which is needed for proxycommand nc %h %p (ssh_opts); install an OpenSSH client") {
		t.Errorf("%v", err)
	}
	t.Setenv("CLEAT_SSH", "plink")
	if _, err = New(t.Context(), Config{Host: "ssh://far"}); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), `CLEAT_SSH: found "plink", want "command"`) {
		t.Errorf("%v", err)
	}
}
