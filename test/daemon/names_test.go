//go:build linux

package daemon

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// said runs a command in a container and returns what it writes.
func (b *bench) said(t *testing.T, id, script string) string {
	t.Helper()
	exec, err := b.docker.ExecCreate(t.Context(), id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", script}, AttachStdout: true, TTY: true})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := b.docker.ExecAttach(t.Context(), exec.ID, client.ExecAttachOptions{TTY: true})
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	out, err := io.ReadAll(attached.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.ReplaceAll(string(out), "\r", ""))
}

// lookup is what a container finds under a name: addresses, one a line.
func lookup(name string) string {
	return "nslookup -type=a " + name + ". | sed -n 's/^Address: //p'"
}

// TestNamesWithoutDaemon: a question that is asked while no daemon is there is answered by the next one, which also tells
// of what changes from then on.
func TestNamesWithoutDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	if _, err := b.docker.NetworkCreate(ctx, "front", client.NetworkCreateOptions{}); err != nil {
		t.Fatal(err)
	}
	on := func(mode container.NetworkMode) *container.HostConfig {
		return &container.HostConfig{NetworkMode: mode}
	}
	target, err := b.run(ctx, "target", on("front"), "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	found, err := b.docker.ContainerInspect(ctx, target, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := found.Container.NetworkSettings.Networks["front"].IPAddress.String()
	late, err := b.run(ctx, "late", on("bridge"), "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(b.Dir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	host := on("front")
	host.Binds = []string{b.Dir() + ":/go"}
	asks, err := b.run(ctx, "asks", host, "sh", "-c", "echo asking > /go/fifo; "+lookup("target"))
	if err != nil {
		t.Fatal(err)
	}

	b.SignalDaemon(t, syscall.SIGKILL)
	if word, err := os.ReadFile(fifo); err != nil || string(word) != "asking\n" { // which lets the container go on
		t.Fatalf("%q, %v", word, err)
	}
	b.StartDaemon(t)
	if code, err := b.wait(ctx, asks); err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
	if text, err := b.logs(ctx, asks); err != nil || text != address+"\n" {
		t.Errorf("a question asked without a daemon: %q, %v, want %s", text, err, address)
	}

	settings := &network.EndpointSettings{Aliases: []string{"other"}}
	if _, err := b.docker.NetworkConnect(ctx, "front", client.NetworkConnectOptions{Container: late, EndpointConfig: settings}); err != nil {
		t.Fatal(err)
	}
	if got := b.said(t, late, lookup("target")); got != address {
		t.Errorf("a container connected since: %q, want %s", got, address)
	}
	if got := b.said(t, target, lookup("other")); !strings.HasPrefix(got, "10.") {
		t.Errorf("the alias of a container connected since: %q", got)
	}
	if got := b.said(t, target, lookup("late")); got != b.said(t, target, lookup("other")) || got == "" {
		t.Errorf("the name of a container connected since: %q", got)
	}
	if _, err := b.docker.NetworkDisconnect(ctx, "front", client.NetworkDisconnectOptions{Container: late}); err != nil {
		t.Fatal(err)
	}
	if got := b.said(t, target, lookup("other")); got != "" {
		t.Errorf("a container that left is found at %s", got)
	}
}

// TestPublishedByIPv6: a container with an IPv6 address is reached by IPv6 on its published port, and by name.
func TestPublishedByIPv6(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, yes, subnet := t.Context(), true, netip.MustParsePrefix("fd00:77::/64")
	if _, err := b.docker.NetworkCreate(ctx, "six", client.NetworkCreateOptions{EnableIPv6: &yes, IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}}); err != nil {
		t.Fatal(err)
	}
	http := network.MustParsePort("80/tcp")
	made, err := b.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: "server", Config: &container.Config{Image: acctest.HTTPServer},
		HostConfig:       &container.HostConfig{NetworkMode: "six", PortBindings: network.PortMap{http: {{}}}},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{"six": {IPAMConfig: &network.EndpointIPAMConfig{IPv6Address: subnet.Addr().Next().Next().Next()}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.docker.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	found, err := b.docker.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := found.Container.NetworkSettings.Networks["six"]
	if e.GlobalIPv6Address.String() != "fd00:77::3" || e.GlobalIPv6PrefixLen != 64 || e.IPv6Gateway.String() != "fd00:77::1" {
		t.Errorf("%s/%d by %s", e.GlobalIPv6Address, e.GlobalIPv6PrefixLen, e.IPv6Gateway)
	}
	port := found.Container.NetworkSettings.Ports[http][0].HostPort
	asks, err := b.run(ctx, "asks", &container.HostConfig{NetworkMode: "six"}, "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"http://server/", "http://[fd00:77::3]/", "http://[fd00:77::1]:" + port + "/"} {
		if got := b.said(t, asks, "wget -q -O - "+url); got != "hello from cleat" {
			t.Errorf("%s: %q", url, got)
		}
	}
	if got := b.said(t, asks, "nslookup -type=aaaa server. | sed -n 's/^Address: //p'"); got != "fd00:77::3" {
		t.Errorf("AAAA of server: %q", got)
	}
}
