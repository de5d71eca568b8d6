//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/builds"
	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/containers"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/execs"
	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/images"
	"github.com/cleat-dev/cleat/daemon/logs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/networks"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/daemon/spec"
	"github.com/cleat-dev/cleat/daemon/system"
	"github.com/cleat-dev/cleat/daemon/volumes"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/internal/version"
)

const (
	// keptEvents are replayed to clients that ask for the past.
	keptEvents = 4096
	// monitorProgram is a container's monitor, and its process 1 when it asks for one.
	monitorProgram = "cleat-monitor"
	// closeTimeout bounds what services may still do at the end.
	closeTimeout = 15 * time.Second
)

// Daemon is a whole engine.
type Daemon struct {
	log    hclog.Logger
	server *server.Server

	kernel     *spec.Kernel
	bus        *event.Bus
	store      *content.Store
	layers     *snapshot.Layers
	network    *bridge.Driver
	runtime    *runtime.Runtime
	containers *containers.Service
	images     *images.Service
	volumes    *volumes.Service
	networks   *networks.Service
	execs      *execs.Service
	health     *health.Monitor
	builds     *builds.Service
	system     *system.Service

	// closers end what was opened, the last one first.
	closers []func(ctx context.Context) error
}

// New opens everything below the roots of the configuration and brings records and host into agreement: containers of an
// earlier daemon are taken over, what died is settled, what nobody knows is removed. An error leaves nothing open.
// observe, if not nil, is told of each call that ended.
func New(ctx context.Context, c config.Config, observe func(server.Call), log hclog.Logger) (_ *Daemon, err error) {
	d := &Daemon{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close(ctx))
		}
	}()
	for _, dir := range []string{c.DataRoot, c.ExecRoot} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, fmt.Errorf("daemon: %w", err)
		}
	}
	if err := d.open(ctx, &c); err != nil {
		return nil, err
	}
	if err := d.reconcile(ctx); err != nil {
		return nil, err
	}
	routes := Routes(Backends{
		Builds: d.builds, Containers: d.containers, Execs: d.execs, Images: d.images, Networks: d.networks, System: d.system, Volumes: d.volumes,
	})
	d.server, err = server.New(server.Config{Routes: routes, Log: log.Named("api"), Version: version.String(), Min: c.APIMin, Max: c.APIMax, CORS: c.CORS, Observe: observe})
	return d, err
}

// Serve answers on the listeners until ctx ends. Containers go on after it. Meanwhile the rules of published ports are
// kept in force, whoever changes the packet filter.
func (d *Daemon) Serve(ctx context.Context, listeners ...net.Listener) error {
	watched := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(watched)
		if err := d.network.Watch(ctx); err != nil { // the engine works without
			d.log.Warn("the packet filter is not watched: rules another program removes are missing until the next start", "error", err)
		}
	}()
	defer func() { cancel(); <-watched }()
	return d.server.Serve(ctx, listeners...)
}

// Close lets go of everything. Containers go on.
func (d *Daemon) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i](ctx))
	}
	d.closers = nil
	return errors.Join(errs...)
}

func (d *Daemon) onClose(do func() error) {
	d.closers = append(d.closers, func(context.Context) error { return do() })
}

// open makes mechanisms and services. Nothing on the host is changed yet, except for the default network.
func (d *Daemon) open(ctx context.Context, c *config.Config) error {
	db, err := metadata.Open(filepath.Join(c.DataRoot, "records.db"))
	if err != nil {
		return err
	}
	d.onClose(db.Close)
	if d.bus, err = event.Open(db, keptEvents); err != nil {
		return err
	}
	if d.store, err = content.Open(ctx, filepath.Join(c.DataRoot, "images"), d.log.Named("content")); err != nil {
		return err
	}
	d.onClose(d.store.Close)
	d.layers = snapshot.New(d.store, filepath.Join(c.DataRoot, "layers"), d.log.Named("layers"))
	d.onClose(func() error { d.layers.Wait(); return nil })
	if err := d.openNetwork(ctx, c, db); err != nil {
		return err
	}
	if err := d.openRuntime(ctx, c); err != nil {
		return err
	}
	if err := d.openImages(ctx, c); err != nil {
		return err
	}
	if err := d.openContainers(ctx, c, db); err != nil {
		return err
	}
	d.builds, err = builds.New(builds.Config{
		Root: filepath.Join(c.DataRoot, "builds"), DB: db, Images: buildImages{d.images}, Containers: buildContainers{d.containers}, Layers: d.layers,
		Log: d.log.Named("builds"),
	})
	if err != nil {
		return err
	}
	return d.openSystem(c, db)
}

func (d *Daemon) openNetwork(ctx context.Context, c *config.Config, db *metadata.DB) error {
	options := bridge.Config{
		Name: c.Bridge, NetnsRoot: filepath.Join(c.ExecRoot, "netns"), DB: db, Isolated: !c.ICC, NoMasquerade: !c.Masquerade, MTU: c.MTU, HostIP: c.HostIP,
		Log: d.log.Named("network"),
	}
	if c.BIP.IsValid() {
		options.BIP = c.BIP.String()
	}
	for _, pool := range c.Pools {
		options.Pools = append(options.Pools, bridge.Pool{Base: pool.Base, Size: pool.Size})
	}
	var err error
	if d.network, err = bridge.Open(options); err != nil {
		return err
	}
	d.onClose(d.network.Close)
	d.networks, err = networks.New(ctx, networks.Config{DB: db, Driver: d.network, Events: d.bus, Containers: late{d}, Log: d.log.Named("networks")})
	return err
}

// openRuntime finds the helpers. What they report reaches the containers service, which is made after it and before
// anything is adopted or started.
func (d *Daemon) openRuntime(ctx context.Context, c *config.Config) error {
	monitor, err := helper(c.HelperDir, monitorProgram)
	if err != nil {
		return err
	}
	creator, err := helper(c.HelperDir, "cleat-creator")
	if err != nil {
		return err
	}
	d.runtime, err = runtime.New(ctx, runtime.Config{
		StateRoot: filepath.Join(c.DataRoot, "state"), ExecRoot: filepath.Join(c.ExecRoot, "run"), MonitorPath: monitor, CreatorPath: creator,
		Log:     d.log.Named("runtime"),
		OnEntry: func(id string, e runtime.Entry, offset int64) error { return d.containers.OnEntry(id, e, offset) },
		OnOOM:   func(id string) { d.containers.OnOOM(id) },
	})
	if err != nil {
		return err
	}
	d.onClose(d.runtime.Close)
	return nil
}

// helper returns the path of one of the daemon's programs: in dir, or beside the daemon.
func helper(dir, name string) (string, error) {
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("daemon: %w", err)
		}
		if self, err = filepath.EvalSymlinks(self); err != nil {
			return "", fmt.Errorf("daemon: %w", err)
		}
		dir = filepath.Dir(self)
	}
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("daemon: its helper program is missing: %w; it is part of the same release (--helper-dir)", err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("daemon: its helper %s is no program", path)
	}
	return path, nil
}

func (d *Daemon) openImages(ctx context.Context, c *config.Config) error {
	client, err := registry.New(registry.Config{
		Mirrors: c.Mirrors, Insecure: c.InsecureRegistries, Index: c.SearchIndex, CertsDirs: c.CertsDirs,
		UserAgent: "cleatd/" + version.String(), Log: d.log.Named("registry"),
	})
	if err != nil {
		return err
	}
	d.onClose(func() error { client.Close(); return nil })
	d.images, err = images.Open(ctx, images.Config{
		Store: d.store, Layers: d.layers, Registry: client, Events: d.bus, Users: imageUsers{d}, MaxDownloads: c.Downloads, Log: d.log.Named("images"),
	})
	return err
}

func (d *Daemon) openContainers(ctx context.Context, c *config.Config, db *metadata.DB) error {
	var err error
	if d.kernel, err = spec.ReadKernel(); err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	if err := d.kernel.LoadAppArmor(); err != nil {
		d.log.Warn("containers", "error", err)
	}
	watcher, err := logs.NewWatcher()
	if err != nil {
		return err
	}
	d.onClose(watcher.Close)
	d.volumes, err = volumes.New(ctx, volumes.Config{Root: filepath.Join(c.DataRoot, "volumes"), DB: db, Events: d.bus, Log: d.log.Named("volumes")})
	if err != nil {
		return err
	}
	d.execs, err = execs.New(execs.Config{DB: db, Events: d.bus, Containers: late{d}, Process: execs.Processes(d.runtime), Log: d.log.Named("execs")})
	if err != nil {
		return err
	}
	init, err := helper(c.HelperDir, monitorProgram)
	if err != nil {
		return err
	}
	d.health = health.New(ctx, probes{d.execs}, d.log.Named("health"))
	d.containers, err = containers.New(ctx, containers.Config{
		Root: filepath.Join(c.DataRoot, "containers"), DB: db, Events: d.bus, Kernel: d.kernel, Runtime: containers.WrapRuntime(d.runtime), Layers: d.layers,
		Network: d.networks, Images: containerImages{d.images}, Volumes: containerVolumes{d.volumes}, Execs: d.execs,
		Health: d.health, Init: init, InitAlways: c.Init, Driver: storageDriver(d.store), Watcher: watcher, Log: d.log.Named("containers"),
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, d.containers.Close)
	d.onClose(d.health.Close)
	return nil
}

func (d *Daemon) openSystem(c *config.Config, db *metadata.DB) error {
	var err error
	d.system, err = system.New(system.Config{
		DB: db, Bus: d.bus, Kernel: d.kernel,
		Containers: d.Containers, Images: d.countImages, Storage: func() (string, [][2]string) { return storageDriver(d.store), nil },
		Stores:   system.Stores{Images: d.imageUsage, Containers: d.containerUsage, Volumes: d.volumes.Usage},
		DataRoot: c.DataRoot, Debug: d.log.IsDebug(), Labels: c.Labels, Pools: addressPools(c.Pools), Mirrors: c.Mirrors, InsecureRegistries: c.InsecureRegistries,
		Version: version.String(), Commit: version.Commit(), APIVersion: c.APIMax.String(), MinAPIVersion: c.APIMin.String(), Log: d.log.Named("system"),
	})
	return err
}

// storageDriver is the name clients know a snapshotter by.
func storageDriver(store *content.Store) string {
	if store.Snapshotter == content.Overlay {
		return "overlay2"
	}
	return "vfs"
}

// reconcile brings records and host into agreement. Containers come first, with their layers, networks and volumes.
func (d *Daemon) reconcile(ctx context.Context) error {
	if err := d.containers.Reconcile(ctx); err != nil {
		return err
	}
	if err := d.builds.Reconcile(ctx); err != nil {
		return err
	}
	d.store.Collect() // what of an earlier daemon's work nothing refers to
	return nil
}
