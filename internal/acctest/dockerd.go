package acctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/moby/moby/client"
)

// startDockerd starts Docker's daemon. It keeps away from the packet filter: published ports go through its userland
// proxy, containers of one network reach each other over the bridge, and nothing leads out of the namespace anyway.
func startDockerd(ctx context.Context) (*Engine, error) {
	if err := programs("dockerd", "runc", "ip", "mount"); err != nil {
		return nil, err
	}
	e, err := newEngine("dockerd")
	if err != nil {
		return nil, err
	}
	config, err := e.dir.write("daemon.json", "{}\n") // not the machine's
	if err != nil {
		return nil, err
	}
	bridge := "cleat" + strconv.Itoa(e.slot)
	storage := "vfs"
	if overlayWorks(e.dir.path) {
		storage = "overlay2"
	}
	e.command = func() *exec.Cmd {
		// After a kill the process ids in these are likely to be those of the new run.
		_, _ = os.RemoveAll(e.dir.join("exec")), os.Remove(e.dir.join("pid"))
		return sandboxed("dockerd",
			"--config-file", config,
			"--host", e.Host,
			"--data-root", e.dir.join("data"),
			"--exec-root", e.dir.join("exec"),
			"--pidfile", e.dir.join("pid"),
			"--storage-driver", storage,
			"--cgroup-parent", "/"+e.dir.name(),
			"--bridge", bridge,
			"--default-address-pool", "base="+e.pool()+".0.0/17,size=24",
			"--iptables=false", "--ip6tables=false", "--userland-proxy=true",
			"--insecure-registry", "127.0.0.0/8",
			"--shutdown-timeout", "1",
		)
	}
	if err := addBridge(bridge, e.pool()+".0.1/24"); err != nil {
		return nil, err
	}
	return e, e.startOrRemove(ctx)
}

// startSwarm starts a dockerd and makes it the only node of a swarm. Nobody can join: it is on loopback, at a port of
// the kernel's choice.
func startSwarm(ctx context.Context) (*Engine, error) {
	e, err := startDockerd(ctx)
	if err != nil {
		return nil, err
	}
	e.Name = "swarm"
	c, err := e.client()
	if err == nil {
		_, err = c.SwarmInit(ctx, client.SwarmInitOptions{ListenAddr: "127.0.0.1:0", AdvertiseAddr: "127.0.0.1"})
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("swarm init: %w", err), e.Close())
	}
	return e, nil
}

// startOrRemove starts a new engine, puts the images into it, and removes it when either fails.
func (e *Engine) startOrRemove(ctx context.Context) error {
	err := e.start(ctx)
	if err == nil {
		err = e.loadImages(ctx)
	}
	if err != nil && os.Getenv("CLEAT_KEEP_ENGINES") == "" {
		_ = e.Close()
	}
	return err
}
